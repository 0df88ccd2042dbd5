package codemagic

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// Launch starts a build, and looks for it where the start got no answer; see the package's story.
func (p *Provider) Launch(ctx context.Context, l provisioner.Launch) (provisioner.Machine, error) {
	s, err := p.settings(l.Type.Name)
	if err != nil {
		return provisioner.Machine{}, err
	}
	now := time.Now()
	r := request(s, l, mark(l, p.deployment, now))
	p.addRelease(ctx, l, r)
	if err := ctx.Err(); err != nil {
		return provisioner.Machine{}, fmt.Errorf("start build: %w: %w", provisioner.ErrUnavailable, err) // nothing was sent
	}
	if p.downloads != nil { // the release was asked for, which takes its time
		if err := l.StillWanted(ctx); err != nil {
			return provisioner.Machine{}, fmt.Errorf("start build: %w", err)
		}
	}
	id, err := p.client.StartBuild(ctx, r)
	if errors.Is(err, provisioner.ErrNoAnswer) {
		return p.settle(ctx, s, l, r, err)
	}
	if err != nil {
		return provisioner.Machine{}, fmt.Errorf("start build: %w", err)
	}
	return launched(id, l, now), nil
}

// launched is a build that Codemagic has just taken. When it begins to run is not known yet.
func launched(id string, l provisioner.Launch, at time.Time) provisioner.Machine {
	return provisioner.Machine{
		ID: id, Provider: Name, Type: l.Type.Name, Repository: l.Job.Repository, RepositoryID: l.Job.RepositoryID, Job: l.Job.ID,
		RunnerName: l.Runner.Name, RunnerID: l.Runner.ID, State: provisioner.MachineAlive, LaunchedAt: at,
	}
}

// settle brings an unanswered start to an end: looking, and starting again only when a look has
// shown that there is nothing.
//
// From the first silence on, no refusal is certain to mean that there is no build. So whatever
// comes of a later start other than success is no answer, unless nobody wants the build any more.
func (p *Provider) settle(ctx context.Context, s Settings, l provisioner.Launch, r StartRequest, silence error) (provisioner.Machine, error) {
	for {
		p.log.WarnContext(ctx, "the start of a build got no answer; looking for the build", "runner", l.Runner.Name, "type", l.Type.Name,
			"job", l.Job, "error", silence)
		m, found, err := p.look(ctx, s, l)
		switch {
		case err != nil:
			return provisioner.Machine{}, given(silence, fmt.Errorf("then look for it: %w", err))
		case found && !m.Alive():
			return provisioner.Machine{}, fmt.Errorf("start build: %s: %w", m.ID, provisioner.ErrMachineEnded)
		case found:
			return m, nil
		}
		if err := l.StillWanted(ctx); err != nil {
			return provisioner.Machine{}, given(silence, err)
		}
		id, err := p.client.StartBuild(ctx, r)
		switch wait := hint(err); {
		case err == nil:
			return launched(id, l, time.Now()), nil
		case errors.Is(err, provisioner.ErrNoAnswer):
			silence = err
		case wait == 0 || !room(ctx, wait) || sleep(ctx, wait) != nil:
			return provisioner.Machine{}, given(silence, fmt.Errorf("then again: %w", err))
		}
	}
}

// given is an error that ended a launch after a silence: still no answer, unless it says that the
// machine is not wanted. Then the registration is to be removed, and a machine that came of the
// unanswered start is worthless.
func given(silence, err error) error {
	if errors.Is(err, provisioner.ErrNotWanted) {
		return fmt.Errorf("start build: %s; %w", silence.Error(), err)
	}
	return fmt.Errorf("start build: %w; %w", silence, err)
}

// room reports whether ctx lasts longer than d.
func room(ctx context.Context, d time.Duration) bool {
	end, limited := ctx.Deadline()
	return !limited || time.Until(end) > d
}

// looks are the pauses before each look: ten seconds in all for the list to catch up.
var looks = []time.Duration{time.Second, 2 * time.Second, 3 * time.Second, 4 * time.Second}

// look searches the build of a launch, a live one if there is one. found is false only when the
// last look, ten seconds or more after the start, has shown a list without it. The error is ctx's,
// a refusal, or that the machine is not wanted any more.
func (p *Provider) look(ctx context.Context, s Settings, l provisioner.Launch) (m provisioner.Machine, found bool, err error) {
	for i := 0; ; i++ {
		last := i >= len(looks)-1
		if err := sleep(ctx, max(looks[min(i, len(looks)-1)], hint(err))); err != nil {
			return provisioner.Machine{}, false, err
		}
		if err := l.StillWanted(ctx); err != nil {
			return provisioner.Machine{}, false, err
		}
		var machines []provisioner.Machine
		machines, err = p.machines(ctx, s.workflow())
		if errors.Is(err, provisioner.ErrRefused) {
			return provisioner.Machine{}, false, err
		}
		for _, x := range machines {
			if x.RunnerName == l.Runner.Name && x.RunnerID == l.Runner.ID && (!found || x.Alive()) {
				m, found = x, true
			}
		}
		if found || last && err == nil {
			return m, found, nil
		}
	}
}

// hint is the wait that a rate limit asks for, 0 without one.
func hint(err error) time.Duration {
	if limited := (*provisioner.RetryAfterError)(nil); errors.As(err, &limited) {
		return limited.After
	}
	return 0
}
