package reconcile

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// supply puts the jobs into the queue that have been without a machine for two sweeps, oldest
// first: never more than there are jobs without.
func (s *Sweeper) supply(ctx context.Context, snap *snapshot, r *Report) {
	for _, m := range s.trials.observe(snap) {
		if !m.Alive() {
			s.tellLost(ctx, m, provisioner.BecauseMachineLost, "it ended before its runner was online")
		}
	}
	for _, o := range snap.orphans(s) {
		// Its machine may not be in the cloud's lists yet; reapRegistrations removes it if it stays
		// so.
		if first, _ := s.demand.since("pending/" + o.runner.Name); !o.over && snap.now.Sub(first) < orphanGrace {
			snap.class(o.t, o.target).pending[o.job.ID] = true
		}
	}
	classes := slices.SortedFunc(maps.Keys(snap.classes), func(a, b classKey) int {
		return cmp.Or(cmp.Compare(a.runnerType, b.runnerType), cmp.Compare(a.target.String(), b.target.String()))
	})
	var lost []provisioner.Job
	for _, key := range classes {
		c := snap.classes[key]
		if _, read := snap.registry[key.target]; !read || !snap.canCount(c.t.Provider) {
			continue
		}
		for _, j := range s.unserved(snap, key.target, c) {
			if !s.givenUp(ctx, key, j, r) {
				j.Generation, j.Stolen = s.generation(snap, key, j)
				lost = append(lost, j)
			}
		}
	}
	if len(lost) == 0 {
		return
	}
	queued, err := s.worker.Requeue(ctx, lost)
	if err != nil {
		r.errs = append(r.errs, fmt.Errorf("put jobs without a machine into the queue: %w", err))
	}
	for _, j := range queued {
		tries := s.trials.failed(j)
		s.cfg.Logger.InfoContext(ctx, "a job without a machine was put into the queue", "job", j.ID, "repository", j.Repository.String(), "labels", j.Labels, "earlier_machines", tries)
		if t, err := s.engine.TypeFor(j); err == nil {
			s.tell(ctx, provisioner.Event{Kind: provisioner.EventRequeued, Job: j, RunnerType: t.Name, Provider: t.Provider})
		}
		r.Requeued++
		if tries > 0 {
			r.Replaced++
		}
	}
}

// unserved returns the jobs of a class that have been without a machine since the last sweep at
// least, oldest first, and not more than the class lacks.
func (s *Sweeper) unserved(snap *snapshot, target provisioner.Target, c *class) []provisioner.Job {
	lacking := len(c.jobs) - len(c.available) - len(c.pending)
	carried := maps.Clone(c.pending)
	for _, m := range c.available {
		carried[m.Job] = true
	}
	for _, j := range c.jobs {
		if !carried[j.ID] && s.worker.Attempting(j) {
			carried[j.ID] = true
			lacking--
		}
	}
	var out []provisioner.Job
	for _, j := range c.jobs {
		if lacking <= 0 {
			break
		}
		if carried[j.ID] {
			continue
		}
		lacking--
		_, again := s.demand.since("unserved/" + j.Key())
		if (again || s.waitedUnseen(j)) && !s.trials.serves(snap, target, j) {
			out = append(out, j)
		}
	}
	return out
}

// waitedUnseen reports whether the job waited at the last sweep already, which did not look.
func (s *Sweeper) waitedUnseen(j provisioner.Job) bool {
	return s.known.outOfView(j.Repository) && !j.CreatedAt.IsZero() && j.CreatedAt.Before(s.last)
}

// generation is the one after all whose names busy runners hold, which serve other jobs and keep
// the names until they are done, or another deployment; 0 if there are none. stolen are their ids.
func (s *Sweeper) generation(snap *snapshot, key classKey, j provisioner.Job) (generation int, stolen []int64) {
	last := 0
	for _, r := range snap.registry[key.target] {
		made, ok := provisioner.ParseRunnerName(key.runnerType, r.Name)
		if ok && made.Key() == j.Key() && (r.Busy || !s.engine.Deployment().Owns(r)) {
			last, stolen = max(last, made.Generation), append(stolen, r.ID)
		}
	}
	if last == 0 {
		return 0, nil
	}
	slices.Sort(stolen)
	return last + 1, stolen
}

// givenUp reports whether a job has had its machines, and says so once.
func (s *Sweeper) givenUp(ctx context.Context, key classKey, j provisioner.Job, r *Report) bool {
	tries := s.trials.failed(j)
	if tries <= s.cfg.Replacements {
		return false
	}
	if s.trials.giveUp(j) {
		r.GivenUp++
		s.tell(ctx, provisioner.Event{
			Kind: provisioner.EventGivenUp, Job: j, RunnerType: key.runnerType,
			Reason: provisioner.Reason{Because: provisioner.BecauseNeverCameUp, Type: key.runnerType, Ahead: tries},
		})
		s.logJob(key, j).ErrorContext(ctx, "job given up: none of its machines came up", "machines", tries)
	}
	return true
}

func (s *Sweeper) logJob(key classKey, j provisioner.Job) *slog.Logger {
	return s.cfg.Logger.With("job", j.ID, "repository", j.Repository.String(), "type", key.runnerType)
}

func (s *Sweeper) log(m *machine) *slog.Logger {
	return s.cfg.Logger.With("machine", m.ID, "runner", m.RunnerName, "job", m.Job, "repository", m.Repository.String(), "type", m.Type, "provider", m.Provider)
}
