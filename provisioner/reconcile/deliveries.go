package reconcile

import (
	"context"
	"errors"
	"fmt"
)

// readDeliveries has the failed deliveries of every log processed. The cursor moves on only behind
// what was processed.
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
	var errs []error
	for _, id := range ids {
		if err := log.Redeliver(ctx, id); err != nil {
			errs = append(errs, fmt.Errorf("delivery %d: %w", id, err))
			continue
		}
		r.Recovered++
		s.cfg.Logger.InfoContext(ctx, "a failed webhook delivery was processed from GitHub's log", "hook", log.Name(), "delivery", id)
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if cursor == after {
		return nil
	}
	if s.cfg.Store == nil {
		s.cursors[key] = cursor
		return nil
	}
	return s.cfg.Store.Put(ctx, key, cursor)
}

func (s *Sweeper) cursor(ctx context.Context, key string) (string, error) {
	if s.cfg.Store == nil {
		return s.cursors[key], nil
	}
	value, _, err := s.cfg.Store.Get(ctx, key)
	return value, err
}
