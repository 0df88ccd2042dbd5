package provisionertest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

type toyProvider struct{ *toy }

func (p *toyProvider) Launch(ctx context.Context, l provisioner.Launch) (provisioner.Machine, error) {
	if l.Type.Name != p.Type().Name && p.flaw != "launches unknown types" {
		return provisioner.Machine{}, fmt.Errorf("type %s: %w", l.Type.Name, provisioner.ErrRefused)
	}
	if err := ctx.Err(); err != nil && p.flaw != "launches after its time" {
		return provisioner.Machine{}, err
	}
	if p.flaw == "mixes launches up" {
		l = p.mixUp(l)
	}
	key := fmt.Sprint(l.Runner.Name, l.Runner.ID)
	if p.flaw == "keys by name alone" {
		key = l.Runner.Name
	}
	silent, throttles := false, 0
	for {
		if p.flaw == "has a new key for each call" {
			key = rand.Text()
		}
		m, err := p.create(key, p.machine(l))
		if p.flaw == "asks too late" && silent {
			if err := l.StillWanted(ctx); err != nil {
				return provisioner.Machine{}, err
			}
		}
		if p.flaw != "repeats what the cloud says" {
			err = provisioner.RedactError(err, l.JITConfig)
		}
		if p.flaw == "makes two machines" {
			_, _ = p.create(key+"'", p.machine(l))
		}
		p.say(l, err)
		switch {
		case err == nil:
			return p.launched(m)
		case errors.Is(err, errToySilence) && p.flaw == "gives up in silence":
			return provisioner.Machine{}, provisioner.ErrUnavailable
		case errors.Is(err, errToySilence):
			silent = true
		case errors.Is(err, errToyThrottle) && p.flaw == "takes a throttle for a refusal":
			return provisioner.Machine{}, provisioner.ErrRefused
		case errors.Is(err, errToyThrottle):
			if throttles++; throttles > 3 && !silent {
				return provisioner.Machine{}, p.slower(err)
			}
		case silent && p.flaw != "takes a late no for certain":
		case errors.Is(err, errToyRefused):
			return p.refused(l, err)
		case errors.Is(err, errToyFull) && p.flaw == "knows no capacity":
			return provisioner.Machine{}, provisioner.ErrRefused
		default:
			return provisioner.Machine{}, fmt.Errorf("%w: %w", provisioner.ErrCapacity, err)
		}
		if m, found := p.look(ctx, l, silent); found {
			return m, nil
		}
		if err := p.pause(ctx, l); err != nil {
			return provisioner.Machine{}, err
		}
	}
}

func (p *toyProvider) machine(l provisioner.Launch) CloudMachine {
	m := CloudMachine{Given: l.JITConfig.Reveal(), Machine: provisioner.Machine{
		Provider: "toys", Type: l.Type.Name, Repository: l.Job.Repository, Job: l.Job.ID, RunnerName: l.Runner.Name, RunnerID: l.Runner.ID,
	}}
	switch p.flaw {
	case "gives no configuration":
		m.Given = "hello"
	case "forgets the job":
		m.Job = 0
	}
	return m
}

func (p *toyProvider) launched(m CloudMachine) (provisioner.Machine, error) {
	if p.flaw == "returns another machine" {
		m.ID = "m-0"
	}
	if !m.Alive() && p.flaw != "takes an ended machine for a launch" {
		return provisioner.Machine{}, provisioner.ErrMachineEnded
	}
	return m.Machine, nil
}

func (p *toyProvider) say(l provisioner.Launch, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	said := l.JITConfig.String()
	if p.flaw == "logs the configuration" {
		said = inBase64("with " + l.JITConfig.Reveal())
	}
	slog.New(slog.NewJSONHandler(&p.log, nil)).Info("launch", "configuration", said, "error", err)
}

// mixUp keeps the launch where another one overwrites it.
func (p *toyProvider) mixUp(l provisioner.Launch) provisioner.Launch {
	p.mu.Lock()
	p.last = l
	p.mu.Unlock()
	time.Sleep(time.Millisecond)
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.last
}

func (p *toyProvider) slower(err error) error {
	hint := &provisioner.RetryAfterError{After: time.Second, Err: err}
	if p.flaw == "hints at no wait" {
		hint.After = 0
	}
	return hint
}

func (p *toyProvider) refused(l provisioner.Launch, err error) (provisioner.Machine, error) {
	switch p.flaw {
	case "takes a refusal for success":
		return provisioner.Machine{ID: "m-?"}, nil
	case "quotes the request in errors":
		err = fmt.Errorf("%w: %s", err, l.JITConfig.Reveal())
	}
	return provisioner.Machine{}, fmt.Errorf("%w: %w", provisioner.ErrRefused, err)
}

// look makes up for keys that the cloud lacks.
func (p *toyProvider) look(ctx context.Context, l provisioner.Launch, silent bool) (provisioner.Machine, bool) {
	if p.keys || !silent || p.flaw == "starts blindly again" || p.flaw == "takes a late no for certain" {
		return provisioner.Machine{}, false
	}
	time.Sleep(p.lag)
	found, err := p.Find(ctx, l.Type, l.Job)
	for _, m := range found {
		if err == nil && m.RunnerID == l.Runner.ID {
			return m, true
		}
	}
	return provisioner.Machine{}, false
}

func (p *toyProvider) pause(ctx context.Context, l provisioner.Launch) error {
	select {
	case <-time.After(time.Second):
		if p.flaw == "asks nobody" || p.flaw == "asks too late" {
			return nil
		}
		err := l.StillWanted(ctx)
		if err != nil && p.flaw == "tells nobody why" {
			err = provisioner.ErrNoAnswer
		}
		return err
	case <-ctx.Done():
	}
	switch p.flaw {
	case "takes silence for a failure":
		return provisioner.ErrUnavailable
	case "overstays its time":
		time.Sleep(10 * time.Minute)
	}
	return fmt.Errorf("%w: %w", provisioner.ErrNoAnswer, ctx.Err())
}

func (p *toyProvider) List(context.Context) ([]provisioner.Machine, error) {
	all := []provisioner.Machine{}
	for {
		page, more, err := p.page(len(all))
		if err != nil && p.flaw != "shortens lists that fail" {
			return nil, err
		}
		all = append(all, page...)
		if !more || p.flaw == "lists the first page" {
			break
		}
	}
	shown := []provisioner.Machine{}
	for _, m := range all {
		if !m.Alive() && p.flaw == "forgets ended machines" {
			continue
		}
		if p.flaw == "takes all for alive" {
			m.State = provisioner.MachineAlive
		}
		shown = append(shown, m)
		if p.flaw == "lists twice" {
			shown = append(shown, m)
		}
	}
	return shown, nil
}

func (p *toyProvider) Find(ctx context.Context, _ provisioner.RunnerType, j provisioner.Job) (found []provisioner.Machine, err error) {
	all, err := p.List(ctx)
	for _, m := range all {
		if m.Job == j.ID || p.flaw == "finds other jobs" {
			found = append(found, m)
		}
	}
	return found, err
}

func (p *toyProvider) Terminate(_ context.Context, m provisioner.Machine) error {
	for _, x := range p.machines {
		if x.ID == m.ID && !x.Alive() && p.flaw == "can't end twice" {
			return errors.New("over already")
		}
		if x.ID == m.ID && p.flaw != "ends nothing" || p.flaw == "ends everything" {
			x.State = provisioner.MachineEnded
		}
	}
	return nil
}

func (p *toyProvider) Plan(ctx context.Context, l provisioner.Launch) (provisioner.ProviderPlan, error) {
	plan := provisioner.ProviderPlan{Request: map[string]any{"name": l.Runner.Name, "configuration": l.JITConfig}, UnverifiedBecause: "toys can't tell"}
	switch p.flaw {
	case "launches to plan":
		_, _ = p.Launch(ctx, l)
	case "plans in full":
		plan.Request = map[string]string{"name": l.Runner.Name, "configuration": l.JITConfig.Reveal()}
	case "plans nameless":
		plan.Request = "a machine"
	case "gives no reason":
		plan.UnverifiedBecause = ""
	case "fails to plan":
		return plan, provisioner.ErrUnavailable
	case "calls every plan verified":
		plan.Verified = true
	}
	return plan, nil
}
