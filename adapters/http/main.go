// Command http is the webhook server: it receives GitHub's workflow_job events and provides one
// machine for each job that a runner type serves. Its settings are environment variables; the
// README lists them. Other commands look at a server that runs.
package main

import (
	"context"
	"os"

	"github.com/datawire/github-runner-provisioner/adapters/internal/server"
)

func main() {
	os.Exit(server.Main(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
}
