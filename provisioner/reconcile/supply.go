package reconcile

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// supply provisions the jobs that have been without a machine for two sweeps: never more than there
// are jobs without.
func (s *Sweeper) supply(ctx context.Context, snap *snapshot, r *Report) {
	s.trials.observe(snap)
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
	wanted := map[classKey][]provisioner.Job{}
	for _, key := range classes {
		c := snap.classes[key]
		if _, read := snap.registry[key.target]; read && snap.canCount(c.t.Provider) {
			wanted[key] = slices.DeleteFunc(s.unserved(snap, key.target, c), func(j provisioner.Job) bool { return s.givenUp(ctx, key, j, r) })
		}
	}
	var mu sync.Mutex
	var g errgroup.Group
	g.SetLimit(s.cfg.Concurrency)
	for _, key := range classes {
		g.Go(func() error {
			s.provision(ctx, snap, key, wanted[key], r, &mu)
			return nil
		})
	}
	_ = g.Wait()
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
		if _, again := s.demand.since("unserved/" + j.Key()); again && !s.trials.serves(snap, target, j) {
			out = append(out, j)
		}
	}
	return out
}

// attemptTimeout bounds an attempt within a sweep; what takes longer is taken up by the next one.
const attemptTimeout = time.Minute

// provision provisions jobs of one class, one after the other, until one is held back: what holds
// it back holds back the rest.
func (s *Sweeper) provision(ctx context.Context, snap *snapshot, key classKey, jobs []provisioner.Job, r *Report, mu *sync.Mutex) {
	for _, j := range jobs {
		log, tries := s.logJob(key, j), s.trials.failed(j)
		j.Generation = s.generation(snap, key, j)
		attempt, cancel := context.WithTimeout(ctx, attemptTimeout)
		out, err := s.worker.Attempt(attempt, j, snap.now)
		cancel()
		if err != nil {
			log.InfoContext(ctx, "a job without a machine waits", "error", err)
			if out.Status == provisioner.StatusServed { // and looked at again later
				continue
			}
			return
		}
		if out.Status != provisioner.StatusLaunched {
			continue
		}
		log.InfoContext(ctx, "a job that had no machine got one", "runner", out.Runner.Name, "machine", out.Machine.ID, "earlier_machines", tries)
		mu.Lock()
		r.Started++
		if tries > 0 {
			r.Replaced++
		}
		mu.Unlock()
	}
}

// generation is the one after all whose names busy runners hold, which serve other jobs and keep
// the names until they are done, or another deployment.
func (s *Sweeper) generation(snap *snapshot, key classKey, j provisioner.Job) int {
	last := 0
	for _, r := range snap.registry[key.target] {
		made, ok := provisioner.ParseRunnerName(key.runnerType, r.Name)
		if ok && made.Key() == j.Key() && (r.Busy || !s.engine.Deployment().Owns(r)) {
			last = max(last, made.Generation)
		}
	}
	return last + 1
}

// givenUp reports whether a job has had its machines, and says so once.
func (s *Sweeper) givenUp(ctx context.Context, key classKey, j provisioner.Job, r *Report) bool {
	tries := s.trials.failed(j)
	if tries <= s.cfg.Replacements {
		return false
	}
	if s.trials.giveUp(j) {
		r.GivenUp++
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
