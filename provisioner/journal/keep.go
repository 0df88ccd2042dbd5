package journal

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// Store keeps jobs over restarts, each as an opaque text under its id.
type Store interface {
	// SaveJobs stores some jobs and forgets others, together.
	SaveJobs(ctx context.Context, jobs map[int64][]byte, forgotten []int64) error
	// LoadJobs returns all that was stored and not forgotten.
	LoadJobs(ctx context.Context) (map[int64][]byte, error)
}

// Load takes in what the store has, before anything is observed. What it can't read it leaves out.
func (j *Journal) Load(ctx context.Context) error {
	if j.cfg.Store == nil {
		return nil
	}
	stored, err := j.cfg.Store.LoadJobs(ctx)
	if err != nil {
		return fmt.Errorf("what became of earlier jobs can't be read: %w", err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	p := j.outline()
	var loaded []*record
	for id, data := range stored {
		r := new(record)
		if json.Unmarshal(data, r) != nil || r.Job.ID != id || !slices.Contains(states, r.State) {
			j.gone[id] = struct{}{}
			continue
		}
		r.told = told{r.State, p.reason(r, nil).Because, !r.Ended.IsZero()}
		r.saved = true
		j.records[id] = r
		loaded = append(loaded, r)
	}
	slices.SortFunc(loaded, func(a, b *record) int { return a.Updated.Compare(b.Updated) })
	for _, r := range loaded {
		j.file(r)
	}
	j.forgetOld(time.Now())
	return nil
}

// atOnce bounds what is written down together, so that the store is free for others.
const atOnce = 256

// save writes down what has changed, as far as it fits into one step: of jobs that no runner type
// serves only what is left.
func (j *Journal) save(ctx context.Context) (more bool) {
	if j.cfg.Store == nil {
		j.mu.Lock()
		defer j.mu.Unlock()
		clear(j.dirty)
		clear(j.gone)
		return false
	}
	taken, jobs, forgotten := j.takeDirty()
	if len(jobs) == 0 && len(forgotten) == 0 {
		return false
	}
	if err := j.cfg.Store.SaveJobs(ctx, jobs, forgotten); err != nil {
		j.cfg.Logger.WarnContext(ctx, "what became of jobs can't be written down; it is tried again", "error", err)
		j.putBack(taken, forgotten)
		return false
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.dirty)+len(j.gone) > 0
}

func (j *Journal) takeDirty() (taken []*record, jobs map[int64][]byte, forgotten []int64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, r := range j.dirty {
		if j.queueHas(r) {
			delete(j.dirty, r.Job.ID)
			continue
		}
		taken = append(taken, r)
	}
	slices.SortFunc(taken, func(a, b *record) int { return b.class() - a.class() })
	taken = taken[:min(len(taken), atOnce)]
	jobs = make(map[int64][]byte, len(taken))
	for _, r := range taken {
		delete(j.dirty, r.Job.ID)
		delete(j.gone, r.Job.ID)
		if data, err := json.Marshal(r); err == nil {
			jobs[r.Job.ID] = data
			r.saved = true
		}
	}
	for id := range j.gone {
		if len(forgotten) == atOnce {
			break
		}
		forgotten = append(forgotten, id)
		delete(j.gone, id)
	}
	return taken, jobs, forgotten
}

// queueHas reports whether a job has only been accepted: then the queue has it, and the journal
// learns it from there.
func (j *Journal) queueHas(r *record) bool {
	if r.State != Waiting || r.Reported != "" {
		return false
	}
	for _, s := range r.Steps {
		switch s.Kind {
		case StepCreated, StepWaits, provisioner.EventAccepted:
		default:
			return false
		}
	}
	return true
}

func (j *Journal) putBack(taken []*record, forgotten []int64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, r := range taken {
		if j.records[r.Job.ID] == r {
			j.dirty[r.Job.ID] = r
		}
	}
	for _, id := range forgotten {
		j.gone[id] = struct{}{}
	}
}
