// Command lambda is the same service on AWS Lambda. One binary serves three kinds of events:
// webhook requests (a function URL, an API Gateway HTTP API, a load balancer), whose jobs it puts
// into the SQS queue; batches of that queue, whose jobs it provisions; and a schedule, on which it
// reconciles. Its settings are the HTTP server's and DEAD_LETTER_URL; examples/deploy/lambda has a
// template.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/caarlos0/env/v10"

	"github.com/datawire/github-runner-provisioner/adapters/internal/wiring"
)

func main() {
	s, err := load(context.Background(), env.ToMap(os.Environ()))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	log := wiring.NewLogger(s.Config, os.Stdout)
	wiring.LogWarnings(s.Config, log)
	h := &handler{parts: newParts(s, log), sweeps: s.ReconcileInterval > 0, log: log}
	lambda.Start(h.handle)
}
