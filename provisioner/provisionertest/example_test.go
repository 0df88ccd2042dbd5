package provisionertest_test

import (
	"context"
	"fmt"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest"
)

// A unit test of code that uses the provisioner: GitHub and the cloud are doubles, and the doubles
// remember their calls.
func Example() {
	registrar := &provisionertest.RegistrarMock{
		RegisterFunc: func(_ context.Context, r provisioner.Registration) (provisioner.Runner, provisioner.Secret, error) {
			return provisioner.Runner{ID: 7, Name: r.Name, Labels: r.Labels}, provisioner.NewSecret("just-in-time configuration"), nil
		},
	}
	cloud := &provisionertest.ProviderMock{
		LaunchFunc: func(_ context.Context, l provisioner.Launch) (provisioner.Machine, error) {
			return provisioner.Machine{ID: "i-1", RunnerID: l.Runner.ID, RunnerName: l.Runner.Name}, nil
		},
	}
	types := []provisioner.RunnerType{{Name: "ubuntu-arm64", Labels: []string{"self-hosted", "ubuntu-arm64"}, Provider: "cloud"}}
	p, err := provisioner.New(types, map[string]provisioner.Provider{"cloud": cloud}, registrar, provisioner.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}

	job := provisioner.Job{ID: 42, RunAttempt: 1, Repository: provisioner.Repository{Owner: "octo", Name: "shop"}, Labels: []string{"ubuntu-arm64"}}
	outcome, err := p.Provision(context.Background(), job)
	fmt.Println(outcome.Status, outcome.Runner.Name, err)

	launch := cloud.LaunchCalls()[0].L
	fmt.Println(launch.Runner.ID, launch.Type.Name, launch.JITConfig)
	// Output:
	// launched grp-ubuntu-arm64-42-1 <nil>
	// 7 ubuntu-arm64 [redacted]
}

// A doubled cloud that has no room: the registration is undone, and the error says that the job may
// come back.
func ExampleProviderMock() {
	registrar := &provisionertest.RegistrarMock{
		RegisterFunc: func(_ context.Context, r provisioner.Registration) (provisioner.Runner, provisioner.Secret, error) {
			return provisioner.Runner{ID: 7, Name: r.Name}, provisioner.NewSecret("just-in-time configuration"), nil
		},
		RemoveFunc: func(context.Context, provisioner.Target, int64) error { return nil },
	}
	full := &provisionertest.ProviderMock{
		LaunchFunc: func(context.Context, provisioner.Launch) (provisioner.Machine, error) {
			return provisioner.Machine{}, provisioner.ErrCapacity
		},
	}
	types := []provisioner.RunnerType{{Name: "gpu", Labels: []string{"gpu"}, Provider: "cloud"}}
	p, err := provisioner.New(types, map[string]provisioner.Provider{"cloud": full}, registrar, provisioner.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}

	_, err = p.Provision(context.Background(), provisioner.Job{ID: 42, Repository: provisioner.Repository{Owner: "octo", Name: "shop"}, Labels: []string{"gpu"}})
	fmt.Println(err)
	fmt.Println(provisioner.Class(err), registrar.RemoveCalls()[0].ID)
	// Output:
	// provision octo/shop job 42-1 as gpu: launch runner grp-gpu-42-1: no capacity
	// capacity 7
}
