package queue_test

import (
	"context"
	"fmt"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/queue"
	"github.com/datawire/github-runner-provisioner/provisioner/queue/queuetest"
)

// A webhook hands jobs to Accept, and Run has them provisioned. The second delivery of a job is a
// duplicate.
func ExampleWorker() {
	linux := provisioner.RunnerType{Name: "linux", Labels: []string{"linux"}, Provider: "cloud"}
	ctx, stop := context.WithCancel(context.Background())
	engine := &queuetest.ProvisionerMock{ // *provisioner.Provisioner, outside of a test
		TypesFunc:   func() []provisioner.RunnerType { return []provisioner.RunnerType{linux} },
		TypeForFunc: func(provisioner.Job) (provisioner.RunnerType, error) { return linux, nil },
		ProvisionFunc: func(_ context.Context, j provisioner.Job) (provisioner.Outcome, error) {
			defer stop() // what is in flight is finished
			fmt.Println("provision", j)
			return provisioner.Outcome{Status: provisioner.StatusLaunched}, nil
		},
	}
	jobs := queue.NewMemory(0)
	worker := queue.NewWorker(jobs, engine, queue.Config{})

	job := provisioner.Job{ID: 42, RunAttempt: 1, Repository: provisioner.Repository{Owner: "octo", Name: "shop"}, Labels: []string{"linux"}}
	for range 2 {
		duplicate, err := worker.Accept(ctx, linux.Name, job)
		fmt.Println("duplicate:", duplicate, err)
	}
	fmt.Println(worker.Run(ctx))
	depth, err := jobs.Depth(context.Background())
	fmt.Println("left:", depth["linux"], err)
	// Output:
	// duplicate: false <nil>
	// duplicate: true <nil>
	// provision octo/shop job 42-1
	// <nil>
	// left: 0 <nil>
}
