package queue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// staleAfter is the age at which even a job's first attempt asks GitHub whether it still waits.
const (
	staleAfter                = 5 * time.Minute // since the queue accepted it
	staleWithoutDeduplication = 2 * time.Minute // since GitHub created it
)

// process tries the job of a message in flight, and deals with the message.
func (w *Worker) process(ctx context.Context, f *inFlight, a *admission) {
	_, do, wait, err := w.attempt(ctx, a, f.message)
	switch {
	case err == nil || do == giveUp:
		f.delete(ctx)
	case do == requeue:
		f.putBack(ctx, 0)
	default:
		f.putBack(ctx, wait)
	}
}

// attempt tries a job, settles the admission, and tells the logs and the observer.
func (w *Worker) attempt(ctx context.Context, a *admission, m Message) (out provisioner.Outcome, do action, wait time.Duration, err error) {
	j := m.Job
	j.Repeated = w.repeated(m)
	log := w.cfg.Logger.With("job", j.ID, "repository", j.Repository.String(), "type", a.runnerType.Name, "provider", a.runnerType.Provider)
	bounded, cancel := context.WithTimeout(ctx, w.cfg.AttemptTimeout)
	defer cancel()
	out, err = w.provisioner.Provision(bounded, j)
	do, wait = a.settle(ctx, out, err)
	e := provisioner.Event{Job: j, RunnerType: a.runnerType.Name, Provider: a.runnerType.Provider, Runner: out.Runner, Machine: out.Machine, Err: err}
	switch {
	case err == nil:
		e.Kind, e.Status, e.Took = provisioner.EventSettled, out.Status, time.Since(m.Accepted)
		log.InfoContext(ctx, "job settled", "status", out.Status, "runner", out.Runner.Name, "machine", out.Machine.ID, "waited", e.Took.Round(time.Millisecond))
	case do == giveUp:
		w.reportGivenUp(ctx, m, err)
		return out, do, wait, err
	default:
		e.Kind = provisioner.EventHeld
		log.WarnContext(ctx, "job waits for another attempt", "class", provisioner.Class(err), "wait", wait.Round(time.Millisecond), "error", err)
	}
	w.observe(ctx, e)
	return out, do, wait, err
}

// repeated reports whether GitHub must be asked before the attempt.
func (w *Worker) repeated(m Message) bool {
	j := m.Job
	return j.Repeated || m.Receives > 1 || time.Since(m.Accepted) > staleAfter || w.ended.has(j.Key()) ||
		w.cfg.NoDeduplication && !j.CreatedAt.IsZero() && time.Since(j.CreatedAt) > staleWithoutDeduplication
}

// RetryError says that a job could not be provisioned now.
type RetryError struct {
	// After is when to try again.
	After time.Duration
	Err   error
}

// Error tells the wait and its cause.
func (e *RetryError) Error() string {
	return fmt.Sprintf("again after %s: %v", e.After.Round(time.Second), e.Err)
}

// Unwrap returns the cause.
func (e *RetryError) Unwrap() error { return e.Err }

// Attempt tries a job that was accepted at that time once, under the same circuit breakers and
// limits as the jobs of the queue, without waiting for them: for callers that have a queue of their
// own (Lambda) or find jobs by themselves (the reconciler). nil means that the job is settled; a
// [RetryError], to come again; any other error, that it will never get a machine.
func (w *Worker) Attempt(ctx context.Context, j provisioner.Job, accepted time.Time) (provisioner.Outcome, error) {
	m := Message{Job: j, Accepted: accepted, Receives: 1}
	t, err := w.admissible(m)
	if err != nil {
		w.reportGivenUp(ctx, m, err)
		return provisioner.Outcome{}, err
	}
	m.Lane = t.Name
	a, r := w.admit(ctx, t, j)
	if a == nil {
		return provisioner.Outcome{}, &RetryError{After: r.wait, Err: r.err}
	}
	out, do, wait, err := w.attempt(ctx, a, m)
	if err != nil && do != giveUp {
		err = &RetryError{After: wait, Err: err}
	}
	return out, err
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

func (w *Worker) reportGivenUp(ctx context.Context, m Message, err error) {
	j := m.Job
	w.cfg.Logger.ErrorContext(ctx, "job given up", "job", j.ID, "repository", j.Repository.String(), "type", m.Lane, "error", err)
	w.observe(ctx, provisioner.Event{Kind: provisioner.EventGivenUp, Job: j, RunnerType: m.Lane, Err: err})
}
