// Command http is the webhook server: it receives GitHub's workflow_job events and provides one
// machine for each job that a runner type serves. Its settings are environment variables; the
// README lists them.
package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/caarlos0/env/v10"
	"go.uber.org/dig"
	"go.uber.org/fx"

	"github.com/datawire/github-runner-provisioner/adapters/internal/config"
	"github.com/datawire/github-runner-provisioner/adapters/internal/wiring"
)

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbage)
	}
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// garbage is how much of the heap may be garbage, in percent of what lives: the service has little
// to remember and shares its machine, so it trades some CPU for memory.
const garbage = 50

// command is what the binary does; it may be left out.
const command = "serve"

func run(args []string, stdout, stderr io.Writer) int {
	if len(args) > 0 && !slices.Equal(args, []string{command}) {
		fmt.Fprintf(stderr, "%q is not understood: the only command is %s, which is the default, and all settings are environment variables\n", strings.Join(args, " "), command)
		return 2
	}
	cfg, err := config.Load(context.Background(), env.ToMap(os.Environ()), nil)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	log := wiring.NewLogger(cfg, stdout)
	wiring.LogWarnings(cfg, log)
	app := fx.New(options(cfg, log))
	start, cancel := context.WithTimeout(context.Background(), app.StartTimeout())
	defer cancel()
	if err := app.Start(start); err != nil {
		fmt.Fprintln(stderr, "the service can't start:", dig.RootCause(err))
		return 1
	}
	signal := <-app.Wait()
	stop, cancel := context.WithTimeout(context.Background(), app.StopTimeout())
	defer cancel()
	if err := app.Stop(stop); err != nil {
		fmt.Fprintln(stderr, "the service did not stop cleanly:", dig.RootCause(err))
		return 1
	}
	return signal.ExitCode
}

// stopTimeout covers the requests in progress, the launches under way and the closing of the queue;
// Kubernetes kills after 30 s, unless it is told otherwise.
const stopTimeout = 25 * time.Second

func options(cfg *config.Config, log *slog.Logger) fx.Option {
	return fx.Options(
		wiring.Module(cfg, log),
		fx.Provide(newServer, newBackground),
		fx.Invoke(wiring.Gauges, serve, wiring.Announce, wiring.AnnounceAWS, wiring.WatchGitHub),
		fx.StopTimeout(stopTimeout),
	)
}
