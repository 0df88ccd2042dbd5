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
	jobs    map[string]*trial   // by job key
	took    map[int64]int64     // the job that a registration took, as webhooks tell
	busy    map[int64]time.Time // registrations that have a job, and since when they were seen so
	changed bool
}

type trial struct {
	Failed  map[string]bool      `json:"failed,omitempty"` // machines that ended or missed their deadline and were never up
	Up      map[string]time.Time `json:"up,omitempty"`     // machines that were, and since when they are busy or over
	GivenUp bool                 `json:"given_up,omitempty"`
	Seen    time.Time            `json:"seen"` // when the job waited last
}

// keepTrial is how long a job is remembered that is not seen waiting: lists fail now and then, and
// GitHub ends a job after 24 h.
const keepTrial = 25 * time.Hour

// mostTaken bounds the registrations that are remembered with their jobs.
const mostTaken = 10_000

// apiLag is how long GitHub's lists, and its word on a job, may be behind what a runner does: up to
// 20 s have been seen.
const apiLag = 25 * time.Second

// tookBy is the job that a registration took; 0 if no webhook told.
func (t *trials) tookBy(registration int64) int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.took[registration]
}

// observe notes what became of the machines of all jobs that wait, and returns those that turn out
// never to have come up.
func (t *trials) observe(snap *snapshot) (failed []*machine) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.jobs == nil {
		t.jobs = map[string]*trial{}
	}
	busy := map[int64]time.Time{}
	for _, registry := range snap.registry {
		for id, r := range registry {
			if !r.Busy || !provisioner.IsRunnerName(r.Name) {
				continue
			}
			busy[id] = time.Now() // the sweep began earlier, and read this last
			if since, ok := t.busy[id]; ok {
				busy[id] = since
			}
		}
	}
	t.busy = busy
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
			x = &trial{Failed: map[string]bool{}, Up: map[string]time.Time{}, Seen: snap.now}
			t.jobs[key] = x
		}
		since, up := x.Up[m.ID]
		switch {
		case x.Failed[m.ID]:
		case m.state == Idle:
			t.changed = t.changed || !up || !since.IsZero()
			x.Up[m.ID] = time.Time{}
		case up && !since.IsZero():
		case up || m.state == Busy || t.took[m.RunnerID] != 0:
			x.Up[m.ID], t.changed = time.Now(), true
		case !m.Alive() || snap.failedToBoot(m):
			x.Failed[m.ID], t.changed = true, true
			failed = append(failed, m)
		}
	}
	maps.DeleteFunc(t.jobs, func(_ string, x *trial) bool { return snap.now.Sub(x.Seen) > keepTrial })
	return failed
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

// serves reports whether a runner that was made for the job has that very job, or may have it or
// have had it: GitHub can call a job queued for a while after a runner took it.
func (t *trials) serves(snap *snapshot, target provisioner.Target, j provisioner.Job) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	may := func(registration int64, since time.Time) bool {
		took := t.took[registration] // a hint, so it may spare the wait, and not make it longer
		return (took == 0 || took == j.ID) && snap.now.Sub(since) < apiLag
	}
	for id, r := range snap.registry[target] {
		if since, busy := t.busy[id]; busy && may(id, since) {
			if _, made, ok := snap.parse(r.Name, target); ok && made.ID == j.ID {
				return true
			}
		}
	}
	if x := t.jobs[j.Key()]; x != nil {
		for _, m := range snap.machines {
			if since, up := x.Up[m.ID]; up && m.Job == j.ID && !m.Alive() && may(m.RunnerID, since) {
				return true
			}
		}
	}
	return false
}

// JobTaken notes which job a registration took. It is a hint, cheap, and safe to call from
// anywhere.
func (s *Sweeper) JobTaken(registration, job int64) {
	if registration <= 0 || job <= 0 {
		return
	}
	s.trials.mu.Lock()
	defer s.trials.mu.Unlock()
	if s.trials.took == nil || len(s.trials.took) >= mostTaken {
		s.trials.took = map[int64]int64{}
	}
	s.trials.took[registration] = job
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
			x.Up = map[string]time.Time{}
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
	if !s.trials.changed {
		s.trials.mu.Unlock()
		return
	}
	value, err := json.Marshal(s.trials.jobs)
	s.trials.changed = false
	s.trials.mu.Unlock()
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
