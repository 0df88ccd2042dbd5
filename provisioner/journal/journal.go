package journal

import (
	"cmp"
	"container/list"
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// Holds tells what holds back the jobs of a runner type in a repository now; ok is false if nothing
// does. *queue.Worker does.
type Holds interface {
	Reason(runnerType string, r provisioner.Repository) (why provisioner.Reason, ok bool)
}

// Config of a [Journal]. The zero value means the defaults.
type Config struct {
	// Types are the runner types, in their order.
	Types []provisioner.RunnerType
	// Jobs is how many are kept at most. Defaults to 10,000, of which a tenth may be jobs that no
	// runner type serves.
	Jobs int
	// Keep is how long a job is kept after the last that happened to it. Defaults to 7 days.
	Keep time.Duration
	// Store keeps jobs over restarts. Defaults to nothing.
	Store Store
	// Changed hears each time that the state of a job changes, or the reason for which it waits, or
	// when GitHub has said that it ended; not of attempts, which lead to a machine or back to where
	// the job was. It is called by [Journal.Run], one call at a time, and is not told the timeline.
	Changed func(ctx context.Context, j Job)
	// Logger defaults to nobody.
	Logger *slog.Logger
}

// Journal is what is known of jobs. It is safe for concurrent use.
type Journal struct {
	cfg   Config
	types map[string]provisioner.RunnerType
	wake  chan struct{} // somebody's reason may have changed

	mu      sync.Mutex
	holds   Holds
	records map[int64]*record
	ages    [classes]list.List // the records, each class in the order of their latest events
	sweep   sweep
	changed chan struct{}      // closed when there is news; nil while nobody waits for it
	recent  map[int64]*record  // whose reason may have changed
	dirty   map[int64]*record  // to be written down
	gone    map[int64]struct{} // to be forgotten by the store
}

// New returns an empty journal.
func New(cfg Config) *Journal {
	cfg.Jobs = cmp.Or(cfg.Jobs, 10_000)
	cfg.Keep = cmp.Or(cfg.Keep, 7*24*time.Hour)
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	j := &Journal{
		cfg: cfg, types: make(map[string]provisioner.RunnerType, len(cfg.Types)), wake: make(chan struct{}, 1), records: make(map[int64]*record),
		recent: make(map[int64]*record), dirty: make(map[int64]*record), gone: make(map[int64]struct{}),
	}
	for _, t := range cfg.Types {
		j.types[t.Name] = t
	}
	return j
}

// Ask names who is asked what holds jobs back. Until then nothing does.
func (j *Journal) Ask(h Holds) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.holds = h
}

// Observe takes an event in. It makes the Journal a [provisioner.Observer].
func (j *Journal) Observe(_ context.Context, e provisioner.Event) {
	if e.Job.ID <= 0 {
		return
	}
	if e.At.IsZero() {
		e.At = time.Now()
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	r := j.records[e.Job.ID]
	if r == nil {
		if !begins[e.Kind] {
			return // a machine of a job of which nothing else is known: an earlier process launched it
		}
		r = j.add(e.Job)
	}
	isNew := r.age == nil
	if !r.apply(e) && !isNew {
		return
	}
	if isNew && e.Kind == provisioner.EventAccepted {
		j.touch(r) // the queue has it, and the next look at all finds out what it waits for
		j.tell()
		return
	}
	j.note(r)
}

// MarkReported notes what somebody has been told of a job elsewhere, for those who tell it, so that
// it outlives the process.
func (j *Journal) MarkReported(id int64, what string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if r := j.records[id]; r != nil {
		r.Reported = what
		j.dirty[id] = r
	}
}

// note has a record written down, and those told who watch it. The caller has the lock.
func (j *Journal) note(r *record) {
	j.touch(r)
	j.dirty[r.Job.ID] = r
	j.recent[r.Job.ID] = r
	select {
	case j.wake <- struct{}{}:
	default:
	}
	j.tell()
}

func (j *Journal) tell() {
	if j.changed != nil {
		close(j.changed)
		j.changed = nil
	}
}

// News returns a channel that is closed as soon as anything has changed.
func (j *Journal) News() <-chan struct{} {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.changed == nil {
		j.changed = make(chan struct{})
	}
	return j.changed
}

// add makes a record of a job. The caller has the lock, and touches it.
func (j *Journal) add(job provisioner.Job) *record {
	j.makeRoom()
	r := &record{Job: job, Steps: make([]Step, 0, 2)}
	r.Job.CreatedAt = time.Time{} // it is learnt, and then a step
	j.records[job.ID] = r
	return r
}

// The classes of records, by which go first when there are too many.
const (
	unused  = iota // of jobs that never had a runner type
	over           // of others that are over
	alive          // of all others
	classes = iota
)

func (r *record) class() int {
	switch {
	case r.State.unused():
		return unused
	case r.State.Over():
		return over
	default:
		return alive
	}
}

// touch notes that something has happened to a job. The caller has the lock.
func (j *Journal) touch(r *record) {
	r.Updated = time.Now()
	j.file(r)
}

// file puts a record behind all others of its class.
func (j *Journal) file(r *record) {
	if r.age != nil {
		j.ages[r.filed].Remove(r.age)
	}
	r.filed = r.class()
	r.age = j.ages[r.filed].PushBack(r)
}

// makeRoom drops what is too much: the oldest of those that are over, or else the oldest.
func (j *Journal) makeRoom() {
	for j.ages[unused].Len() >= max(j.cfg.Jobs/10, 1) {
		j.forget(oldest(&j.ages[unused]))
	}
	for len(j.records) >= j.cfg.Jobs {
		r, other := oldest(&j.ages[over]), oldest(&j.ages[unused])
		if r == nil || other != nil && other.Updated.Before(r.Updated) {
			r = other
		}
		if r == nil {
			r = oldest(&j.ages[alive])
		}
		j.forget(r)
	}
}

// oldest returns the first record of a list; nil if there is none.
func oldest(l *list.List) *record {
	if e := l.Front(); e != nil {
		return e.Value.(*record)
	}
	return nil
}

// forget drops a record. The caller has the lock.
func (j *Journal) forget(r *record) {
	j.ages[r.filed].Remove(r.age)
	delete(j.records, r.Job.ID)
	delete(j.recent, r.Job.ID)
	delete(j.dirty, r.Job.ID)
	if r.saved {
		j.gone[r.Job.ID] = struct{}{}
	}
}

// forgetOld drops what nothing has happened to for long. The caller has the lock.
func (j *Journal) forgetOld(now time.Time) {
	for _, r := range j.records {
		switch age := now.Sub(r.Updated); {
		case age > j.cfg.Keep:
			j.forget(r)
		case age > abandoned && !r.State.Over() && r.State != Running:
			r.end(Gone, now, "nothing was heard of it for a day")
			j.file(r)
			j.dirty[r.Job.ID] = r
		}
	}
}

// abandoned is how long a job that does not run may go without anything happening: GitHub gives it
// up after a day.
const abandoned = 25 * time.Hour
