package main

import (
	"context"
	"log/slog"
	"sync"

	"go.uber.org/fx"

	"github.com/datawire/github-runner-provisioner/adapters/internal/config"
	"github.com/datawire/github-runner-provisioner/provisioner/queue"
	"github.com/datawire/github-runner-provisioner/provisioner/reconcile"
)

// runWorker drains the queue while the service runs.
func runWorker(life fx.Lifecycle, w *queue.Worker, log *slog.Logger) {
	background(life, func(ctx context.Context) {
		if err := w.Run(ctx); err != nil {
			log.Error("the worker stopped", "error", err)
		}
	})
}

// runSweeper reconciles while the service runs.
func runSweeper(life fx.Lifecycle, s *reconcile.Sweeper, cfg *config.Config, log *slog.Logger) {
	if cfg.ReconcileInterval == 0 {
		log.Warn("the reconciler is off (RECONCILE_INTERVAL=0): lost webhooks, stolen runners and leftovers are nobody's business")
		return
	}
	background(life, func(ctx context.Context) { s.Run(ctx, cfg.ReconcileInterval) })
}

// background runs f from the service's start; its stop ends f's context and waits for f.
func background(life fx.Lifecycle, f func(ctx context.Context)) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	life.Append(fx.StartStopHook(
		func() { running.Go(func() { f(ctx) }) },
		func(stop context.Context) error {
			cancel()
			done := make(chan struct{})
			go func() { running.Wait(); close(done) }()
			select {
			case <-done:
				return nil
			case <-stop.Done():
				return stop.Err()
			}
		},
	))
}
