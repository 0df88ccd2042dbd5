package provisioner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

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
		if m, ok := carrier(machines, r.ID); ok {
			out := a.served(ctx, r)
			out.Machine = m
			return out, false, nil
		}
		if seen != r.ID && !a.ours {
			seen = r.ID
			if err := sleep(ctx, a.grace); err != nil {
				return Outcome{}, false, err
			}
			continue
		}
		if !a.deployment.Owns(r) {
			a.moveOn()
			return Outcome{}, true, nil
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

// moveOn takes the name of the next generation. Whoever holds this one is another deployment, or a
// version before deployments: its registration is not ours to remove and its machine not ours to
// see, but the job must not wait for it for ever.
func (a *attempt) moveOn() {
	a.job.Generation = max(a.job.Generation, 1) + 1
	a.name = RunnerName(a.t.Name, a.job)
}

// carrier returns the machine with this registration that is alive. One of the same name with
// another registration proves nothing: it is on its way out.
func carrier(machines []Machine, registration int64) (Machine, bool) {
	for _, m := range machines {
		if m.Alive() && m.RunnerID == registration {
			return m, true
		}
	}
	return Machine{}, false
}

// alone sees that no other attempt holds a registration for the job under the name of another
// generation, and gives up this one's if so. Each attempt looks after it has registered, so of two
// at most one goes on; one that nobody can have come before is spared the calls.
//
// A generation is free to be used once the names of all before it are busy with other jobs, each on
// a machine of its own, or held by another deployment. So there are no more generations than one
// more than the job's machines, nor than the highest of theirs; the machines are counted now,
// because some may have come since settled looked. That rests on two facts about clouds: a machine
// that came online is in their lists, and one that has ended stays there for longer than an attempt
// takes. The second name is looked at in any case: another deployment may have held the first until
// a moment ago.
func (a *attempt) alone(ctx context.Context, r Runner) error {
	if a.first {
		return nil
	}
	err := a.seekRival(ctx)
	if err == nil {
		return nil
	}
	_, undo := a.remove(ctx, r)
	a.report(ctx, Event{Kind: EventUndone, Runner: r, Err: err})
	return errors.Join(err, undo)
}

// stolen reports whether a busy runner that was made for the job is known to have another one: the
// reconciler has made sure. Of any other busy runner nobody knows: GitHub can call a job queued for
// a while after its runner took it.
func (a *attempt) stolen(r Runner) bool { return slices.Contains(a.job.Stolen, r.ID) }

func (a *attempt) seekRival(ctx context.Context) error {
	machines, err := a.find(ctx)
	if err != nil {
		return err
	}
	own := max(a.job.Generation, 1)
	last := max(own, len(machines)+1, 2)
	for _, m := range machines {
		if j, ok := ParseRunnerName(a.t.Name, m.RunnerName); ok {
			last = max(last, j.Generation+1)
		}
	}
	for g := 1; g <= last; g++ {
		if g == own {
			continue
		}
		other := a.job
		other.Generation = g
		name := RunnerName(a.t.Name, other)
		rival, err := a.registrar.Lookup(ctx, a.target, name)
		switch {
		case errors.Is(err, ErrNotFound):
		case err != nil:
			return err
		case rival.Busy && a.stolen(rival):
			a.waited = time.Time{} // nobody else has come in between, or GitHub says so
		case rival.Busy || a.deployment.Owns(rival):
			return &JobError{fmt.Errorf("another attempt holds runner %s: %w", name, ErrUnavailable)}
		}
	}
	return nil
}
