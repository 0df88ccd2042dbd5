package crashsim

import (
	"context"
	"slices"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// receiver returns the replica that a webhook of GitHub's reaches, if any is up.
func (w *world) receiver(t *tenant, words ...any) *process {
	w.mu.Lock()
	up := slices.DeleteFunc(slices.Clone(w.processes), func(p *process) bool { return p.tenant != t })
	w.mu.Unlock()
	if len(up) == 0 {
		return nil
	}
	return up[w.pick(len(up), "replica", words)]
}

// deliver sends the webhook of a queued job to one of the replicas. It is lost if that is down.
func (w *world) deliver(ctx context.Context, j *job, i, n int) {
	if w.options.Reconcile && n < 50 && w.chance(w.weather.lostWebhook, "lost webhook", i, n) {
		w.note("a webhook of job %d is lost", j.ID)
		return
	}
	p := w.receiver(j.tenant, i, n)
	if p == nil {
		w.note("a webhook of job %d finds nobody", j.ID)
		return
	}
	p.sweeper.MarkActive(j.Repository)
	p.github.Tell(j.Job, provisioner.JobWaiting)
	duplicate, err := p.worker.Accept(ctx, j.kind.Name, j.Job)
	if err != nil {
		w.note("a webhook of job %d is answered 503: %v", j.ID, err)
		return
	}
	j.accepted.Store(true)
	w.note("%s accepts job %d (duplicate: %v)", p, j.ID, duplicate)
}

// tell sends the webhook of a job that has started or ended, after a while, to one of the replicas:
// hints that nothing may rely on.
func (w *world) tell(ctx context.Context, t *tenant, id, runner int64, state provisioner.JobState) {
	if w.chance(w.weather.lostWebhook, "lost hint", id, state) {
		return
	}
	time.AfterFunc(w.within(0, 20*time.Second, "hint", id, state), func() {
		j, p := w.job(t, id), w.receiver(t, "hint", id, state)
		if p == nil || j == nil || ctx.Err() != nil {
			return
		}
		p.sweeper.MarkActive(j.Repository)
		p.sweeper.JobTaken(runner, id)
		if state == provisioner.JobEnded {
			p.worker.JobEnded(j.Job)
		}
		p.github.Tell(j.Job, state)
	})
}

func (w *world) job(t *tenant, id int64) *job {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, j := range w.jobs {
		if j.tenant == t && j.ID == id {
			return j
		}
	}
	return nil
}
