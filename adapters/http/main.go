// Command http is the webhook server: it receives GitHub's workflow_job events and provides one
// machine for each job that a runner type serves. Its settings are environment variables; the
// README lists them. Other commands look at a server that runs.
package main

import (
	"context"
	"log/slog"
	"os"

	"go.uber.org/fx"

	"github.com/datawire/github-runner-provisioner/adapters/internal/config"
	"github.com/datawire/github-runner-provisioner/adapters/internal/wiring"
)

func main() {
	os.Exit(run(context.Background(), os.Args[1:], streams{os.Stdout, os.Stderr}))
}

func options(cfg *config.Config, log *slog.Logger) fx.Option {
	return fx.Options(
		wiring.Module(cfg, log),
		fx.Provide(newServer, newAdmin, newBackground, wiring.NewJournal),
		fx.Invoke(wiring.Gauges, wiring.KeepJournal, serveAdmin, serve, wiring.Announce, wiring.AnnounceAWS, wiring.WatchGitHub, wiring.ReportWaits),
		fx.StopTimeout(stopTimeout),
	)
}
