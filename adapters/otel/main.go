// Command otel is the webhook server of adapters/http, whole, which also sends traces to
// OpenTelemetry: for each job one, made of its timeline, over OTLP by HTTP. It is a module of its
// own because OpenTelemetry's packages make the binary 11 MB larger, and those who import this
// project are to have nothing to do with them.
//
// Traces are sent if OTEL_EXPORTER_OTLP_ENDPOINT or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is set. The
// SDK's other variables mean what OpenTelemetry says
// (https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/).
package main

import (
	"context"
	"os"

	"go.uber.org/fx"

	"github.com/datawire/github-runner-provisioner/adapters/internal/server"
)

func main() {
	os.Exit(server.Main(context.Background(), os.Args[1:], os.Stdout, os.Stderr,
		fx.Provide(newTraces, fx.Annotate((*traces).listener, fx.ResultTags(`group:"listeners"`))),
		fx.Invoke(keepTraces),
	))
}
