package wiring

import (
	"context"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/github"
	"github.com/datawire/github-runner-provisioner/provisioner/queue"
	"github.com/datawire/github-runner-provisioner/provisioner/reconcile"
	"github.com/datawire/github-runner-provisioner/provisioner/webhook"
)

// hints passes on what the webhook hears: jobs on their way to the queue, and jobs that started or
// ended.
type hints struct {
	worker  *queue.Worker
	sweeper *reconcile.Sweeper
	github  *github.Client
}

func newHints(w *queue.Worker, s *reconcile.Sweeper, gh *github.Client) hints {
	return hints{worker: w, sweeper: s, github: gh}
}

var (
	_ webhook.Accepter = hints{}
	_ webhook.Recorder = hints{}
)

// Accept implements webhook.Accepter.
func (h hints) Accept(ctx context.Context, runnerType string, j provisioner.Job) (duplicate bool, err error) {
	h.sweeper.MarkActive(j.Repository)
	h.github.Tell(j, provisioner.JobWaiting)
	return h.worker.Accept(ctx, runnerType, j)
}

// Record implements webhook.Recorder.
func (h hints) Record(_ context.Context, c webhook.Change) {
	h.sweeper.MarkActive(c.Job.Repository)
	h.sweeper.JobTaken(c.RunnerID, c.Job.ID)
	if c.Action == webhook.ActionCompleted {
		h.worker.JobEnded(c.Job)
		h.github.Tell(c.Job, provisioner.JobEnded)
		return
	}
	h.github.Tell(c.Job, provisioner.JobRunning)
}
