package queue

import (
	"context"
	"fmt"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// admission is the permission for one attempt: a permit of the runner type's breaker, one of the
// target's, and room under the type's limit. Whoever has one settles it.
type admission struct {
	worker       *Worker
	job          provisioner.Job
	runnerType   provisioner.RunnerType
	typePermit   *permit
	targetPermit *permit
}

// refusal says how long to wait for an admission, and whether only this job has to.
type refusal struct {
	wait        time.Duration
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
	target := t.Target(j.Repository).String()
	targetPermit, wait := w.targetBreakers.of(target).acquire()
	if targetPermit == nil {
		w.unclaim(j.Key())
		return nil, refusal{wait: wait, onlyThisJob: true, err: fmt.Errorf("GitHub refuses runners at %s", target)}
	}
	typePermit, wait := w.typeBreakers.of(t.Name).acquire()
	if typePermit == nil {
		targetPermit.release()
		w.unclaim(j.Key())
		return nil, refusal{wait: wait, err: fmt.Errorf("runner type %s is held back", t.Name)}
	}
	if wait := w.bootBreakers.acquire(t.Name); wait > 0 {
		typePermit.release()
		targetPermit.release()
		w.unclaim(j.Key())
		return nil, refusal{wait: min(wait, bootBreakerPoll), err: fmt.Errorf("machines of %s boot and never register", t.Name)}
	}
	ok, err := w.capacity.reserve(ctx, t, w.cfg.Listers[t.Provider])
	if !ok {
		targetPermit.release()
		w.unclaim(j.Key())
		if err != nil {
			wait = typePermit.fail(0)
			w.cfg.Logger.WarnContext(ctx, "machines can't be counted", "type", t.Name, "provider", t.Provider, "error", err)
			return nil, refusal{wait: wait, err: fmt.Errorf("count machines of %s: %w", t.Name, err)}
		}
		typePermit.release()
		return nil, refusal{wait: refreshEvery, err: fmt.Errorf("runner type %s has its %d machines", t.Name, t.Max)}
	}
	return &admission{worker: w, job: j, runnerType: t, typePermit: typePermit, targetPermit: targetPermit}, refusal{}
}

// settle gives the admission back with the attempt's result, and says what is to be done with the
// job when that is an error.
func (a *admission) settle(ctx context.Context, out provisioner.Outcome, err error) (do action, wait time.Duration) {
	w := a.worker
	w.unclaim(a.job.Key())
	w.capacity.release(a.runnerType, out.Machine)
	if err == nil {
		a.targetPermit.succeed()
		a.typePermit.succeed()
		return do, 0
	}
	do, wait = actionFor(ctx, a.runnerType.Target(a.job.Repository), err)
	switch do {
	case backOffType:
		a.targetPermit.release()
		wait = a.typePermit.fail(wait)
	case backOffTarget:
		a.typePermit.release()
		wait = a.targetPermit.fail(wait)
	case backOffJob, requeue, giveUp:
		a.typePermit.release()
		a.targetPermit.release()
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
