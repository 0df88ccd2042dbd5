package reconcile_test

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

func (h *history) Types() []provisioner.RunnerType {
	return slices.Collect(maps.Values(kinds))
}

func (h *history) TypeFor(j provisioner.Job) (provisioner.RunnerType, error) {
	t, ok := kinds[j.Labels[0]]
	if !ok {
		return t, provisioner.ErrNoRunnerType
	}
	return t, nil
}

func (h *history) Deployment() provisioner.Deployment { return "mine" }

func (h *history) RepositoryID(context.Context, provisioner.Repository) (int64, error) { return 0, nil }

func (h *history) Providers() map[string]provisioner.Provider {
	return map[string]provisioner.Provider{"cloud": h}
}

func (h *history) Launch(context.Context, provisioner.Launch) (provisioner.Machine, error) {
	panic("the reconciler launches nothing by itself")
}

func (h *history) List(context.Context) ([]provisioner.Machine, error) {
	clear(h.lacking)
	h.listed = nil
	if err := h.fails("the list of machines"); err != nil {
		h.blind["linux"], h.blind["macos"] = true, true
		return nil, err
	}
	var out []provisioner.Machine
	for _, m := range h.machines {
		out = append(out, *m)
		if m.Alive() {
			h.listed = append(h.listed, m.RunnerID)
		}
	}
	return out, nil
}

func (h *history) QueuedJobs(context.Context, provisioner.Repository, provisioner.Look) (seen provisioner.Sight, err error) {
	if err := h.fails("the list of jobs"); err != nil {
		h.blind["linux"], h.jobsBlind = true, true // the organisation's runners can be read all the same
		return provisioner.Sight{}, err
	}
	for _, id := range slices.Sorted(maps.Keys(h.jobs)) {
		if j := h.jobs[id]; j.state == provisioner.JobWaiting {
			seen.Jobs = append(seen.Jobs, j.Job)
			h.lacking[j.Labels[0]]++
		}
	}
	seen.Changed, seen.Complete = h.chance(0.5), true
	return seen, nil
}

func (h *history) JobState(_ context.Context, j provisioner.Job) (provisioner.JobState, error) {
	if err := h.fails("the question for a job"); err != nil {
		return "", err
	}
	if q := h.jobs[j.ID]; q != nil {
		return q.state, nil
	}
	return provisioner.JobEnded, nil
}

func (h *history) Runners(_ context.Context, t provisioner.Target) (out []provisioner.Runner, err error) {
	if err := h.fails("the list of runners"); err != nil {
		for name, kind := range kinds {
			h.blind[name] = h.blind[name] || kind.Target(app) == t
		}
		return nil, err
	}
	for _, r := range h.sorted() {
		kind, ours := kinds[kindOf(r.Name)]
		if ours && kind.Target(app) != t || h.storm && r.ID%13 == 0 { // GitHub's lists miss what moves from page to page
			continue
		}
		out = append(out, *r)
		h.coming[r.ID] = h.comes(r)
		if ours && !r.Busy && slices.Contains(h.listed, r.ID) && h.comes(r) {
			h.lacking[kind.Name]--
		}
	}
	return out, nil
}

// old reports whether the lifetime of a registration's machine is over.
func (h *history) old(id int64) bool {
	for _, m := range h.machines {
		if m.RunnerID == id {
			return m.Type == "retired" || time.Since(m.LaunchedAt) > kinds[m.Type].MaxLifetime
		}
	}
	return false
}

// comes reports whether a runner's machine is online or may still be.
func (h *history) comes(r *provisioner.Runner) bool {
	for _, m := range h.machines {
		if m.RunnerID == r.ID {
			return m.Alive() && (r.Online || time.Since(m.LaunchedAt) < kinds[m.Type].BootDeadline)
		}
	}
	return false
}

func (h *history) Runner(_ context.Context, _ provisioner.Target, id int64) (provisioner.Runner, error) {
	if err := h.fails("the question for a runner"); err != nil {
		return provisioner.Runner{}, err
	}
	if r := h.runners[id]; r != nil {
		return *r, nil
	}
	return provisioner.Runner{}, provisioner.ErrNotFound
}

func (h *history) Remove(_ context.Context, t provisioner.Target, id int64) error {
	if err := h.fails("the removal of a registration"); err != nil {
		return err
	}
	r := h.runners[id]
	if r == nil {
		return nil
	}
	kind, ours := kinds[kindOf(r.Name)]
	switch {
	case !ours || !h.Deployment().Owns(*r) || r.Name == "grp-linux-x" || kind.Target(app) != t:
		h.violation("registration %s of %s is removed", r.Name, t)
	case h.blind[kind.Name] && !h.old(id):
		h.violation("registration %s is removed in a sweep that has not seen its like", r.Name)
	case h.jobsBlind && h.coming[id] && !h.old(id):
		h.violation("registration %s is removed as one too many in a sweep that has not seen the jobs", r.Name)
	case r.Busy:
		h.did["spared a busy runner"]++
		return provisioner.ErrRunnerBusy
	}
	h.note("registration %s (%d) is removed", r.Name, id)
	delete(h.runners, id)
	return nil
}

func (h *history) Terminate(_ context.Context, m provisioner.Machine) error {
	if err := h.fails("the end of a machine"); err != nil {
		return err
	}
	old := h.old(m.RunnerID)
	r := h.runners[m.RunnerID]
	switch {
	case h.blind[m.Type] && !old:
		h.violation("machine %s is ended in a sweep that has not seen its like", m.ID)
	case m.Type == "retired" && time.Since(m.LaunchedAt) < 6*time.Hour:
		h.violation("machine %s of a retired runner type is ended", m.ID)
	case old:
		h.did["lifetime"]++
	case r != nil && r.Busy:
		h.violation("machine %s is ended, and is busy", m.ID)
	case r != nil:
		h.violation("machine %s is ended, and its registration is valid", m.ID)
	}
	for _, x := range h.machines {
		if x.ID == m.ID && x.Alive() {
			x.State = provisioner.MachineEnded
			h.did["ended"]++
			h.note("machine %s is ended", m.ID)
			h.lost(m.RunnerID)
		}
	}
	return nil
}

// Requeue has some jobs tried at once, and others only when something happens.
func (h *history) Requeue(_ context.Context, jobs []provisioner.Job) (queued []provisioner.Job, err error) {
	for _, j := range jobs {
		if h.lacking[j.Labels[0]]--; h.lacking[j.Labels[0]] < 0 {
			h.violation("a sweep wants a machine for job %d, and has seen no lack of machines", j.ID)
		}
		if err := h.fails("the queue"); err != nil {
			return queued, err
		}
		if _, waits := h.waiting[j.ID]; waits {
			h.waiting[j.ID] = j
			continue
		}
		queued = append(queued, j)
		h.did["requeued"]++
		if h.waiting[j.ID] = j; h.chance(0.5) {
			h.work(j.ID)
		}
	}
	return queued, nil
}

func (h *history) Attempting(provisioner.Job) bool { return false }

func (h *history) ObserveMachines(string, time.Time, []provisioner.Machine) {}

func (h *history) SetBroken(string, bool) {}
