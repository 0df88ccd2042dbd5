// Command embed is the library inside another Go service: one more handler on its mux, a worker
// beside it, and a page that says why a job waits.
package main

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/datawire/github-runner-provisioner/adapters/statuspage"
	"github.com/datawire/github-runner-provisioner/awsrunner"
	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/github"
	"github.com/datawire/github-runner-provisioner/provisioner/journal"
	"github.com/datawire/github-runner-provisioner/provisioner/queue"
	"github.com/datawire/github-runner-provisioner/provisioner/webhook"
)

func main() {
	ctx := context.Background()
	types := []provisioner.RunnerType{{Name: "linux", Labels: []string{"self-hosted", "linux"}, Provider: awsrunner.Name}}
	seen := journal.New(journal.Config{Types: types, Changed: func(ctx context.Context, j journal.Job) {
		slog.InfoContext(ctx, "job", "id", j.ID, "state", j.State, "because", j.Because())
	}})

	gh := must(github.New(github.Config{Token: provisioner.NewSecret(os.Getenv("GITHUB_TOKEN"))}))
	instances := must(awsrunner.New(ec2.NewFromConfig(must(config.LoadDefaultConfig(ctx))), gh, map[string]awsrunner.Settings{
		types[0].Name: {Image: "ami-0123456789abcdef0", InstanceTypes: []string{"t4g.large"}},
	}, awsrunner.Config{}))
	engine := must(provisioner.New(types, map[string]provisioner.Provider{awsrunner.Name: instances}, gh, provisioner.Config{Observer: seen}))

	worker := queue.NewWorker(queue.NewMemory(0), engine, queue.Config{Logger: slog.Default(), Observer: seen})
	receiver := must(webhook.New(provisioner.NewSecret(os.Getenv("WEBHOOK_TOKEN")), engine, worker, engine, webhook.Config{Logger: slog.Default(), Events: seen}))
	seen.Ask(worker)
	go func() { _ = worker.Run(ctx) }()
	go seen.Run(ctx)

	mux := http.NewServeMux() // the service's own
	mux.Handle("/github/webhook", receiver)
	mux.Handle("/runners/", statuspage.New(seen, statuspage.Config{Prefix: "/runners"})) // behind your own authentication
	server := &http.Server{Addr: ":8080", Handler: mux, ReadTimeout: 30 * time.Second}
	must(0, server.ListenAndServe())
}

func must[T any](v T, err error) T {
	if err != nil {
		slog.Error("can't go on", "error", err)
		os.Exit(1)
	}
	return v
}
