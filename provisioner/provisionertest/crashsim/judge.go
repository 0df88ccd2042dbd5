package crashsim

import (
	"context"
	"strings"
	"time"

	"github.com/datawire/github-runner-provisioner/awsrunner/ec2test"
	"github.com/datawire/github-runner-provisioner/provisioner/github/githubtest"
)

func (w *world) runners() map[int64]githubtest.Runner {
	m := map[int64]githubtest.Runner{}
	for _, r := range w.github.Runners() {
		m[r.ID] = r
	}
	return m
}

func alive(i ec2test.Instance) bool { return i.State == "pending" || i.State == "running" }

// judge looks whether any job has two machines that are, or could become, live runners for it.
func (w *world) judge() {
	runners := w.runners()
	valid := map[string]string{}
	for _, i := range w.ec2.Instances() {
		r, ok := runners[registration(i)]
		if !alive(i) || !ok || w.lives[i.ID] != nil && w.lives[i.ID].over {
			continue
		}
		job := i.Tags["runner-provisioner:job"]
		if r.Busy && w.runsAnother(i.ID, job) {
			continue
		}
		if other := valid[job]; other != "" {
			w.violation("two machines can register for job %s: %s and %s", job, other, i.ID)
		}
		valid[job] = i.ID
	}
}

func (w *world) runsAnother(machine, job string) bool {
	l := w.lives[machine]
	return l != nil && l.job != 0 && job != itoa(l.job)
}

// judgeTermination looks whether the service ends a machine whose registration is valid, before its
// time is over.
func (w *world) judgeTermination(machine string) {
	runners := w.runners()
	for _, i := range w.ec2.Instances() {
		r, ok := runners[registration(i)]
		if i.ID != machine || !alive(i) || !ok || time.Since(i.LaunchedAt) > runnerType.MaxLifetime {
			continue
		}
		if r.Busy {
			w.violation("the service ends machine %s, which runs a job", machine)
		} else {
			w.violation("the service ends machine %s, whose registration %d is valid", machine, r.ID)
		}
	}
}

func (w *world) allEnded(jobs int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.jobs) < jobs {
		return false
	}
	for _, j := range w.jobs {
		if !w.ended(j) {
			return false
		}
	}
	return true
}

func (w *world) ended(j *job) bool { return w.github.Job(j.ID).Status == "completed" }

// replacements is how many machines a job gets after its first. One that none of them served is
// given up, and said to be.
const replacements = 3

func (w *world) machinesOf(j *job) (n int) {
	for _, i := range w.ec2.Instances() {
		if i.Tags["runner-provisioner:job"] == itoa(j.ID) {
			n++
		}
	}
	return n
}

// judgeEnd looks whether the history ended well.
func (w *world) judgeEnd() {
	for _, j := range w.jobs {
		if !w.ended(j) && w.machinesOf(j) <= replacements {
			w.violation("job %d still waits (accepted: %v)", j.ID, j.accepted)
		}
	}
	for _, i := range w.ec2.Instances() {
		if alive(i) {
			w.violation("machine %s is left over", i.ID)
		}
		if i.State == "stopped" {
			w.violation("machine %s is stopped, not terminated", i.ID)
		}
	}
	for _, r := range w.github.Runners() {
		if strings.HasPrefix(r.Name, "grp-") && (w.options.Reconcile || r.Online) {
			w.violation("runner %s is left over", r.Name)
		}
	}
	depth, _ := w.queue.Depth(context.Background())
	for lane, n := range depth {
		if n != 0 {
			w.violation("%d messages are left in lane %q", n, lane)
		}
	}
}
