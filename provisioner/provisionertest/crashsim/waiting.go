package crashsim

import (
	"slices"
	"time"

	"github.com/datawire/github-runner-provisioner/awsrunner"
	"github.com/datawire/github-runner-provisioner/awsrunner/ec2test"
	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/queue"
)

// How long a job may wait for nothing: from the moment at which it has no machine, its type has
// room, and nothing has gone wrong for a while.
const (
	// clears is how long after its end trouble may be felt: calls under way take up to a minute
	// and are made again, and what GitHub asked to wait is waited for.
	clears = 3 * time.Minute
	// patient is what the contract allows after a mending, and what GitHub's lists and EC2's lag.
	patient = 90 * time.Second
	// unheard is what a job waits beside that of which no message tells: two sweeps.
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
	return (w.spared(j.Repository.Owner) || time.Since(w.begun) > storm+clears) && !w.broken(j.tenant, j.kind)
}

// broken reports whether so many of a type's machines in a row have not come up that a launch now
// and then is all there is to be.
func (w *world) broken(t *tenant, kind provisioner.RunnerType) bool {
	const breakAfter = 5 // the reconciler's
	row := 0
	for _, i := range w.ec2.Instances() {
		l := w.lives[i.ID]
		switch {
		case l == nil || w.tenantOf(i) != t || i.Tags[awsrunner.TagType] != kind.Name:
		case l.runner != 0:
			row = 0
		case l.over || time.Now().After(l.boots):
			row++
		}
	}
	return row >= breakAfter
}

// needy reports whether a job should get a machine: it has none, no other's will do, and there is
// room for one.
func (w *world) needy(j *job) bool {
	if w.waits(j) == 0 || w.givenUp(j) || !j.accepted.Load() && !w.options.Reconcile {
		return false
	}
	runners, target := j.tenant.runners(), j.kind.Target(j.Repository)
	alike, free := 0, 0 // machines of the type; those of them that wait for a job where this one does
	for _, i := range w.ec2.Instances() {
		if w.tenantOf(i) != j.tenant || !alive(i) || i.Tags[awsrunner.TagType] != j.kind.Name {
			continue
		}
		alike++
		r, registered := runners[registration(i)]
		switch {
		case !registered || r.Target != target:
		case !r.Busy && i.Tags[awsrunner.TagJob] == itoa(j.ID):
			return false
		case !r.Busy:
			free++
		}
	}
	waiting := 0
	w.mu.Lock()
	for _, other := range w.jobs {
		if other.tenant == j.tenant && other.kind.Name == j.kind.Name && other.kind.Target(other.Repository) == target {
			waiting += w.waits(other)
		}
	}
	w.mu.Unlock()
	return free < waiting && (j.kind.Max == 0 || alike < j.kind.Max)
}

// waits is 1 for a job that waits for a runner.
func (w *world) waits(j *job) int {
	if j.tenant.github.Job(j.ID).Status == "queued" {
		return 1
	}
	return 0
}

// allowed is how long a job may wait for nothing.
func (w *world) allowed(j *job) time.Duration {
	d := patient
	if !j.accepted.Load() || w.had(j) {
		d += unheard
	}
	if w.weather.bootFails+w.weather.image > 0 { // the reconciler may have missed some that came up
		d += queue.ProbeEvery
	}
	return d
}

// had reports whether a machine was launched for a job, so that no message tells of it any more.
func (w *world) had(j *job) bool {
	return slices.ContainsFunc(w.ec2.Instances(), func(i ec2test.Instance) bool {
		return i.Tags[awsrunner.TagJob] == itoa(j.ID) && w.tenantOf(i) == j.tenant
	})
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
