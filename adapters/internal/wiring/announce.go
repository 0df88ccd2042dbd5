package wiring

import (
	"cmp"
	"log/slog"
	"strings"

	"go.uber.org/fx"

	"github.com/datawire/github-runner-provisioner/adapters/internal/config"
	"github.com/datawire/github-runner-provisioner/provisioner"
)

// LogWarnings says at the start what the settings may not be meant to say.
func LogWarnings(cfg *config.Config, log *slog.Logger) {
	for _, w := range cfg.Warnings {
		log.Warn(w)
	}
	if len(cfg.Webhook.Repositories) == 0 {
		log.Warn("REPOSITORIES is not set: any repository that has the webhook may start machines; REPOSITORIES=*/* says that it may")
	}
}

// Announce says what the service serves, once it has started.
func Announce(life fx.Lifecycle, cfg *config.Config, d provisioner.Deployment, log *slog.Logger) {
	types := make([]string, 0, len(cfg.Runners))
	for _, t := range cfg.Runners {
		types = append(types, t.Name)
	}
	reconciles := cfg.ReconcileInterval.String()
	if cfg.ReconcileInterval == 0 {
		reconciles = "off"
	}
	life.Append(fx.StartHook(func() {
		log.Info("serving", "version", Version(), "types", strings.Join(types, ","), "repositories", cmp.Or(strings.Join(cfg.Webhook.Repositories, ","), "all"),
			"queue", cfg.QueueURL, "reconcile_interval", reconciles, "deployment", string(d))
	}))
}
