package crashsim

import (
	"time"

	"github.com/datawire/github-runner-provisioner/awsrunner"
	"github.com/datawire/github-runner-provisioner/provisioner/queue"
)

// How long a job may wait for nothing: from the moment at which it has no machine, its type has
// room, and nothing has gone wrong for a while.
const (
	// clears is how long after its end trouble may be felt: calls under way take up to a minute
	// and are made again, and what GitHub asked to wait is waited for.
	clears = 3 * time.Minute
	// waits is what the contract allows after a mending, and what GitHub's lists and EC2's lag.
	waits = 90 * time.Second
	// unheard is what a job waits beside that of which no webhook told: two sweeps.
	unheard = 2*sweepEvery + 30*time.Second
)

// judgeWaiting looks whether a job waits although nothing holds it up.
func (w *world) judgeWaiting() {
	w.mu.Lock()
	jobs := w.jobs
	w.mu.Unlock()
	for _, j := range jobs {
		if !w.fair(j) || !w.needy(j) {
			delete(w.waiting, j)
			continue
		}
		since, ok := w.waiting[j]
		if !ok {
			w.waiting[j] = time.Now()
			continue
		}
		if time.Since(since) > w.allowed(j) {
			w.violation("job %d of %s (%s) waits for nothing since %.0fs", j.ID, j.tenant.deployment, j.kind.Name, since.Sub(w.begun).Seconds())
		}
	}
}

// fair reports whether nothing has been wrong for a while for a job.
func (w *world) fair(j *job) bool {
	return w.spared(j.Repository.Owner) || time.Since(w.begun) > storm+clears
}

// needy reports whether a job should get a machine.
func (w *world) needy(j *job) bool {
	if j.tenant.github.Job(j.ID).Status != "queued" || w.givenUp(j) || !j.accepted.Load() && !w.options.Reconcile {
		return false
	}
	runners, n := j.tenant.runners(), 0
	for _, i := range w.ec2.Instances() {
		if w.tenantOf(i) != j.tenant || !alive(i) {
			continue
		}
		if i.Tags[awsrunner.TagType] == j.kind.Name {
			n++
		}
		r, registered := runners[registration(i)]
		if i.Tags[awsrunner.TagJob] == itoa(j.ID) && registered && (!r.Busy || !w.runsAnother(i.ID, itoa(j.ID))) {
			return false
		}
	}
	return j.kind.Max == 0 || n < j.kind.Max
}

// allowed is how long a job may wait for nothing.
func (w *world) allowed(j *job) time.Duration {
	d := waits
	if !j.accepted.Load() {
		d += unheard
	}
	if w.weather.bootFails+w.weather.image > 0 { // the type may be one whose machines boot and never register
		d += queue.ProbeEvery
	}
	return d
}

// replacements is how many machines a job gets after its first that did not come up. One that had
// them all is given up, and said to be. A machine that was up and ended in the storm may have been
// so unseen.
const replacements = 3

func (w *world) givenUp(j *job) bool {
	n := 0
	for _, i := range w.ec2.Instances() {
		l := w.lives[i.ID]
		if l != nil && l.over && (l.runner == 0 || i.EndedAt.Sub(w.begun) < storm+clears) && i.Tags[awsrunner.TagJob] == itoa(j.ID) && w.tenantOf(i) == j.tenant {
			n++
		}
	}
	return n > replacements
}
