package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner/reconcile"
)

// handler serves one event at a time, or several where Lambda allows it.
type handler struct {
	parts  *parts
	sweeps bool // RECONCILE_INTERVAL is not 0
	log    *slog.Logger
}

// reserve is the part of an invocation's time that is kept for reporting how it went.
const reserve = 5 * time.Second

// handle serves an event of any shape. Whatever it starts has ended when it returns, because Lambda
// freezes the process then.
func (h *handler) handle(ctx context.Context, event json.RawMessage) (any, error) {
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-min(reserve, time.Until(deadline)/4)))
		defer cancel()
	}
	switch shapeOf(event) {
	case shapeHTTP:
		front, err := h.parts.front()
		if err != nil {
			return nil, err
		}
		return serveHTTP(ctx, front, event)
	case shapeALB:
		front, err := h.parts.front()
		if err != nil {
			return nil, err
		}
		return serveALB(ctx, front, event)
	case shapeSQS:
		b, err := h.parts.batch()
		if err != nil {
			return nil, err
		}
		return b.work(ctx, event)
	case shapeSchedule:
		return nil, h.sweep(ctx)
	default:
		h.log.WarnContext(ctx, "an event that nobody here serves", "error", errShape)
		return nil, errShape
	}
}

// sweep reconciles once. An incomplete sweep counts as a failed invocation, so that the function's
// own metric shows it.
func (h *handler) sweep(ctx context.Context) error {
	if !h.sweeps {
		h.log.WarnContext(ctx, "the reconciler is off (RECONCILE_INTERVAL=0), yet a schedule calls it")
		return nil
	}
	sweeper, err := h.parts.sweeper()
	if err != nil {
		return err
	}
	r, err := sweeper.Sweep(ctx)
	h.log.InfoContext(ctx, "swept", "machines", total(r.Machines), "reaped", total(r.Reaped), "requeued", r.Requeued, "recovered", r.Recovered, "given_up", r.GivenUp, "put_off", r.PutOff,
		"took", r.Duration.Round(time.Millisecond))
	if err != nil {
		h.log.WarnContext(ctx, "the sweep was incomplete; what it could not see is left as it is", "error", err)
	}
	return err
}

func total[K reconcile.MachineKind | reconcile.Reason](counts map[K]int) (n int) {
	for _, c := range counts {
		n += c
	}
	return n
}
