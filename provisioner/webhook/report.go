package webhook

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// Observer hears of every delivery, for metrics. Delivered must not block.
type Observer interface {
	Delivered(ctx context.Context, o Outcome)
}

// Outcome is how a delivery ended.
type Outcome struct {
	// Event and Action are the delivery's, empty unless its signature is good: nobody else can make
	// up new ones.
	Event, Action string
	Status        Status
	// RunnerType is empty unless one serves the job.
	RunnerType string
	DryRun     bool
	// Took is the time from the whole body to the answer.
	Took time.Duration
}

// exchange is what is known of a delivery while it is answered.
type exchange struct {
	delivery Delivery
	// remote and forwarded are where it came from, and from where by its own account.
	remote, forwarded string

	begun time.Time
	mode  mode
	// cause is what the sender is not told.
	cause error
}

// exchange begins one; what is in the body is not known yet.
func (q Request) exchange() *exchange {
	return &exchange{delivery: Delivery{ID: q.header("X-Github-Delivery")}, remote: q.RemoteAddr, forwarded: q.header("X-Forwarded-For")}
}

// exchange answers a delivery, reports it, and survives its panics: one bad delivery must not end a
// process that others need.
func (r *Receiver) exchange(ctx context.Context, x *exchange, do func(*exchange) Answer) (a Answer) {
	x.begun = time.Now()
	defer func() {
		if p := recover(); p != nil {
			a = answer(StatusFailed, "a defect of the service; its log has the details")
			x.cause = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
		if x.mode.dry {
			a.Body.DryRunDefaulted = &x.mode.defaulted
		}
		r.log(ctx, x, a)
		if r.observer != nil {
			r.observer.Delivered(ctx, Outcome{
				Event: x.delivery.Event, Action: x.delivery.Action, Status: a.Body.Status, RunnerType: a.Body.RunnerType,
				DryRun: x.mode.dry, Took: time.Since(x.begun),
			})
		}
	}()
	return do(x)
}

// tell reports what a delivery that is no dry run means for its job, as of the delivery's begin:
// whoever provides the machine may be quicker than the answer.
func (r *Receiver) tell(ctx context.Context, x *exchange, e provisioner.Event) {
	if r.events == nil || x.mode.dry {
		return
	}
	e.Job = x.delivery.Job
	if e.At.IsZero() {
		e.At = x.begun
	}
	r.events.Observe(ctx, e)
}

// log writes the delivery's one line, without anything of its payload but the job's identity.
func (r *Receiver) log(ctx context.Context, x *exchange, a Answer) {
	level := slog.LevelInfo
	switch {
	case a.Code >= http.StatusInternalServerError:
		level = slog.LevelError
	case a.Code >= http.StatusBadRequest:
		level = slog.LevelWarn
	}
	if !r.logger.Enabled(ctx, level) {
		return
	}
	if proven := x.delivery.Event != ""; proven || a.Code < http.StatusBadRequest || a.Code >= http.StatusInternalServerError {
		r.write(ctx, level, x, a, 0)
		return
	}
	r.strangers.left.Add(1)
	r.strangers.log.Do(func() { r.write(ctx, level, x, a, r.strangers.left.Swap(0)-1) })
}

// strangers keeps those who have no secret from filling the log: their first deliveries are logged,
// and then one in a while.
type strangers struct {
	log  rate.Sometimes
	left atomic.Int64 // those that were not logged, and the one at hand
}

func newStrangers() *strangers {
	return &strangers{log: rate.Sometimes{First: 20, Interval: 10 * time.Second}}
}

// write writes the line; left are others that got none.
func (r *Receiver) write(ctx context.Context, level slog.Level, x *exchange, a Answer, left int64) {
	var space [14]slog.Attr
	attrs := append(space[:0], slog.String("delivery", brief(x.delivery.ID)), slog.String("event", brief(x.delivery.Event)),
		slog.String("status", string(a.Body.Status)))
	if d := &x.delivery; d.Job.ID != 0 {
		attrs = append(attrs, slog.String("action", brief(d.Action)), slog.Int64("job", d.Job.ID), slog.String("repository", d.Job.Repository.String()))
	}
	if x.mode.known {
		attrs = append(attrs, slog.Bool("dry_run", x.mode.dry), slog.Bool("dry_run_defaulted", x.mode.dry && x.mode.defaulted))
	}
	add := func(key, value string) {
		if value != "" {
			attrs = append(attrs, slog.String(key, value))
		}
	}
	add("type", a.Body.RunnerType)
	add("reason", a.Body.Reason)
	if a.Code >= http.StatusBadRequest { // somebody has to be found
		add("from", x.remote)
		add("forwarded_for", brief(x.forwarded))
	}
	if left > 0 {
		attrs = append(attrs, slog.Int64("not_logged", left))
	}
	if x.cause != nil {
		attrs = append(attrs, slog.String("error", x.cause.Error()))
	}
	r.logger.LogAttrs(ctx, level, "webhook delivery", attrs...)
}

// brief cuts what a stranger wrote to a length that fits a line.
func brief(s string) string {
	const most = 200
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "..."
}
