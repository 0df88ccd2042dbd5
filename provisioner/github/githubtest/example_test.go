package githubtest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/github"
	"github.com/datawire/github-runner-provisioner/provisioner/github/githubtest"
)

// The real client against the fake GitHub: a job is queued, a runner registered and connected, and
// GitHub hands the one to the other.
func ExampleNew() {
	fake := githubtest.New(githubtest.Config{Token: "token"})
	server := httptest.NewServer(fake)
	defer server.Close()
	client, err := github.New(github.Config{BaseURL: server.URL, Token: provisioner.NewSecret("token")})
	if err != nil {
		fmt.Println(err)
		return
	}

	ctx := context.Background()
	repository := provisioner.Repository{Owner: "octo", Name: "shop"}
	job := fake.QueueJob(repository, "ubuntu-arm64")
	target := provisioner.Target{Owner: "octo", Repo: "shop"}
	runner, config, err := client.Register(ctx, provisioner.Registration{Target: target, Name: "my-runner", Labels: []string{"ubuntu-arm64"}})
	fmt.Println(runner.Name, config, err)

	if _, err := fake.Connect(config.Reveal()); err != nil { // what the machine's runner does
		fmt.Println(err)
	}
	for _, a := range fake.Assign() {
		fmt.Println(a.Job == job.ID, a.RunnerName)
	}
	fmt.Println(errors.Is(client.Remove(ctx, target, runner.ID), provisioner.ErrRunnerBusy))

	fake.FinishJob(job.ID, "success")
	state, err := client.JobState(ctx, job)
	fmt.Println(state, len(fake.Runners()), err)
	// Output:
	// my-runner [redacted] <nil>
	// true my-runner
	// true
	// ended 0 <nil>
}
