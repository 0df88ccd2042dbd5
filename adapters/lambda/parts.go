package main

import (
	"context"
	"log/slog"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"go.uber.org/dig"
	"go.uber.org/fx"

	"github.com/datawire/github-runner-provisioner/adapters/internal/config"
	"github.com/datawire/github-runner-provisioner/adapters/internal/wiring"
	"github.com/datawire/github-runner-provisioner/provisioner/queue"
	"github.com/datawire/github-runner-provisioner/provisioner/reconcile"
	"github.com/datawire/github-runner-provisioner/provisioner/webhook"
)

// parts are built when the first event asks for them, so that a cold start costs no more than its
// event needs. They live as long as the process.
type parts struct {
	front   func() (wiring.Front, error)
	batch   func() (*batch, error)
	sweeper func() (*reconcile.Sweeper, error)
}

func newParts(s settings, log *slog.Logger) *parts {
	cfg := s.Config
	worker := sync.OnceValues(func() (w engine, err error) { return w, start(workOptions(cfg, log, &w)) })
	return &parts{
		front: sync.OnceValues(func() (f wiring.Front, err error) { return f, start(frontOptions(cfg, log, &f)) }),
		batch: sync.OnceValues(func() (*batch, error) {
			w, err := worker()
			if err != nil {
				return nil, err
			}
			sdk, err := wiring.LoadAWS()
			if err != nil {
				return nil, err
			}
			m := &messages{client: sqs.NewFromConfig(sdk), queueURL: cfg.QueueURL, deadLetterURL: s.deadLetterURL}
			return &batch{worker: w.worker, messages: m, markActive: w.sweeper.MarkActive, log: log}, nil
		}),
		sweeper: func() (*reconcile.Sweeper, error) {
			w, err := worker()
			return w.sweeper, err
		},
	}
}

// engine is what provisions and reconciles. The receiver is for deliveries that the sweeper finds
// in GitHub's log.
type engine struct {
	worker   *queue.Worker
	sweeper  *reconcile.Sweeper
	receiver *webhook.Receiver
}

func frontOptions(cfg *config.Config, log *slog.Logger, f *wiring.Front) fx.Option {
	return fx.Options(wiring.Module(cfg, log), fx.Populate(f))
}

func workOptions(cfg *config.Config, log *slog.Logger, e *engine) fx.Option {
	return fx.Options(wiring.Module(cfg, log), fx.Populate(&e.worker, &e.sweeper, &e.receiver))
}

// start builds and starts parts. Nothing stops them: Lambda ends the process when it likes.
func start(o fx.Option) error {
	app := fx.New(o)
	ctx, cancel := context.WithTimeout(context.Background(), app.StartTimeout())
	defer cancel()
	if err := app.Start(ctx); err != nil {
		return dig.RootCause(err)
	}
	return nil
}
