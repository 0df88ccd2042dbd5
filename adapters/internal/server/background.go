package server

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"github.com/datawire/github-runner-provisioner/adapters/internal/config"
	"github.com/datawire/github-runner-provisioner/provisioner/queue"
	"github.com/datawire/github-runner-provisioner/provisioner/reconcile"
)

// background is the work beside the server: the worker drains the queue, and the sweeper
// reconciles.
type background struct {
	worker  *queue.Worker
	sweeper *reconcile.Sweeper
	cfg     *config.Config
	log     *slog.Logger

	cancel  context.CancelFunc
	running sync.WaitGroup
}

func newBackground(w *queue.Worker, s *reconcile.Sweeper, cfg *config.Config, log *slog.Logger) *background {
	return &background{worker: w, sweeper: s, cfg: cfg, log: log}
}

func (b *background) start() {
	var ctx context.Context
	ctx, b.cancel = context.WithCancel(context.Background())
	b.running.Go(func() {
		if err := b.worker.Run(ctx); err != nil {
			b.log.Error("the worker stopped", "error", err)
		}
	})
	if b.cfg.ReconcileInterval == 0 {
		b.log.Warn("the reconciler is off (RECONCILE_INTERVAL=0): lost webhooks, stolen runners and leftovers are nobody's business")
		return
	}
	b.running.Go(func() { b.sweeper.Run(ctx, b.cfg.ReconcileInterval) })
}

// stop has nothing new begun from now on, and does not wait for what is under way.
func (b *background) stop() { b.cancel() }

// wait waits for what is under way, until ctx ends.
func (b *background) wait(ctx context.Context) error {
	done := make(chan struct{})
	go func() { b.running.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return errors.New("launches under way were cut off; their jobs are taken up after the next start")
	}
}
