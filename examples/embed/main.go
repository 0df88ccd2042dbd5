// Command embed is the library inside another Go service: one more handler on its mux, and a worker
// beside it.
package main

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/datawire/github-runner-provisioner/awsrunner"
	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/github"
	"github.com/datawire/github-runner-provisioner/provisioner/queue"
	"github.com/datawire/github-runner-provisioner/provisioner/webhook"
)

func main() {
	ctx := context.Background()
	linux := provisioner.RunnerType{Name: "linux", Labels: []string{"self-hosted", "linux"}, Provider: awsrunner.Name}

	gh := must(github.New(github.Config{Token: provisioner.NewSecret(os.Getenv("GITHUB_TOKEN"))}))
	instances := must(awsrunner.New(ec2.NewFromConfig(must(config.LoadDefaultConfig(ctx))), gh, map[string]awsrunner.Settings{
		linux.Name: {Image: "ami-0123456789abcdef0", InstanceTypes: []string{"t4g.large"}},
	}, awsrunner.Config{}))
	engine := must(provisioner.New([]provisioner.RunnerType{linux}, map[string]provisioner.Provider{awsrunner.Name: instances}, gh, provisioner.Config{}))

	worker := queue.NewWorker(queue.NewMemory(0), engine, queue.Config{Logger: slog.Default()})
	receiver := must(webhook.New(provisioner.NewSecret(os.Getenv("WEBHOOK_TOKEN")), engine, worker, engine, webhook.Config{Logger: slog.Default()}))
	go func() { _ = worker.Run(ctx) }()

	mux := http.NewServeMux() // the service's own
	mux.Handle("/github/webhook", receiver)
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
