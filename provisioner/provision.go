package provisioner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Outcome ends a job's wait.
type Outcome struct {
	Status     Status
	RunnerType string
	// Runner is the job's; beside an error, the one whose launch had no answer.
	Runner Runner
	// Machine is the one that was launched or, of StatusServed, found; zero if nobody looked.
	Machine Machine
}

// Status says how a job's wait ended.
type Status string

const (
	// StatusLaunched means that a machine was launched for the job.
	StatusLaunched Status = "launched"
	// StatusServed means that the job has a runner or a machine already.
	StatusServed Status = "served"
	// StatusGone means that the job does not wait any more: cancelled, or run elsewhere.
	StatusGone Status = "gone"
)

// Provision provides the machine for a job, unless the job has one. It may be called again at any
// time, and blocks as long as it takes: give it a context with a deadline of some minutes. An error
// leaves nothing half done that the next call does not mend:
//
//   - [ErrNoRunnerType], [ErrInvalidJob]: never again.
//   - [RetryAfterError]: again when the hint says so.
//   - [ErrCapacity], [ErrRefused], [ErrUnavailable], [ErrNoAnswer] and everything else: again
//     later, with Repeated set. [GitHubError] among the wrapped errors says that it concerns a
//     repository or an organisation alone, [JobError] that it concerns the job alone.
func (p *Provisioner) Provision(ctx context.Context, j Job) (Outcome, error) {
	if err := j.validate(); err != nil {
		return Outcome{}, err
	}
	t, err := p.TypeFor(j)
	if err != nil {
		return Outcome{}, err
	}
	a := p.newAttempt(t, j)
	out, err := a.run(ctx)
	out.RunnerType = t.Name
	if errors.Is(err, ErrNotWanted) {
		a.report(ctx, Event{Kind: EventGone})
		out.Status, err = StatusGone, nil
	}
	if err != nil {
		err = fmt.Errorf("provision %s as %s: %w", j, t.Name, err)
		a.report(ctx, Event{Kind: EventFailed, Err: err})
	}
	return out, err
}

// attempt is one call of Provision.
type attempt struct {
	*Provisioner
	job      Job
	t        RunnerType
	target   Target
	name     string
	provider Provider

	// waited is when GitHub last said that the job waits; zero when it has to be asked.
	waited time.Time

	// first says that nobody can have tried this job before.
	first bool

	// ours says that this attempt is the job's first and its registration got no answer: whatever
	// holds the name now can be removed without a grace time, for nobody has its configuration.
	ours bool
}

func (p *Provisioner) newAttempt(t RunnerType, j Job) *attempt {
	a := &attempt{
		Provisioner: p, job: j, t: t, target: t.Target(j.Repository), name: RunnerName(t.Name, j), provider: p.providers[t.Provider],
		first: !j.Repeated && !j.isLate(), waited: j.WaitingAt,
	}
	switch {
	case !a.first:
		a.waited = time.Time{}
	case a.waited.IsZero():
		a.waited = time.Now()
	}
	return a
}

// rounds bounds an attempt in which the name keeps changing hands, or GitHub keeps silent; the
// queue brings the job back.
const rounds = 6

func (a *attempt) run(ctx context.Context) (Outcome, error) {
	for range rounds {
		if out, done, err := a.settled(ctx); done || err != nil {
			return out, err
		}
		runner, jit, err := a.register(ctx)
		switch {
		case err == nil:
			if err := a.alone(ctx, runner); err != nil {
				return Outcome{}, err
			}
			out, again, err := a.launch(ctx, runner, jit)
			if !again {
				return out, err
			}
			a.doubt()
			continue
		case errors.Is(err, ErrNoAnswer):
			// It may have worked: then it is ours, and nobody has its configuration. But where
			// others may have come before, what holds the name may be theirs, and on its way.
			a.ours = a.first
			if sleep(ctx, registrationPause) != nil {
				return Outcome{}, err
			}
		case errors.Is(err, ErrNameTaken):
			a.doubt() // whoever took it may be done with the job by now
		default:
			return Outcome{}, err
		}
		out, free, err := a.contest(ctx)
		if !free {
			return out, err
		}
	}
	return Outcome{}, fmt.Errorf("runner %s: no registration in %d rounds: %w", a.name, rounds, ErrUnavailable)
}

// freshFor is how long GitHub's word that a job waits is good for. Whatever takes longer, a wait in
// the queue, for a place, in a grace time, at a cloud that throttles or keeps silent, has GitHub
// asked again before anything is made. GitHub's answers lag by up to 20 s themselves.
const freshFor = 10 * time.Second

// confirm is the one rule about old knowledge: it asks GitHub whether the job still waits, unless
// GitHub said so just now. [ErrNotWanted] says that it does not.
func (a *attempt) confirm(ctx context.Context) error {
	if a.jobs == nil || time.Since(a.waited) < freshFor {
		return nil
	}
	begun := time.Now()
	state, err := a.jobs.JobState(ctx, a.job)
	switch {
	case err != nil:
		return fmt.Errorf("job state: %w", err)
	case state != JobWaiting:
		return fmt.Errorf("%s is %s: %w", a.job, state, ErrNotWanted)
	}
	a.waited = begun
	return nil
}

// doubt has everything asked anew that another attempt may have changed meanwhile.
func (a *attempt) doubt() { a.waited, a.first = time.Time{}, false }

// settled asks whether the job needs a machine at all: GitHub, whether it still waits, and the
// cloud, whether a replacement under another name carries it. (A machine under this attempt's own
// name is judged by contest, which GitHub's refusal leads to.)
func (a *attempt) settled(ctx context.Context) (Outcome, bool, error) {
	if err := a.confirm(ctx); err != nil || a.first {
		return Outcome{}, false, err
	}
	machines, err := a.find(ctx)
	if err != nil {
		return Outcome{}, false, err
	}
	for _, m := range machines {
		if !m.Alive() || m.RunnerName == a.name {
			continue
		}
		r, err := a.registrar.Lookup(ctx, a.target, m.RunnerName)
		switch {
		case errors.Is(err, ErrNotFound):
		case err != nil:
			return Outcome{}, false, fmt.Errorf("look up runner %s: %w", m.RunnerName, err)
		case r.ID == m.RunnerID && (!r.Busy || !a.stolen(r)):
			out := a.served(ctx, r)
			out.Machine = m
			return out, true, nil
		}
	}
	return Outcome{}, false, nil
}

// registrationPause lets a call without an answer take effect, if it does, before GitHub is asked
// again.
const registrationPause = time.Second

func (a *attempt) register(ctx context.Context) (Runner, Secret, error) {
	start := time.Now()
	r, jit, err := a.registrar.Register(ctx, Registration{
		Target: a.target, Name: a.name, Labels: append(slices.Clone(a.t.Labels), a.deployment.Label()), Group: a.t.Group,
	})
	if err != nil {
		return Runner{}, Secret{}, fmt.Errorf("register runner %s: %w", a.name, err)
	}
	a.report(ctx, Event{Kind: EventRegistered, Runner: r, Took: time.Since(start)})
	return r, jit, nil
}

// launch starts the machine. again means that there is nothing left of this registration and the
// job may start anew.
func (a *attempt) launch(ctx context.Context, r Runner, jit Secret) (out Outcome, again bool, err error) {
	start := time.Now()
	var m Machine
	err = a.confirm(ctx)
	unsent := err != nil
	if !unsent {
		tried := func(place string, err error) {
			a.report(ctx, Event{Kind: EventTried, Runner: r, Place: place, Err: err})
		}
		m, err = a.provider.Launch(ctx, Launch{Job: a.job, Type: a.t, Runner: r, JITConfig: jit, Confirm: a.confirm, Tried: tried})
	}
	if err == nil {
		a.report(ctx, Event{Kind: EventLaunched, Runner: r, Machine: m, Place: m.Place, Took: time.Since(start)})
		return Outcome{Status: StatusLaunched, Runner: r, Machine: m}, false, nil
	}
	err = fmt.Errorf("launch runner %s: %w", r.Name, err)
	ended := errors.Is(err, ErrMachineEnded)
	if !unsent && !ended && !definite(err) {
		return Outcome{Runner: r}, false, err // a machine may come up yet; the next attempt looks
	}
	served, undo := a.remove(ctx, r)
	switch {
	case undo != nil:
		return Outcome{}, false, errors.Join(err, undo)
	case served:
		return a.served(ctx, r), false, nil
	}
	a.report(ctx, Event{Kind: EventUndone, Runner: r, Err: err})
	a.ours = false
	return Outcome{}, ended, err
}

// definite reports whether nothing can come of a failed launch once its registration is removed,
// and nobody has to look for its machine first: because certainly none was made, or because the job
// needs none.
func definite(err error) bool {
	if errors.Is(err, ErrNotWanted) {
		return true
	}
	if errors.Is(err, ErrNoAnswer) {
		return false
	}
	var hint *RetryAfterError
	return errors.Is(err, ErrCapacity) || errors.Is(err, ErrRefused) || errors.Is(err, ErrUnavailable) || errors.As(err, &hint)
}

// cleanup is the time that undoing a registration gets, and lastCleanup what is left of it once the
// attempt's own time is over: a service that stops waits for it.
const (
	cleanup     = 90 * time.Second
	lastCleanup = 5 * time.Second
)

// remove ends a registration by its id. served means that its runner has a job, so it stays. A call
// without an answer is repeated until it has one: it may take effect whenever it likes, and until
// then a machine with this registration would look as if it served the job.
func (a *attempt) remove(ctx context.Context, r Runner) (served bool, err error) {
	longer, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanup)
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(lastCleanup, cancel) })()
	err = a.registrar.Remove(longer, a.target, r.ID)
	for errors.Is(err, ErrNoAnswer) && sleep(longer, registrationPause) == nil {
		err = a.registrar.Remove(longer, a.target, r.ID)
	}
	if errors.Is(err, ErrRunnerBusy) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("remove runner %s (%d): %w", r.Name, r.ID, err)
	}
	return false, nil
}

func (a *attempt) find(ctx context.Context) ([]Machine, error) {
	finder, ok := a.provider.(Finder)
	if !ok {
		return nil, nil
	}
	machines, err := finder.Find(ctx, a.t, a.job)
	if err != nil {
		return nil, fmt.Errorf("find machines: %w", err)
	}
	return machines, nil
}

func (a *attempt) served(ctx context.Context, r Runner) Outcome {
	a.report(ctx, Event{Kind: EventServed, Runner: r})
	return Outcome{Status: StatusServed, Runner: r}
}

func (a *attempt) report(ctx context.Context, e Event) {
	e.Job, e.RunnerType, e.Provider = a.job, a.t.Name, a.t.Provider
	a.observe(ctx, e)
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
