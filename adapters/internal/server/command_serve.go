package server

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"time"

	"github.com/caarlos0/env/v10"
	"go.uber.org/dig"
	"go.uber.org/fx"

	"github.com/datawire/github-runner-provisioner/adapters/internal/config"
	"github.com/datawire/github-runner-provisioner/adapters/internal/wiring"
)

// tracesTo is where binaries with OpenTelemetry send traces.
const tracesTo = "OTEL_EXPORTER_OTLP_ENDPOINT"

// garbage is how much of the heap may be garbage, in percent of what lives: the service has little
// to remember and shares its machine, so it trades some CPU for memory.
const garbage = 50

func serveCommand(ctx context.Context, args []string, out streams, parts []fx.Option) int {
	if len(args) > 0 {
		return misuse(out, fmt.Sprintf("serve takes no arguments, and %q is one", args[0]))
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbage)
	}
	cfg, err := config.Load(ctx, env.ToMap(os.Environ()), nil)
	if err != nil {
		fmt.Fprintln(out.err, err)
		return exitFailed
	}
	log := wiring.NewLogger(cfg, out.out)
	wiring.LogWarnings(cfg, log)
	if os.Getenv(tracesTo) != "" && len(parts) == 0 {
		log.Warn("no traces are sent by this binary, although "+tracesTo+" is set: the one of adapters/otel sends them", "see", "docs/traces.md")
	}
	app := fx.New(append(parts, options(cfg, log))...)
	signals := app.Wait() // from here on: who stops the service while it starts means it too
	start, cancel := context.WithTimeout(ctx, app.StartTimeout())
	defer cancel()
	if err := app.Start(start); err != nil {
		fmt.Fprintln(out.err, "the service can't start:", dig.RootCause(err))
		return exitFailed
	}
	signal := <-signals
	log.Info("stopping: no job is begun any more, and what is under way may end", "signal", fmt.Sprint(signal.Signal), "at_most", stopTimeout)
	stop, cancel := context.WithTimeout(ctx, app.StopTimeout())
	defer cancel()
	if err := app.Stop(stop); err != nil {
		fmt.Fprintln(out.err, "the service did not stop cleanly:", dig.RootCause(err))
		return exitFailed
	}
	log.Info("stopped")
	return signal.ExitCode
}

// stopTimeout covers the requests in progress, the launches under way and the closing of the queue;
// Kubernetes kills after 30 s, unless it is told otherwise.
const stopTimeout = 25 * time.Second

func options(cfg *config.Config, log *slog.Logger) fx.Option {
	return fx.Options(
		wiring.Module(cfg, log),
		fx.Provide(newServer, newAdmin, newBackground, wiring.NewJournal),
		fx.Invoke(wiring.Gauges, wiring.KeepJournal, serveAdmin, serve, wiring.Announce, wiring.AnnounceAWS, wiring.WatchGitHub, wiring.ReportWaits),
		fx.StopTimeout(stopTimeout),
	)
}
