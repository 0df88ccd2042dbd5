package queue

import (
	"context"
	"errors"
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

// refusal says why there is no admission, how long to wait for one, and whether only this job has
// to.
type refusal struct {
	why         provisioner.Reason
	wait        time.Duration
	sooner      <-chan struct{} // ends the wait, too, if it is not nil
	onlyThisJob bool
	err         error // of the caller's time, or of what had to be asked
}

func (r refusal) refused() bool { return r.why.Because != "" }

// attemptingPause is how long a job waits whose other message is being attempted.
const attemptingPause = 5 * time.Second

// bootBreakerPoll is how soon those who wait notice that a broken runner type was mended.
const bootBreakerPoll = 5 * time.Second

// admit returns an admission, or why there is none now. It does not wait.
func (w *Worker) admit(ctx context.Context, t provisioner.RunnerType, j provisioner.Job) (*admission, refusal) {
	if !w.claim(j.Key()) {
		return nil, refusal{wait: attemptingPause, onlyThisJob: true, why: provisioner.Reason{Because: provisioner.BecauseAttempting, Type: t.Name, Alone: true}}
	}
	a := &admission{worker: w, job: j, runnerType: t}
	if r := a.acquire(ctx); r.refused() {
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
		b := w.targetBreakers.of(target.String())
		p, wait := b.acquire()
		if p == nil {
			return refusal{wait: wait, onlyThisJob: true, why: b.lastReason()}
		}
		a.permits.targets[target] = p
	}
	var wait time.Duration
	b := w.typeBreakers.of(t.Name)
	if a.permits.runnerType, wait = b.acquire(); a.permits.runnerType == nil {
		return refusal{wait: wait, why: b.lastReason()}
	}
	if a.permits.boot, wait = w.bootBreakers.acquire(t.Name); a.permits.boot == nil {
		why := provisioner.Reason{Because: provisioner.BecauseBootFailures, Type: t.Name, Until: time.Now().Add(wait)}
		return refusal{wait: min(wait, bootBreakerPoll), why: why}
	}
	full, err := w.capacity.reserve(ctx, t, a.job, w.cfg.Listers[t.Provider])
	switch {
	case err == nil && full == nil:
		return refusal{}
	case err == nil:
		return refusal{wait: refreshEvery, sooner: full, why: maxReached(t)}
	case ctx.Err() != nil: // the caller's time is over, which says nothing about the cloud
		return refusal{why: provisioner.Reason{Because: provisioner.BecauseStopped, Type: t.Name, Alone: true}, err: ctx.Err()}
	default:
		w.cfg.Logger.WarnContext(ctx, "machines can't be counted", "type", t.Name, "provider", t.Provider, "error", err)
		why := provisioner.ReasonOf(err, t)
		why.Detail = "its machines can't be counted: " + why.Detail
		return refusal{wait: a.permits.runnerType.fail(0, why), why: why, err: err}
	}
}

func maxReached(t provisioner.RunnerType) provisioner.Reason {
	return provisioner.Reason{Because: provisioner.BecauseMax, Type: t.Name, Max: t.Max}
}

// Reason tells what holds back the jobs of a runner type in a repository now; ok is false if
// nothing does, but that others may come first. It asks nobody: what the worker has learnt from its
// attempts is what counts.
func (w *Worker) Reason(runnerType string, r provisioner.Repository) (why provisioner.Reason, ok bool) {
	for _, t := range w.provisioner.Types() {
		if t.Name != runnerType {
			continue
		}
		for _, key := range []string{t.Target(r).String(), r.String()} {
			if why, ok := w.targetBreakers.reason(key); ok {
				return why, true
			}
		}
		if why, ok := w.typeBreakers.reason(t.Name); ok {
			return why, true
		}
		if why, ok := w.bootBreakers.reason(t.Name); ok {
			return why, true
		}
		if w.capacity.isFull(t) {
			return maxReached(t), true
		}
	}
	return why, false
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
	why := provisioner.ReasonOf(err, a.runnerType)
	switch do {
	case backOffType:
		wait = a.permits.runnerType.fail(wait, why)
	case backOffTarget:
		var github *provisioner.GitHubError
		errors.As(err, &github)
		p := a.permits.targets[github.Target]
		if p == nil { // somewhere else, or the credential
			return backOffJob, max(wait, lastBackoff)
		}
		wait = p.fail(wait, why)
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
