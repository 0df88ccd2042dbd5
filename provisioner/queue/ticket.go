package queue

import (
	"context"
	"fmt"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// ticket is the permission for one attempt: a pass of the type's gate, one of the target's, and a place under the type's limit.
type ticket struct {
	worker     *Worker
	job        provisioner.Job
	runnerType provisioner.RunnerType
	typePass   *pass
	targetPass *pass
}

// refusal says how long to wait for a ticket, and whether only this job has to.
type refusal struct {
	wait  time.Duration
	alone bool
	err   error
}

// busyPause is how long a job waits whose other message is being attempted.
const busyPause = 5 * time.Second

// breakerPoll is how soon those who wait notice that a broken runner type was mended.
const breakerPoll = 5 * time.Second

// try returns a ticket, or why there is none now.
func (w *Worker) try(ctx context.Context, t provisioner.RunnerType, j provisioner.Job) (*ticket, refusal) {
	if !w.claim(j.Key()) {
		return nil, refusal{wait: busyPause, alone: true, err: fmt.Errorf("%s is being attempted", j)}
	}
	target := t.Target(j.Repository).String()
	targetPass, wait := w.targets.of(target).try()
	if targetPass == nil {
		w.unclaim(j.Key())
		return nil, refusal{wait: wait, alone: true, err: fmt.Errorf("GitHub refuses runners at %s", target)}
	}
	typePass, wait := w.types.of(t.Name).try()
	if typePass == nil {
		targetPass.release()
		w.unclaim(j.Key())
		return nil, refusal{wait: wait, err: fmt.Errorf("runner type %s is held back", t.Name)}
	}
	if wait := w.breakers.try(t.Name); wait > 0 {
		typePass.release()
		targetPass.release()
		w.unclaim(j.Key())
		return nil, refusal{wait: min(wait, breakerPoll), err: fmt.Errorf("machines of %s boot and never register", t.Name)}
	}
	ok, err := w.places.reserve(ctx, t, w.cfg.Listers[t.Provider])
	if !ok {
		targetPass.release()
		w.unclaim(j.Key())
		if err != nil {
			wait = typePass.fail(0)
			w.cfg.Logger.WarnContext(ctx, "machines can't be counted", "type", t.Name, "provider", t.Provider, "error", err)
			return nil, refusal{wait: wait, err: fmt.Errorf("count machines of %s: %w", t.Name, err)}
		}
		typePass.release()
		return nil, refusal{wait: refreshEvery, err: fmt.Errorf("runner type %s has its %d machines", t.Name, t.Max)}
	}
	return &ticket{worker: w, job: j, runnerType: t, typePass: typePass, targetPass: targetPass}, refusal{}
}

// settle gives the ticket back with the attempt's result and returns the verdict on an error.
func (k *ticket) settle(ctx context.Context, out provisioner.Outcome, err error) (v verdict, wait time.Duration) {
	w := k.worker
	w.unclaim(k.job.Key())
	w.places.settle(k.runnerType, out.Machine)
	if err == nil {
		k.targetPass.succeed()
		k.typePass.succeed()
		return v, 0
	}
	v, wait = judge(ctx, err)
	switch v {
	case holdType:
		k.targetPass.release()
		wait = k.typePass.fail(wait)
	case holdTarget:
		k.typePass.release()
		wait = k.targetPass.fail(wait)
	case putBack, giveUp:
		k.typePass.release()
		k.targetPass.release()
	}
	return v, wait
}

func (w *Worker) claim(key string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.busy[key] {
		return false
	}
	w.busy[key] = true
	return true
}

func (w *Worker) unclaim(key string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.busy, key)
}
