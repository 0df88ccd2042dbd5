package reconcile

import (
	"context"
	"encoding/json"
	"maps"
	"sync"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// trials are the machines that jobs which still wait have had. A machine that never came up is a
// try, and a job gets only so many; one that was well and was given to another job is none. They
// are kept over restarts where there is a store, and longer than the clouds list ended machines: a
// job that was given up stays given up.
type trials struct {
	mu      sync.Mutex
	jobs    map[string]*trial // by job key
	used    map[int64]bool    // registrations of which GitHub said that they took a job
	changed bool
}

type trial struct {
	Failed  map[string]bool `json:"failed,omitempty"` // machines that ended or missed their deadline and were never up
	Up      map[string]bool `json:"up,omitempty"`     // machines that were
	GivenUp bool            `json:"given_up,omitempty"`
	Seen    time.Time       `json:"seen"` // when the job waited last
}

// keepTrial is how long a job is remembered that is not seen waiting: lists fail now and then, and
// GitHub ends a job after 24 h.
const keepTrial = 25 * time.Hour

// mostUsed bounds the registrations that are remembered: webhooks name them, and nobody else.
const mostUsed = 10_000

// observe notes what became of the machines of all jobs that wait.
func (t *trials) observe(snap *snapshot) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.jobs == nil {
		t.jobs = map[string]*trial{}
	}
	waiting := map[int64]string{}
	for _, c := range snap.classes {
		for _, j := range c.jobs {
			waiting[j.ID] = j.Key()
			if x := t.jobs[j.Key()]; x != nil {
				x.Seen = snap.now
			}
		}
	}
	for _, m := range snap.machines {
		key, waits := waiting[m.Job]
		if !waits {
			continue
		}
		x := t.jobs[key]
		if x == nil {
			x = &trial{Failed: map[string]bool{}, Up: map[string]bool{}, Seen: snap.now}
			t.jobs[key] = x
		}
		switch {
		case x.Up[m.ID] || x.Failed[m.ID]:
		case m.state == Idle || m.state == Busy || t.used[m.RunnerID]:
			x.Up[m.ID], t.changed = true, true
		case !m.Alive() || snap.failedToBoot(m):
			x.Failed[m.ID], t.changed = true, true
		}
	}
	maps.DeleteFunc(t.jobs, func(_ string, x *trial) bool { return snap.now.Sub(x.Seen) > keepTrial })
}

// failed is the number of a job's machines that never came up.
func (t *trials) failed(j provisioner.Job) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	if x := t.jobs[j.Key()]; x != nil {
		return len(x.Failed)
	}
	return 0
}

// giveUp notes that a job is given up, and reports whether that is news.
func (t *trials) giveUp(j provisioner.Job) (news bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	x := t.jobs[j.Key()]
	if x == nil || x.GivenUp {
		return false
	}
	x.GivenUp, t.changed = true, true
	return true
}

func (t *trials) markUsed(registration int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.used == nil || len(t.used) >= mostUsed {
		t.used = map[int64]bool{}
	}
	t.used[registration] = true
}

// MarkUsed notes that a registration took a job, whichever. It is a hint, cheap, and safe to call
// from anywhere.
func (s *Sweeper) MarkUsed(registration int64) {
	if registration > 0 {
		s.trials.markUsed(registration)
	}
}

const trialsKey = "trials"

func (s *Sweeper) loadTrials(ctx context.Context) {
	if s.sweeps != 0 || s.cfg.Store == nil {
		return
	}
	value, ok, err := s.cfg.Store.Get(ctx, trialsKey)
	jobs := map[string]*trial{}
	if err == nil && ok {
		err = json.Unmarshal([]byte(value), &jobs)
	}
	if err != nil {
		s.cfg.Logger.WarnContext(ctx, "the machines that jobs had earlier can't be read", "error", err)
		return
	}
	s.trials.mu.Lock()
	defer s.trials.mu.Unlock()
	for _, x := range jobs {
		if x.Failed == nil {
			x.Failed = map[string]bool{}
		}
		if x.Up == nil {
			x.Up = map[string]bool{}
		}
	}
	s.trials.jobs = jobs
}

// saveTrials writes the trials down when there is news.
func (s *Sweeper) saveTrials(ctx context.Context) {
	if s.cfg.Store == nil {
		return
	}
	s.trials.mu.Lock()
	changed := s.trials.changed
	value, err := json.Marshal(s.trials.jobs)
	s.trials.changed = false
	s.trials.mu.Unlock()
	if !changed {
		return
	}
	if err == nil {
		err = s.cfg.Store.Put(ctx, trialsKey, string(value))
	}
	if err != nil {
		s.cfg.Logger.WarnContext(ctx, "the machines that jobs had can't be written down", "error", err)
		s.trials.mu.Lock()
		s.trials.changed = true
		s.trials.mu.Unlock()
	}
}
