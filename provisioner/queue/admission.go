package queue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// admission is the permission for one attempt: a permit of the runner type's breaker, one of each
// place at GitHub that the attempt asks at, one of the boot breaker's, and room under the type's
// limit. Whoever has one settles it.
type admission struct {
	worker     *Worker
	job        provisioner.Job
	runnerType provisioner.RunnerType
	permits    permits
}

// permits are what an attempt needs of the breakers.
type permits struct {
	runnerType *permit
	targets    map[provisioner.Target]*permit // where its runner is registered, and its job's repository
	boot       *bootPermit
}

// release gives all of them back without a verdict, but those that have had theirs.
func (p *permits) release() {
	if p.runnerType != nil {
		p.runnerType.release()
	}
	for _, t := range p.targets {
		t.release()
	}
	if p.boot != nil {
		p.boot.release(false)
	}
}

// refusal says how long to wait for an admission, and whether only this job has to.
type refusal struct {
	wait        time.Duration
	sooner      <-chan struct{} // ends the wait, too, if it is not nil
	onlyThisJob bool
	err         error
}

// attemptingPause is how long a job waits whose other message is being attempted.
const attemptingPause = 5 * time.Second

// bootBreakerPoll is how soon those who wait notice that a broken runner type was mended.
const bootBreakerPoll = 5 * time.Second

// admit returns an admission, or why there is none now. It does not wait.
func (w *Worker) admit(ctx context.Context, t provisioner.RunnerType, j provisioner.Job) (*admission, refusal) {
	if !w.claim(j.Key()) {
		return nil, refusal{wait: attemptingPause, onlyThisJob: true, err: fmt.Errorf("%s is being attempted", j)}
	}
	a := &admission{worker: w, job: j, runnerType: t}
	if r := a.acquire(ctx); r.err != nil {
		a.permits.release()
		w.unclaim(j.Key())
		return nil, r
	}
	return a, refusal{}
}

// acquire gets the permits one after the other, and the room last.
func (a *admission) acquire(ctx context.Context) (r refusal) {
	w, t := a.worker, a.runnerType
	a.permits.targets = make(map[provisioner.Target]*permit, 2)
	for _, target := range []provisioner.Target{t.Target(a.job.Repository), repositoryOf(a.job)} {
		if a.permits.targets[target] != nil {
			continue
		}
		p, wait := w.targetBreakers.of(target.String()).acquire()
		if p == nil {
			return refusal{wait: wait, onlyThisJob: true, err: fmt.Errorf("GitHub does not serve %s now", target)}
		}
		a.permits.targets[target] = p
	}
	var wait time.Duration
	if a.permits.runnerType, wait = w.typeBreakers.of(t.Name).acquire(); a.permits.runnerType == nil {
		return refusal{wait: wait, err: fmt.Errorf("runner type %s is held back", t.Name)}
	}
	if a.permits.boot, wait = w.bootBreakers.acquire(t.Name); a.permits.boot == nil {
		return refusal{wait: min(wait, bootBreakerPoll), err: fmt.Errorf("machines of %s boot and never register", t.Name)}
	}
	full, err := w.capacity.reserve(ctx, t, a.job, w.cfg.Listers[t.Provider])
	switch {
	case err == nil && full == nil:
		return refusal{}
	case err == nil:
		return refusal{wait: refreshEvery, sooner: full, err: fmt.Errorf("runner type %s has its %d machines", t.Name, t.Max)}
	case ctx.Err() != nil: // the caller's time is over, which says nothing about the cloud
		return refusal{err: ctx.Err()}
	default:
		w.cfg.Logger.WarnContext(ctx, "machines can't be counted", "type", t.Name, "provider", t.Provider, "error", err)
		return refusal{wait: a.permits.runnerType.fail(0), err: fmt.Errorf("count machines of %s: %w", t.Name, err)}
	}
}

func repositoryOf(j provisioner.Job) provisioner.Target {
	return provisioner.Target{Owner: j.Repository.Owner, Repo: j.Repository.Name}
}

// settle gives the admission back with the attempt's result, and says what is to be done with the
// job when that is an error. Only a launch proves that launches work: a job that turned out to need
// none gives its permits back unused.
func (a *admission) settle(ctx context.Context, out provisioner.Outcome, err error) (do action, wait time.Duration) {
	w := a.worker
	defer w.unclaim(a.job.Key())
	defer a.permits.release()
	w.capacity.release(a.runnerType, a.job, out)
	a.permits.boot.release(out.Status == provisioner.StatusLaunched || mayHaveLaunched(out))
	if err == nil {
		if out.Status == provisioner.StatusLaunched {
			a.permits.runnerType.succeed()
			for _, p := range a.permits.targets {
				p.succeed()
			}
		}
		return actionAfter(out)
	}
	do, wait = actionFor(ctx, err)
	switch do {
	case backOffType:
		wait = a.permits.runnerType.fail(wait)
	case backOffTarget:
		var github *provisioner.GitHubError
		errors.As(err, &github)
		p := a.permits.targets[github.Target]
		if p == nil { // somewhere else, or the credential
			return backOffJob, max(wait, lastBackoff)
		}
		wait = p.fail(wait)
	case settled, lookAgain, backOffJob, requeue, giveUp:
	}
	return do, wait
}

func (w *Worker) claim(key string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.attempting[key] {
		return false
	}
	w.attempting[key] = true
	return true
}

func (w *Worker) unclaim(key string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.attempting, key)
}
