package reconcile_test

import (
	"context"
	"fmt"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest"
	"github.com/datawire/github-runner-provisioner/provisioner/reconcile"
	"github.com/datawire/github-runner-provisioner/provisioner/reconcile/reconciletest"
)

// A job's webhook was lost. The first sweep sees that the job has no machine, the second that it
// still has none, and has the worker provision it.
func ExampleSweeper() {
	linux := provisioner.RunnerType{Name: "linux", Labels: []string{"linux"}, Provider: "cloud", Scope: provisioner.ScopeRepository}
	shop := provisioner.Repository{Owner: "octo", Name: "shop"}
	cloud := struct {
		*provisionertest.ProviderMock
		*provisionertest.ListerMock
	}{
		&provisionertest.ProviderMock{},
		&provisionertest.ListerMock{ListFunc: func(context.Context) ([]provisioner.Machine, error) { return nil, nil }},
	}
	engine := &reconciletest.EngineMock{
		TypesFunc:     func() []provisioner.RunnerType { return []provisioner.RunnerType{linux} },
		TypeForFunc:   func(provisioner.Job) (provisioner.RunnerType, error) { return linux, nil },
		ProvidersFunc: func() map[string]provisioner.Provider { return map[string]provisioner.Provider{"cloud": cloud} },
	}
	jobs := &reconciletest.JobsMock{
		QueuedJobsFunc: func(context.Context, provisioner.Repository, provisioner.Look) (provisioner.Sight, error) {
			jobs := []provisioner.Job{{ID: 42, RunAttempt: 1, Repository: shop, Labels: []string{"linux"}}}
			return provisioner.Sight{Jobs: jobs, Changed: true, Complete: true}, nil
		},
	}
	runners := &reconciletest.RunnersMock{
		RunnersFunc: func(context.Context, provisioner.Target) ([]provisioner.Runner, error) { return nil, nil },
	}
	worker := &reconciletest.WorkerMock{
		RequeueFunc: func(_ context.Context, jobs []provisioner.Job) ([]provisioner.Job, error) {
			for _, j := range jobs {
				fmt.Println("into the queue:", j)
			}
			return jobs, nil
		},
		AttemptingFunc:      func(provisioner.Job) bool { return false },
		ObserveMachinesFunc: func(string, time.Time, []provisioner.Machine) {},
	}

	sweeper := reconcile.New(engine, jobs, runners, worker, reconcile.Config{Repositories: []provisioner.Repository{shop}})
	for range 2 {
		report, err := sweeper.Sweep(context.Background())
		fmt.Println("without a machine:", report.Requeued, err)
	}
	// Output:
	// without a machine: 0 <nil>
	// into the queue: octo/shop job 42-1
	// without a machine: 1 <nil>
}
