package reconcile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// backlog is what became of the deliveries of a log behind its cursor, which moves on once all of
// them are dealt with. It lives as long as the process: what is processed twice is a duplicate.
type backlog struct {
	done  map[int64]bool
	tries map[int64]int
}

const (
	// deliveriesPerSweep bounds the payloads that are fetched in a sweep, which has more to do. The
	// rest comes with the next.
	deliveriesPerSweep = 100
	// deliveryTries is how often a delivery is asked for that GitHub fails at: it must not hold up
	// the log for the three days that it is kept. What fails here is tried again for as long.
	deliveryTries = 10
)

// readDeliveries has the failed deliveries of every log processed.
func (s *Sweeper) readDeliveries(ctx context.Context, r *Report) {
	for _, log := range s.cfg.Deliveries {
		if err := s.readLog(ctx, log, r); err != nil {
			r.errs = append(r.errs, fmt.Errorf("delivery log %s: %w", log.Name(), err))
		}
	}
}

func (s *Sweeper) readLog(ctx context.Context, log DeliveryLog, r *Report) error {
	key := "deliveries/" + log.Name()
	after, err := s.cursor(ctx, key)
	if err != nil {
		return err
	}
	ids, cursor, err := log.Failed(ctx, after)
	if err != nil {
		return err
	}
	b := s.backlogs[key]
	if b == nil {
		b = &backlog{done: map[int64]bool{}, tries: map[int64]int{}}
		s.backlogs[key] = b
	}
	ids = slices.DeleteFunc(ids, func(id int64) bool { return b.done[id] })
	err = s.redeliver(ctx, log, b, ids[:min(len(ids), deliveriesPerSweep)], r)
	if len(ids) > deliveriesPerSweep || err != nil || cursor == after {
		return err
	}
	if s.cfg.Store == nil {
		s.cursors[key] = cursor
	} else if err := s.cfg.Store.Put(ctx, key, cursor); err != nil {
		return err
	}
	delete(s.backlogs, key)
	return nil
}

// redeliver has deliveries processed, and notes those that need no further look.
func (s *Sweeper) redeliver(ctx context.Context, log DeliveryLog, b *backlog, ids []int64, r *Report) error {
	var mu sync.Mutex
	var failed []error
	var g errgroup.Group
	g.SetLimit(s.cfg.Concurrency)
	for _, id := range ids {
		g.Go(func() error {
			err := log.Redeliver(ctx, id)
			told := s.cfg.Logger.With("hook", log.Name(), "delivery", id)
			mu.Lock()
			defer mu.Unlock()
			b.tries[id]++
			switch {
			case err == nil:
				r.Recovered++
				told.InfoContext(ctx, "a failed webhook delivery was processed from GitHub's log")
			case errors.Is(err, provisioner.ErrNotFound):
				told.WarnContext(ctx, "GitHub has not kept the payload of a failed webhook delivery; its job is found among the queued ones", "error", err)
			case b.tries[id] >= deliveryTries && provisioner.System(err, "") != "":
				told.ErrorContext(ctx, "a failed webhook delivery is given up; its job is found among the queued ones", "tries", b.tries[id], "error", err)
			default:
				failed = append(failed, fmt.Errorf("delivery %d: %w", id, err))
				return nil
			}
			b.done[id] = true
			return nil
		})
	}
	_ = g.Wait()
	slices.SortFunc(failed, func(a, b error) int { return cmp.Compare(a.Error(), b.Error()) })
	return errors.Join(failed...)
}

func (s *Sweeper) cursor(ctx context.Context, key string) (string, error) {
	if s.cfg.Store == nil {
		return s.cursors[key], nil
	}
	value, _, err := s.cfg.Store.Get(ctx, key)
	return value, err
}
