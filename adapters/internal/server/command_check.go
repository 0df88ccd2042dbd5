package server

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/caarlos0/env/v10"

	"github.com/datawire/github-runner-provisioner/adapters/internal/config"
	"github.com/datawire/github-runner-provisioner/adapters/internal/wiring"
	"github.com/datawire/github-runner-provisioner/provisioner"
)

// checkTimeout is for all that is tried.
const checkTimeout = 5 * time.Minute

func checkCommand(ctx context.Context, args []string, out streams) int {
	flags := flag.NewFlagSet("check", flag.ContinueOnError)
	offline := flags.Bool("offline", false, "")
	if _, err := parse(flags, args, 0); err != nil {
		return misuse(out, err.Error())
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	var secrets config.SecretSource
	if *offline {
		secrets = config.Offline{}
	}
	cfg, err := config.Load(ctx, env.ToMap(os.Environ()), secrets)
	if err != nil {
		fmt.Fprintln(out.err, err)
		return exitFailed
	}
	code := exitOK
	wiring.Check(ctx, cfg, *offline, func(f provisioner.Finding) {
		if f.Verdict == provisioner.VerdictFailed {
			code = exitFailed
		}
		line := f.What
		if f.Detail != "" {
			line += ": " + strings.Join(strings.Fields(f.Detail), " ")
		}
		fmt.Fprintf(out.out, "%-7s %s\n", f.Verdict, line)
	})
	return code
}
