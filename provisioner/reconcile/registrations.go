package reconcile

import (
	"context"
	"maps"

	"golang.org/x/sync/errgroup"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// readRegistrations reads the registrations of every target that has machines, jobs or, as far as
// is known, registrations of ours; now and then, of all. Where all is calm those count that were
// read last.
func (s *Sweeper) readRegistrations(ctx context.Context, snap *snapshot) {
	targets := s.targets(snap)
	maps.DeleteFunc(targets, func(t provisioner.Target, _ registrations) bool { return !snap.canRead(t) || s.putOff(ctx, snap, t) })
	maps.DeleteFunc(s.registries, func(t provisioner.Target, _ map[int64]provisioner.Runner) bool { _, ok := targets[t]; return !ok })
	var g errgroup.Group
	g.SetLimit(s.cfg.Concurrency)
	for t, about := range targets {
		snap.mu.Lock()
		last, ok := s.registries[t]
		if ok && !about.due {
			snap.registry[t] = last
		}
		snap.mu.Unlock()
		if ok && !about.due {
			continue
		}
		g.Go(func() error {
			list, err := s.runners.Runners(ctx, t)
			snap.mu.Lock()
			defer snap.mu.Unlock()
			delete(s.registries, t)
			if err != nil {
				snap.fail(t, err)
				return nil
			}
			alive := about.expected
			byID := make(map[int64]provisioner.Runner, len(list))
			for _, r := range list {
				byID[r.ID] = r
				alive = alive || provisioner.IsRunnerName(r.Name) && s.engine.Deployment().Owns(r)
			}
			snap.registry[t], s.registries[t] = byID, byID
			s.known.setIdle(t, !alive)
			return nil
		})
	}
	_ = g.Wait()
}

// registrations is what a sweep wants to know about the runners of a target.
type registrations struct {
	due      bool // they are to be read now
	expected bool // there must be some of ours
}

func (s *Sweeper) targets(snap *snapshot) map[provisioner.Target]registrations {
	targets := map[provisioner.Target]registrations{}
	note := func(t provisioner.Target, due, expected bool) {
		targets[t] = registrations{targets[t].due || due, targets[t].expected || expected}
	}
	active := s.known.listActive()
	for r, v := range snap.visits {
		for _, t := range snap.types {
			if v.runners || active[r] {
				note(t.Target(r), v.runners, false)
			}
		}
	}
	for _, m := range snap.machines {
		if m.Alive() && m.known {
			v, planned := snap.visits[m.Repository]
			note(m.target(), v.runners || !planned, true)
		}
	}
	for key, c := range snap.classes {
		if len(c.jobs) > 0 {
			note(key.target, true, true)
		}
	}
	return targets
}
