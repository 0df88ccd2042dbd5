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
	Runner     Runner
	Machine    Machine // of StatusLaunched alone
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
//     later, with Repeated set. [RegistrationError] among the wrapped errors says that it concerns
//     the job's repository or organisation alone.
func (p *Provisioner) Provision(ctx context.Context, j Job) (Outcome, error) {
	if err := j.validate(); err != nil {
		return Outcome{}, err
	}
	t, err := p.TypeFor(j)
	if err != nil {
		return Outcome{}, err
	}
	a := &attempt{Provisioner: p, job: j, t: t, target: t.Target(j.Repository), name: RunnerName(t.Name, j), provider: p.providers[t.Provider]}
	out, err := a.run(ctx)
	out.RunnerType = t.Name
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

	// ours says that a registration of this attempt got no answer: whatever holds the name now
	// without a machine can be removed without a grace time, because nobody has its configuration.
	ours bool

	// before is the number of machines that the job has had, as far as they were looked for.
	before int
}

// rounds bounds an attempt in which the name keeps changing hands, or GitHub keeps silent; the
// queue brings the job back.
const rounds = 6

func (a *attempt) run(ctx context.Context) (Outcome, error) {
	ask := a.job.Repeated
	for range rounds {
		if ask {
			if out, done, err := a.settled(ctx); done || err != nil {
				return out, err
			}
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
			ask = true
			continue
		case errors.Is(err, ErrNoAnswer):
			// It may have worked: then it is ours, and nobody has its configuration.
			a.ours = true
			if sleep(ctx, registrationPause) != nil {
				return Outcome{}, err
			}
		case !errors.Is(err, ErrNameTaken):
			return Outcome{}, err
		}
		out, free, err := a.contest(ctx)
		if !free {
			return out, err
		}
		ask = false
	}
	return Outcome{}, fmt.Errorf("runner %s: no registration in %d rounds: %w", a.name, rounds, ErrUnavailable)
}

// settled asks whether the job needs a machine at all: GitHub, whether it still waits, and the
// cloud, whether a replacement under another name carries it. (A machine under this attempt's own
// name is judged by contest, which GitHub's refusal leads to.)
func (a *attempt) settled(ctx context.Context) (Outcome, bool, error) {
	if a.jobs != nil {
		state, err := a.jobs.JobState(ctx, a.job)
		if err != nil {
			return Outcome{}, false, fmt.Errorf("job state: %w", err)
		}
		if state != JobWaiting {
			a.report(ctx, Event{Kind: EventGone})
			return Outcome{Status: StatusGone}, true, nil
		}
	}
	machines, err := a.find(ctx)
	if err != nil {
		return Outcome{}, false, err
	}
	a.before = len(machines)
	for _, m := range machines {
		if !m.Alive() || m.RunnerName == a.name {
			continue
		}
		r, err := a.registrar.Lookup(ctx, a.target, m.RunnerName)
		switch {
		case errors.Is(err, ErrNotFound):
		case err != nil:
			return Outcome{}, false, fmt.Errorf("look up runner %s: %w", m.RunnerName, err)
		case r.ID == m.RunnerID && !r.Busy: // a busy one has another job, since this one waits
			return a.served(ctx, r), true, nil
		}
	}
	return Outcome{}, false, nil
}

// registrationPause lets a registration without an answer take effect, if it does, before it is
// looked for.
const registrationPause = time.Second

func (a *attempt) register(ctx context.Context) (Runner, Secret, error) {
	start := time.Now()
	r, jit, err := a.registrar.Register(ctx, Registration{Target: a.target, Name: a.name, Labels: append(slices.Clone(a.t.Labels), a.deployment.Label()), Group: a.t.Group})
	if err != nil {
		return Runner{}, "", fmt.Errorf("register runner %s: %w", a.name, err)
	}
	a.report(ctx, Event{Kind: EventRegistered, Runner: r, Took: time.Since(start)})
	return r, jit, nil
}

// alone sees that no other attempt holds a registration for the job under the name of another
// generation, and gives up this one's if so. Each attempt looks after it has registered, so of two
// at most one goes on. A generation is free to be used once the names of all before it are busy
// with other jobs, each on a machine of its own: that bounds the names to look at, and spares a job
// that never had a machine the calls.
func (a *attempt) alone(ctx context.Context, r Runner) error {
	own := max(a.job.Generation, 1)
	if own == 1 && a.before == 0 {
		return nil
	}
	for g := 1; g <= max(own, a.before+1); g++ {
		if g == own {
			continue
		}
		other := a.job
		other.Generation = g
		rival, err := a.registrar.Lookup(ctx, a.target, RunnerName(a.t.Name, other))
		if errors.Is(err, ErrNotFound) || err == nil && rival.Busy {
			continue
		}
		if err == nil {
			err = fmt.Errorf("another attempt holds runner %s: %w", rival.Name, ErrUnavailable)
		}
		_, undo := a.remove(ctx, r)
		a.report(ctx, Event{Kind: EventUndone, Runner: r, Err: err})
		return errors.Join(err, undo)
	}
	return nil
}

// launch starts the machine. again means that there is nothing left of this registration and the
// job may start anew.
func (a *attempt) launch(ctx context.Context, r Runner, jit Secret) (out Outcome, again bool, err error) {
	start := time.Now()
	m, err := a.provider.Launch(ctx, Launch{Job: a.job, Type: a.t, Runner: r, JITConfig: jit})
	if err == nil {
		a.report(ctx, Event{Kind: EventLaunched, Runner: r, Machine: m, Took: time.Since(start)})
		return Outcome{Status: StatusLaunched, Runner: r, Machine: m}, false, nil
	}
	err = fmt.Errorf("launch runner %s: %w", r.Name, err)
	ended := errors.Is(err, ErrMachineEnded)
	if !ended && !definite(err) {
		return Outcome{}, false, err // a machine may come up yet; the next attempt looks
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

// definite reports whether a failed launch has certainly made no machine.
func definite(err error) bool {
	if errors.Is(err, ErrNoAnswer) {
		return false
	}
	var hint *RetryAfterError
	return errors.Is(err, ErrCapacity) || errors.Is(err, ErrRefused) || errors.Is(err, ErrUnavailable) || errors.As(err, &hint)
}

// contest decides what a taken name means. free says that it is free again.
func (a *attempt) contest(ctx context.Context) (out Outcome, free bool, err error) {
	for seen := int64(0); ; {
		r, err := a.registrar.Lookup(ctx, a.target, a.name)
		switch {
		case errors.Is(err, ErrNotFound):
			return Outcome{}, true, nil
		case err != nil:
			return Outcome{}, false, fmt.Errorf("look up runner %s: %w", a.name, err)
		case r.Online || r.Busy:
			return a.served(ctx, r), false, nil
		}
		machines, err := a.find(ctx)
		if err != nil {
			return Outcome{}, false, err
		}
		if carries(machines, r.ID) {
			return a.served(ctx, r), false, nil
		}
		if seen != r.ID && !a.ours {
			seen = r.ID
			if err := sleep(ctx, a.grace); err != nil {
				return Outcome{}, false, err
			}
			continue
		}
		served, err := a.remove(ctx, r)
		if err != nil {
			return Outcome{}, false, err
		}
		if served {
			return a.served(ctx, r), false, nil
		}
		a.report(ctx, Event{Kind: EventTakenOver, Runner: r})
		return Outcome{}, true, nil
	}
}

// carries reports whether a machine with this registration is alive. One of the same name with
// another registration proves nothing: it is on its way out.
func carries(machines []Machine, registration int64) bool {
	for _, m := range machines {
		if m.Alive() && m.RunnerID == registration {
			return true
		}
	}
	return false
}

// cleanup is the time that undoing a registration gets, even when the attempt's own time is over.
const cleanup = 30 * time.Second

// remove ends a registration by its id. served means that its runner has a job, so it stays.
func (a *attempt) remove(ctx context.Context, r Runner) (served bool, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanup)
	defer cancel()
	err = a.registrar.Remove(ctx, a.target, r.ID)
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
