package queue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// process tries the job of a message in flight, and deals with the message.
func (w *Worker) process(ctx context.Context, f *inFlight, a *admission) {
	m := f.message
	m.Job.Repeated = w.repeated(m)
	_, do, wait, _ := w.attempt(ctx, a, m)
	if do == settled || do == giveUp {
		f.delete(ctx)
		return
	}
	f.putBack(ctx, wait)
}

// attempt tries a job, settles the admission, and tells the logs and the observer.
func (w *Worker) attempt(ctx context.Context, a *admission, m Message) (out provisioner.Outcome, do action, wait time.Duration, err error) {
	j := m.Job
	j.WaitingAt = m.Accepted
	log := w.cfg.Logger.With("job", j.ID, "repository", j.Repository.String(), "type", a.runnerType.Name, "provider", a.runnerType.Provider)
	bounded, cancel := context.WithTimeout(ctx, w.cfg.AttemptTimeout)
	defer cancel()
	out, err = w.provision(bounded, j)
	do, wait = a.settle(ctx, out, err)
	e := provisioner.Event{Job: j, RunnerType: a.runnerType.Name, Provider: a.runnerType.Provider, Runner: out.Runner, Machine: out.Machine, Err: err}
	switch {
	case do == lookAgain:
		log.InfoContext(ctx, "job has a machine that is not up yet", "runner", out.Runner.Name, "machine", out.Machine.ID, "wait", wait.Round(time.Millisecond))
		return out, do, wait, errNotUp
	case err == nil:
		w.queued.forget(j.ID)
		e.Kind, e.Status, e.Took = provisioner.EventSettled, out.Status, waited(m)
		log.InfoContext(ctx, "job settled", "status", out.Status, "runner", out.Runner.Name, "machine", out.Machine.ID, "waited", e.Took.Round(time.Millisecond))
	case do == giveUp:
		w.reportGivenUp(ctx, m, err)
		return out, do, wait, err
	default:
		e.Kind = provisioner.EventHeld
		log.WarnContext(ctx, "job waits for another attempt", "system", provisioner.System(err, a.runnerType.Provider), "class", provisioner.Class(err), "wait", wait.Round(time.Millisecond), "error", err)
	}
	w.observe(ctx, e)
	return out, do, wait, err
}

var errNotUp = errors.New("its machine is not up yet")

// waited is the time since GitHub created the job, or since it was accepted where that is unknown
// or makes no sense.
func waited(m Message) time.Duration {
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

// provision has the engine provision a job. A panic in it, a provider or an observer is the job's
// own affair: it must take down neither the process nor the job's neighbours.
func (w *Worker) provision(ctx context.Context, j provisioner.Job) (out provisioner.Outcome, err error) {
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
// own (Lambda). nil means that the job is settled; a [RetryError], to come again; any other error,
// that it will never get a machine.
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
		w.cfg.Logger.InfoContext(ctx, "job waits", "job", j.ID, "repository", j.Repository.String(), "type", t.Name, "wait", r.wait.Round(time.Millisecond), "reason", r.err)
		return provisioner.Outcome{}, &RetryError{After: r.wait, Err: r.err}
	}
	m.Job.Repeated = w.repeated(m)
	w.tried.add(j.Key()) // before the claim is given back
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
