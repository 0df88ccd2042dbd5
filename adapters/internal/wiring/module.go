package wiring

import (
	"log/slog"
	"strings"

	"go.uber.org/fx"

	"github.com/datawire/github-runner-provisioner/adapters/internal/config"
	"github.com/datawire/github-runner-provisioner/labels"
	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/queue"
	"github.com/datawire/github-runner-provisioner/provisioner/webhook"
)

// Module offers everything that both binaries are made of, from a configuration and a logger.
func Module(cfg *config.Config, log *slog.Logger) fx.Option {
	return fx.Options(
		fx.Supply(cfg, log),
		fx.Provide(
			newMetrics,
			newGitHub,
			newDeployment,
			newProviders,
			newTable,
			newProvisioner,
			newQueue,
			newWorker,
			newDeliveries,
			newSweeper,
			newHints,
			newReceiver,
			newFront,
		),
		fx.NopLogger, // what goes wrong the binary says in plain words
	)
}

func newTable(cfg *config.Config) (*labels.Table, error) {
	return provisioner.NewTable(runnerTypes(cfg))
}

func runnerTypes(cfg *config.Config) []provisioner.RunnerType {
	types := make([]provisioner.RunnerType, 0, len(cfg.Runners))
	for _, r := range cfg.Runners {
		types = append(types, r.RunnerType)
	}
	return types
}

func newProvisioner(
	cfg *config.Config, p Providers, r provisioner.Registrar, watchers Watchers, d provisioner.Deployment,
) (*provisioner.Provisioner, error) {
	return provisioner.New(runnerTypes(cfg), p, r, provisioner.Config{Observer: watchers, Deployment: d})
}

func newWorker(q queue.Queue, p *provisioner.Provisioner, providers Providers, watchers Watchers, cfg *config.Config, log *slog.Logger) *queue.Worker {
	return queue.NewWorker(q, p, queue.Config{
		Listers: providers.listers(), NoDeduplication: !strings.HasPrefix(cfg.QueueURL, "sqlite:"), Logger: log, Observer: watchers,
	})
}

// newReceiver returns the webhook of a process that also does the work.
func newReceiver(
	cfg *config.Config, h hints, p *provisioner.Provisioner, watchers Watchers, log *slog.Logger, d *deliveries,
) (*webhook.Receiver, error) {
	r, err := webhook.New(cfg.Webhook.Token, p, h, p, receiverConfig(cfg, h, watchers, log))
	d.receiver = r
	return r, err
}

func receiverConfig(cfg *config.Config, recorder webhook.Recorder, watchers Watchers, log *slog.Logger) webhook.Config {
	return webhook.Config{
		PreviousSecret: cfg.Webhook.PreviousToken, Repositories: cfg.Webhook.Repositories, MaxBody: cfg.Webhook.MaxBody, Recorder: recorder, Logger: log,
		Observer: watchers.Metrics, Events: watchers.jobs(),
	}
}
