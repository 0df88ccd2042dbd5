package awsrunner

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

const (
	// callTimeout is for one call; EC2 answers RunInstances within a few seconds.
	callTimeout = 15 * time.Second
	// throttlePause is what EC2's bucket takes to hold some tokens again; EC2 gives no hint.
	throttlePause = 5 * time.Second
	// throttles is how many times a throttled call is repeated here before the queue has to wait.
	throttles = 5
	// longestPause between repetitions of an unanswered call.
	longestPause = 10 * time.Second
)

// Launch implements [provisioner.Provider].
func (p *Provider) Launch(ctx context.Context, l provisioner.Launch) (provisioner.Machine, error) {
	s, err := p.settings(l.Type)
	if err != nil {
		return provisioner.Machine{}, err
	}
	d, err := p.release(ctx, l, s)
	if err != nil {
		return provisioner.Machine{}, fmt.Errorf("aws: the runner's release: %w", err)
	}
	script, err := startScript(l, s, d)
	if err != nil {
		return provisioner.Machine{}, err
	}
	var full []string
	for rest := s.places(l.Runner.ID); len(rest) > 0; {
		rest = p.full.last(rest)
		at := rest[0]
		rest = rest[1:]
		in, err := p.request(l, s, at, script)
		if err != nil {
			return provisioner.Machine{}, err
		}
		m, err := p.launchAt(ctx, l, at, in)
		if !errors.Is(err, provisioner.ErrCapacity) {
			return m, err
		}
		l.Full(at.String(), err)
		full = append(full, err.Error())
	}
	return provisioner.Machine{}, fmt.Errorf("aws: %s: %w", strings.Join(full, "; "), provisioner.ErrCapacity)
}

// launchAt makes one call at one place, and repeats it until its answer is definite.
func (p *Provider) launchAt(ctx context.Context, l provisioner.Launch, at place, in *ec2.RunInstancesInput) (provisioner.Machine, error) {
	sent := secrets(l, in)
	unanswered := false // an earlier call may still have its effect
	slow := 0
	for try := 0; ; try++ {
		if err := p.bucket.Wait(ctx); err != nil {
			return provisioner.Machine{}, p.outOfTime(at, unanswered, err)
		}
		// All of this may have taken long: the wait above, other places, silence, throttling.
		if err := l.StillWanted(ctx); err != nil {
			return provisioner.Machine{}, p.unconfirmed(at, unanswered, err)
		}
		m, err := p.call(ctx, l, in)
		if err == nil {
			p.full.remove(at)
			m.Place = at.String()
			return m, nil
		}
		switch judge(err) {
		case ended:
			return provisioner.Machine{}, fmt.Errorf("aws: %s: %s: %w", at, explain(err, sent...), provisioner.ErrMachineEnded)
		case mismatch:
			// Somebody launched this very registration with, say, another release of the runner.
			// The machine can be found by its tag.
			if m, err := p.launched(ctx, l); err == nil || errors.Is(err, provisioner.ErrMachineEnded) {
				return m, err
			}
			unanswered = true
		case noRoom:
			p.full.add(at, codeOf(err))
			if !unanswered {
				return provisioner.Machine{}, fmt.Errorf("%s: %s: %w", at, explain(err, sent...), provisioner.ErrCapacity)
			}
			return p.afterSilence(ctx, l, fmt.Errorf("%s: %s: %w", at, explain(err, sent...), provisioner.ErrCapacity))
		case refused:
			refusal := fmt.Errorf("aws: %s: %s: %w", at, explain(err, sent...), provisioner.ErrRefused)
			if !unanswered {
				return provisioner.Machine{}, refusal
			}
			return p.afterSilence(ctx, l, refusal)
		case throttled:
			if slow++; slow > throttles && !unanswered {
				return provisioner.Machine{}, &provisioner.RetryAfterError{After: throttlePause, Err: fmt.Errorf("aws: %s: %s", at, explain(err, sent...))}
			}
		case unsent:
			if !unanswered {
				return provisioner.Machine{}, fmt.Errorf("aws: %s: %s: %w", at, explain(err, sent...), provisioner.ErrUnavailable)
			}
		case silent:
			unanswered = true
			p.log.WarnContext(ctx, "no answer to a launch; the same call again", "runner", l.Runner.Name, "job", l.Job.ID, "place", at.String(), "error", explain(err, sent...))
		}
		if err := sleep(ctx, pause(try)); err != nil {
			return provisioner.Machine{}, p.outOfTime(at, unanswered, err)
		}
	}
}

// call makes the call once. The SDK's own repetitions are off: it would repeat a lack of capacity,
// and count as an answer what follows a silence.
func (p *Provider) call(ctx context.Context, l provisioner.Launch, in *ec2.RunInstancesInput) (provisioner.Machine, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	var w wire
	out, err := p.client.RunInstances(ctx, in, once, w.watch)
	if err != nil {
		return provisioner.Machine{}, w.judge(err)
	}
	if len(out.Instances) != 1 {
		return provisioner.Machine{}, fmt.Errorf("EC2 answered with %d instances", len(out.Instances))
	}
	m := machine(out.Instances[0])
	if !m.Alive() {
		return provisioner.Machine{}, &tokenSpent{m.ID}
	}
	// EC2 answers with the tags; what an answer without them would lack is known here.
	m.Type, m.Repository, m.Job, m.RunnerName, m.RunnerID = l.Type.Name, l.Job.Repository, l.Job.ID, l.Runner.Name, l.Runner.ID
	return m, nil
}

func once(o *ec2.Options) { o.Retryer = aws.NopRetryer{} }

// launched finds the machine of this registration.
func (p *Provider) launched(ctx context.Context, l provisioner.Launch) (provisioner.Machine, error) {
	machines, err := p.Find(ctx, l.Type, l.Job)
	if err != nil {
		return provisioner.Machine{}, err
	}
	over := false
	for _, m := range machines {
		switch {
		case m.RunnerID != l.Runner.ID:
		case m.Alive():
			return m, nil
		default:
			over = true
		}
	}
	if over {
		return provisioner.Machine{}, fmt.Errorf("aws: the machine of runner %s is over: %w", l.Runner.Name, provisioner.ErrMachineEnded)
	}
	return provisioner.Machine{}, provisioner.ErrNotFound
}

// afterSilence deals with a definite no that follows a call without an answer: that one may have
// made a machine. If the cloud shows none, the no stands; a machine that arrives later still is
// harmless, because its registration is removed.
func (p *Provider) afterSilence(ctx context.Context, l provisioner.Launch, no error) (provisioner.Machine, error) {
	m, err := p.launched(ctx, l)
	if errors.Is(err, provisioner.ErrNotFound) {
		if errors.Is(no, provisioner.ErrCapacity) {
			// Not the next place: the same registration would then be good for two machines.
			return provisioner.Machine{}, fmt.Errorf("aws: %v, after a call without an answer: %w", no, provisioner.ErrUnavailable) //nolint:errorlint // it must not count as a lack of capacity
		}
		return provisioner.Machine{}, no
	}
	if err != nil && !errors.Is(err, provisioner.ErrMachineEnded) {
		return provisioner.Machine{}, fmt.Errorf("%w: %v", provisioner.ErrNoAnswer, err) //nolint:errorlint // what is known is that nothing is known
	}
	return m, err
}

// unconfirmed is the error of a launch that ended because nobody could, or would, say that its
// machine is still wanted.
func (p *Provider) unconfirmed(at place, unanswered bool, err error) error {
	if unanswered && !errors.Is(err, provisioner.ErrNotWanted) {
		return fmt.Errorf("aws: %s: %w: %w", at, provisioner.ErrNoAnswer, err)
	}
	return fmt.Errorf("aws: %s: %w", at, err)
}

func (p *Provider) outOfTime(at place, unanswered bool, err error) error {
	if unanswered {
		return fmt.Errorf("aws: %s: %w: %w", at, provisioner.ErrNoAnswer, err)
	}
	return fmt.Errorf("aws: %s: %w: %w", at, provisioner.ErrUnavailable, err)
}

// tokenSpent is an answer that shows the instance of the token shutting down or terminated.
type tokenSpent struct{ id string }

// Error implements error.
func (e *tokenSpent) Error() string { return "the instance " + e.id + " of this launch is over" }

// pause doubles from half a second, and is spread so that many launches do not repeat at once.
func pause(try int) time.Duration {
	d := min(500*time.Millisecond<<min(try, 10), longestPause)
	return d/2 + rand.N(d/2) //nolint:gosec // spreading needs no secrecy
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
