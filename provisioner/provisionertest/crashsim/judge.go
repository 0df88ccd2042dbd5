package crashsim

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/datawire/github-runner-provisioner/awsrunner"
	"github.com/datawire/github-runner-provisioner/awsrunner/ec2test"
	"github.com/datawire/github-runner-provisioner/provisioner/github/githubtest"
)

func (t *tenant) runners() map[int64]githubtest.Runner {
	m := map[int64]githubtest.Runner{}
	for _, r := range t.github.Runners() {
		m[r.ID] = r
	}
	return m
}

func alive(i ec2test.Instance) bool { return i.State == "pending" || i.State == "running" }

// judge looks whether any job has two machines that are, or could become, live runners for it.
func (w *world) judge() {
	runners := map[*tenant]map[int64]githubtest.Runner{}
	for _, t := range w.tenants {
		runners[t] = t.runners()
	}
	valid := map[string]string{}
	for _, i := range w.ec2.Instances() {
		t := w.tenantOf(i)
		r, ok := runners[t][registration(i)]
		if !alive(i) || !ok || w.lives[i.ID] != nil && w.lives[i.ID].over {
			continue
		}
		job := i.Tags[awsrunner.TagJob]
		if r.Busy && w.runsAnother(i.ID, job) {
			continue
		}
		key := string(t.deployment) + job
		if other := valid[key]; other != "" {
			w.violation("two machines can register for job %s of %s: %s and %s", job, t.deployment, other, i.ID)
		}
		valid[key] = i.ID
	}
}

func (w *world) runsAnother(machine, job string) bool {
	l := w.lives[machine]
	return l != nil && l.job != 0 && job != itoa(l.job)
}

// judgeTermination looks whether the service ends a machine whose registration is valid, before its
// time is over.
func (w *world) judgeTermination(by *tenant, machine string) {
	for _, i := range w.ec2.Instances() {
		if i.ID != machine || !alive(i) {
			continue
		}
		t := w.tenantOf(i)
		if by != t {
			w.violation("%s ends machine %s of %s", by.deployment, machine, t.deployment)
		}
		r, ok := t.runners()[registration(i)]
		if !ok || time.Since(i.LaunchedAt) > maxLifetime[t.deployment] {
			continue
		}
		if r.Busy {
			w.violation("the service ends machine %s, which runs a job", machine)
		} else {
			w.violation("the service ends machine %s, whose registration %d is valid", machine, r.ID)
		}
	}
}

// wasteAfter is how long a job may have had no need of a machine when one is launched for it: what
// GitHub's API lags or, for a job that is told of for the first time, what its age may be then; and
// what such a word is good for.
const wasteAfter = 45 * time.Second

// judgeLaunch looks whether a machine is launched that should not be.
func (w *world) judgeLaunch(by *process, call url.Values) {
	token, tags := call.Get("ClientToken"), map[string]string{}
	for n := 1; call.Has(fmt.Sprintf("TagSpecification.1.Tag.%d.Key", n)); n++ {
		tags[call.Get(fmt.Sprintf("TagSpecification.1.Tag.%d.Key", n))] = call.Get(fmt.Sprintf("TagSpecification.1.Tag.%d.Value", n))
	}
	if slices.ContainsFunc(w.ec2.Instances(), func(i ec2test.Instance) bool { return i.ClientToken == token }) {
		return // it makes no further one
	}
	id, _ := strconv.ParseInt(tags[awsrunner.TagJob], 10, 64)
	w.judgeNeed(by.tenant, id)
	w.judgeLimit(by, by.tenant.typeOf(ec2test.Instance{Tags: tags}), id)
	by.launches(token)
}

// judgeNeed looks whether a machine is launched for a job that needs none any more.
func (w *world) judgeNeed(t *tenant, id int64) {
	j := t.github.Job(id)
	over := j.StartedAt
	if over.IsZero() {
		over = j.CompletedAt
	}
	if !over.IsZero() && time.Since(over) > wasteAfter {
		w.violation("a machine is launched for job %d of %s, which is %s for %s", id, t.deployment, j.Status, time.Since(over).Round(time.Second))
	}
}

func (w *world) allEnded(jobs int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.jobs) < jobs || w.late > 0 {
		return false
	}
	for _, j := range w.jobs {
		if !w.ended(j) {
			return false
		}
	}
	return true
}

func (w *world) ended(j *job) bool { return j.tenant.github.Job(j.ID).Status == "completed" }

// judgeEnd looks whether the history ended well.
func (w *world) judgeEnd() {
	for _, j := range w.jobs {
		if !w.ended(j) && !w.givenUp(j) {
			w.violation("job %d still waits (accepted: %v)", j.ID, j.accepted.Load())
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
	for _, t := range w.tenants {
		w.judgeLeftovers(t)
	}
}

func (w *world) judgeLeftovers(t *tenant) {
	for _, r := range t.github.Runners() {
		if strings.HasPrefix(r.Name, "grp-") && (w.options.Reconcile || r.Online) {
			w.violation("runner %s of %s is left over", r.Name, t.deployment)
		}
	}
	depth, _ := t.queue.Depth(context.Background())
	for lane, n := range depth {
		if n != 0 {
			w.violation("%d messages of %s are left in lane %q", n, t.deployment, lane)
		}
	}
}
