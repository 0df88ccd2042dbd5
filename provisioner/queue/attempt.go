package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// process tries the job of a message in flight, and deals with the message.
func (w *Worker) process(ctx context.Context, f *inFlight, a *admission) {
	m := f.message
	m.Job.Repeated = w.repeated(m)
	_, left := w.attempt(ctx, a, &m)
	if left.over() {
		f.delete(ctx)
		return
	}
	f.putBack(ctx, left.wait)
}

// remainder is what an attempt leaves to do.
type remainder struct {
	do   action
	wait time.Duration      // until the next attempt
	why  provisioner.Reason // why there has to be one
	err  error
}

// over reports whether the job needs nothing more.
func (r remainder) over() bool { return r.do == settled || r.do == giveUp }

// attempt tries a job, settles the admission, and tells the logs and the observer. What it tells
// with is not on the stack while the engine works: every attempt has a new one, which would have to
// grow.
func (w *Worker) attempt(ctx context.Context, a *admission, m *Message) (out provisioner.Outcome, left remainder) {
	bounded, cancel := context.WithTimeout(ctx, w.cfg.AttemptTimeout)
	defer cancel()
	out, left.err = w.provision(bounded, m)
	left.do, left.wait = a.settle(ctx, out, left.err)
	if left.do == giveUp {
		w.reportGivenUp(ctx, m, left.err)
	} else {
		w.report(ctx, a.runnerType, m, out, &left)
	}
	return out, left
}

// report tells of a job that needs nothing more, or why it needs another attempt, which it finds
// out.
func (w *Worker) report(ctx context.Context, t provisioner.RunnerType, m *Message, out provisioner.Outcome, left *remainder) {
	j := m.Job
	log := w.cfg.Logger.With("job", j.ID, "repository", j.Repository.String(), "type", t.Name, "provider", t.Provider)
	e := provisioner.Event{Kind: provisioner.EventHeld, Job: j, RunnerType: t.Name, Provider: t.Provider, Runner: out.Runner, Machine: out.Machine, Err: left.err}
	switch {
	case left.do == lookAgain:
		left.why = provisioner.Reason{Because: provisioner.BecauseNotUp, Type: t.Name, System: t.Provider, Name: out.Machine.ID, Alone: true}
	case left.err == nil:
		w.queued.forget(j.ID)
		e.Kind, e.Status, e.Took = provisioner.EventSettled, out.Status, waited(m)
		log.InfoContext(ctx, "job settled", "status", out.Status, "runner", out.Runner.Name, "machine", out.Machine.ID, "waited", e.Took.Round(time.Millisecond))
	default:
		left.why = provisioner.ReasonOf(left.err, t)
		left.why.Alone = left.do == backOffJob
		if left.do == requeue {
			left.why.Because = provisioner.BecauseStopped
		}
	}
	if !left.over() {
		left.why.Until = time.Now().Add(left.wait)
		e.Reason = left.why
		log.DebugContext(ctx, "an attempt left the job waiting", "because", left.why.Because, "system", left.why.System, "wait", left.wait.Round(time.Millisecond), "error", left.err)
	}
	w.observe(ctx, e)
}

// waited is the time since GitHub created the job, or since it was accepted where that is unknown
// or makes no sense.
func waited(m *Message) time.Duration {
	if created := m.Job.CreatedAt; !created.IsZero() && created.Before(m.Accepted) {
		return time.Since(created)
	}
	return time.Since(m.Accepted)
}

// repeated reports whether somebody may have tried the job before: an earlier receiver of the
// message, the receiver of another message for it, an earlier process, or whoever calls Attempt.
func (w *Worker) repeated(m Message) bool {
	j := m.Job
	return j.Repeated || m.Receives > 1 || w.cfg.NoDeduplication || m.Accepted.Before(w.begun) || j.CreatedAt.Before(w.begun) && !j.CreatedAt.IsZero() ||
		w.tried.has(j.Key()) || w.ended.has(j.Key())
}

// provision has the engine provision a message's job. A panic in it, a provider or an observer is
// the job's own affair: it must take down neither the process nor the job's neighbours.
func (w *Worker) provision(ctx context.Context, m *Message) (out provisioner.Outcome, err error) {
	j := m.Job
	j.WaitingAt = m.Accepted
	err = provisioner.Guard(func() (err error) {
		out, err = w.provisioner.Provision(ctx, j)
		return err
	})
	if errors.Is(err, provisioner.ErrPanic) {
		err = &provisioner.JobError{Err: err}
	}
	return out, err
}

// RetryError says that a job could not be provisioned now.
type RetryError struct {
	// After is when to try again.
	After time.Duration
	// Reason is why.
	Reason provisioner.Reason
	// Err is the error of the attempt; nil if there was none, because something held the job back.
	Err error
}

// Error tells the wait and its cause.
func (e *RetryError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("again after %s: %s", e.After.Round(time.Second), e.Reason)
	}
	return fmt.Sprintf("again after %s: %v", e.After.Round(time.Second), e.Err)
}

// Unwrap returns the cause.
func (e *RetryError) Unwrap() error { return e.Err }

// Attempt tries a job that was accepted at that time once, under the same circuit breakers and
// limits as the jobs of the queue, without waiting for them: for callers that have a queue of their
// own (Lambda). nil means that the job is settled; a [RetryError], to come again; any other error,
// that it will never get a machine.
func (w *Worker) Attempt(ctx context.Context, j provisioner.Job, accepted time.Time) (provisioner.Outcome, error) {
	m := Message{Job: j, Accepted: accepted, Receives: 1}
	t, err := w.admissible(m)
	if err != nil {
		w.reportGivenUp(ctx, &m, err)
		return provisioner.Outcome{}, err
	}
	m.Lane = t.Name
	a, r := w.admit(ctx, t, j)
	if a == nil {
		return provisioner.Outcome{}, w.again(ctx, j, remainder{wait: r.wait, why: r.why, err: r.err})
	}
	m.Job.Repeated = w.repeated(m)
	w.tried.add(j.Key()) // before the claim is given back
	out, left := w.attempt(ctx, a, &m)
	if left.over() {
		return out, left.err
	}
	return out, w.again(ctx, j, left)
}

// again says why the job has to come again, to its caller and in the log.
func (w *Worker) again(ctx context.Context, j provisioner.Job, left remainder) error {
	level := slog.LevelInfo
	if left.err != nil {
		level = slog.LevelWarn
	}
	w.cfg.Logger.Log(ctx, level, "job waits", "job", j.ID, "repository", j.Repository.String(), "type", left.why.Type, "because", left.why.Because,
		"system", left.why.System, "wait", left.wait.Round(time.Millisecond), "reason", left.why.String(), "error", left.err)
	return &RetryError{After: left.wait, Reason: left.why, Err: left.err}
}

// admissible returns the runner type of a message whose job may still get a machine.
func (w *Worker) admissible(m Message) (provisioner.RunnerType, error) {
	t, err := w.provisioner.TypeFor(m.Job)
	if err == nil && time.Since(m.Accepted) > w.cfg.GiveUpAfter {
		err = errTooOld
	}
	return t, err
}

var errTooOld = errors.New("the job has waited for longer than GitHub keeps a job queued")

func (w *Worker) reportGivenUp(ctx context.Context, m *Message, err error) {
	j := m.Job
	why := provisioner.ReasonOf(err, provisioner.RunnerType{Name: m.Lane})
	why.Because = provisioner.BecauseGivenUp
	w.cfg.Logger.ErrorContext(ctx, "job given up", "job", j.ID, "repository", j.Repository.String(), "type", m.Lane, "error", err)
	w.observe(ctx, provisioner.Event{Kind: provisioner.EventGivenUp, Job: j, RunnerType: m.Lane, Reason: why, Err: err})
}
