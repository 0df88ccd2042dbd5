package reconcile_test

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

func (h *history) happen() {
	if !h.storm {
		return
	}
	if waiting := slices.Sorted(maps.Keys(h.waiting)); len(waiting) > 0 && h.chance(0.2) {
		h.work(waiting[h.random.IntN(len(waiting))])
	}
	switch h.random.IntN(8) {
	case 0, 1:
		kind := []string{"linux", "macos"}[h.random.IntN(2)]
		j := &queuedJob{Job: provisioner.Job{ID: h.next(), RunAttempt: 1, Repository: app, Labels: []string{kind}, CreatedAt: time.Now()}, state: provisioner.JobWaiting}
		h.jobs[j.ID] = j
		h.note("job %d is queued", j.ID)
	case 2:
		if j := h.anyJob(provisioner.JobWaiting); j != nil {
			h.note("a webhook of job %d arrives", j.ID)
			_, _ = h.provision(j.Job)
		}
	case 3:
		if j := h.anyJob(provisioner.JobWaiting); j != nil {
			j.state = provisioner.JobEnded
			h.note("job %d is cancelled", j.ID)
		}
	case 4:
		if live := h.alive(); len(live) > 0 {
			m := live[h.random.IntN(len(live))]
			m.State = provisioner.MachineEnded
			h.note("machine %s dies", m.ID)
			h.lost(m.RunnerID)
		}
	case 5:
		old := provisioner.Machine{ID: fmt.Sprint("i-", h.next()), Provider: "cloud", Type: "retired", Repository: app, RunnerID: 1, LaunchedAt: time.Now()}
		old.State = provisioner.MachineAlive
		if h.chance(0.1) {
			h.machines = append(h.machines, &old)
		}
	default:
		if rs := h.sorted(); len(rs) > 0 {
			h.goOn(rs[h.random.IntN(len(rs))])
		}
	}
}

func (h *history) anyJob(s provisioner.JobState) *queuedJob {
	var out []*queuedJob
	for _, id := range slices.Sorted(maps.Keys(h.jobs)) {
		if h.jobs[id].state == s {
			out = append(out, h.jobs[id])
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out[h.random.IntN(len(out))]
}

func (h *history) alive() (out []*provisioner.Machine) {
	for _, m := range h.machines {
		if m.Alive() && m.Type != "retired" {
			out = append(out, m)
		}
	}
	return out
}

// lost is what GitHub makes of a runner whose machine is gone: its job fails, and the registration
// of one that never had a job stays.
func (h *history) lost(runner int64) {
	r := h.runners[runner]
	if r == nil {
		return
	}
	if r.Busy {
		h.finish(r)
		return
	}
	r.Online = false
}

func (h *history) finish(r *provisioner.Runner) {
	for _, j := range h.jobs {
		if j.by == r.ID {
			j.state = provisioner.JobEnded
		}
	}
	delete(h.runners, r.ID)
	h.note("runner %s finishes its job", r.Name)
}

// goOn lets a runner with a machine take its next step: come online, take a job of its labels,
// whosoever it was meant for, or finish it.
func (h *history) goOn(r *provisioner.Runner) {
	var m *provisioner.Machine
	for _, x := range h.alive() {
		if x.RunnerID == r.ID {
			m = x
		}
	}
	switch {
	case m == nil:
	case !r.Online && m.Job%7 == 0 && h.machinesOf(m.Job) == 1: // every seventh job's first machine never comes up
	case !r.Online:
		r.Online = true
		h.note("runner %s comes online", r.Name)
	case !r.Busy:
		for _, id := range slices.Sorted(maps.Keys(h.jobs)) {
			if j := h.jobs[id]; j.state == provisioner.JobWaiting && j.Labels[0] == m.Type {
				j.state, j.by, r.Busy = provisioner.JobRunning, r.ID, true
				h.note("runner %s takes job %d", r.Name, j.ID)
				return
			}
		}
	case h.storm && m.Job%5 == 0: // every fifth job's machine runs a job that does not end before its lifetime
		m.LaunchedAt = m.LaunchedAt.Add(-time.Hour)
	default:
		h.finish(r)
		if h.chance(0.8) {
			m.State = provisioner.MachineEnded // else it hangs in its shutdown
		}
	}
}

func (h *history) register(name string) *provisioner.Runner {
	r := &provisioner.Runner{ID: 1000 + h.next(), Name: name, Labels: []string{"grp-deployment-mine"}}
	h.runners[r.ID] = r
	return r
}
