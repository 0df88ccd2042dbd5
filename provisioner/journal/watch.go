package journal

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

const (
	// saveEvery is how often changes are written down.
	saveEvery = time.Second
	// lookEvery is how often every waiting job is looked at, for a reason that no event tells of.
	lookEvery = 5 * time.Second
	// gather is how long after an event its job is looked at, together with others.
	gather = 100 * time.Millisecond
	// forgetEvery is how often what is old is looked for.
	forgetEvery = 10 * time.Minute
	// settleAfter is how long a job waits in its turn before that is worth telling.
	settleAfter = 10 * time.Second
	// lastSave is the time for writing down what is left at the end.
	lastSave = 5 * time.Second
)

// Run writes down what changes, and tells what jobs wait for, until ctx ends. Then it tells and
// writes down the rest.
func (j *Journal) Run(ctx context.Context) {
	save, look, forget := time.NewTicker(saveEvery), time.NewTicker(lookEvery), time.NewTicker(forgetEvery)
	defer save.Stop()
	defer look.Stop()
	defer forget.Stop()
	for {
		select {
		case <-j.wake:
			select {
			case <-time.After(gather):
				j.look(ctx, false)
			case <-ctx.Done():
			}
		case <-look.C:
			j.look(ctx, true)
		case <-save.C:
			j.save(ctx)
		case <-forget.C:
			j.mu.Lock()
			j.forgetOld(time.Now())
			j.mu.Unlock()
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastSave)
			defer cancel()
			j.look(last, false)
			for j.save(last) && last.Err() == nil {
			}
			return
		}
	}
}

// look tells of jobs whose state, or whose reason to wait, has changed since it was told last: of
// those that something has happened to, or of all.
func (j *Journal) look(ctx context.Context, all bool) {
	for _, job := range j.changes(all) {
		if j.cfg.Changed != nil {
			j.cfg.Changed(ctx, job)
		}
	}
}

func (j *Journal) changes(all bool) (changed []Job) {
	j.mu.Lock()
	defer j.mu.Unlock()
	some := j.recent
	j.recent = make(map[int64]*record)
	if all {
		some = j.records
	}
	p := j.outline()
	var lines map[string]line
	for _, r := range some {
		why := p.reason(r, nil)
		now := told{r.State, why.Because, !r.Ended.IsZero()}
		if now == r.told || !worthTelling(r, why) {
			continue
		}
		r.told = now
		if lines == nil {
			p.records = slices.AppendSeq(p.records, maps.Values(j.records))
			lines = p.lines()
		}
		job := p.view(r, lines[r.Type])
		if r.State == Waiting {
			r.add(time.Now(), StepWaits, job.Because())
			j.dirty[r.Job.ID] = r
			j.tell()
		}
		changed = append(changed, job)
	}
	return changed
}

// worthTelling reports whether it is worth telling where a job is. An attempt is not: it leads to a
// machine, or back to where the job was, and one that probes comes twice a minute. Neither is a
// job's turn, but after a while.
func worthTelling(r *record, why provisioner.Reason) bool {
	return r.State != Launching && (why.Because != provisioner.BecauseBehind || time.Since(r.Accepted) >= settleAfter)
}
