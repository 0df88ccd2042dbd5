package codemagic_test

import (
	"context"
	"fmt"

	"github.com/datawire/github-runner-provisioner/codemagic"
	"github.com/datawire/github-runner-provisioner/codemagic/codemagictest"
	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest/fakehttp"
)

func ExampleNewClient() {
	fake := codemagictest.New(codemagictest.Config{Token: "a-token"})
	client, err := codemagic.NewClient(provisioner.NewSecret("a-token"), codemagic.Config{Transport: fakehttp.Loopback(fake)}) // no Transport means the network
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	id, err := client.StartBuild(ctx, codemagic.StartRequest{AppID: "5c9c064185dd2310123b8e96", WorkflowID: "github-runner", Branch: "main"})
	if err != nil {
		panic(err)
	}
	build, err := client.Build(ctx, id)
	if err != nil {
		panic(err)
	}
	fmt.Println(build.Status, build.Status.Over())
	// Output: building false
}

func ExampleNew() {
	fake := codemagictest.New(codemagictest.Config{Token: "a-token"})
	client, err := codemagic.NewClient(provisioner.NewSecret("a-token"), codemagic.Config{Transport: fakehttp.Loopback(fake)})
	if err != nil {
		panic(err)
	}
	provider, err := codemagic.New(client, map[string]codemagic.Settings{"macOS-arm64": {AppID: "5c9c064185dd2310123b8e96"}}, codemagic.Config{})
	if err != nil {
		panic(err)
	}
	machine, err := provider.Launch(context.Background(), provisioner.Launch{
		Job:    provisioner.Job{ID: 21, RunAttempt: 1, Repository: provisioner.Repository{Owner: "octo", Name: "app"}},
		Type:   provisioner.RunnerType{Name: "macOS-arm64", Labels: []string{"self-hosted", "macOS"}},
		Runner: provisioner.Runner{ID: 42, Name: "grp-macOS-arm64-21-1"}, JITConfig: provisioner.NewSecret("from GitHub"),
	})
	if err != nil {
		panic(err)
	}
	fmt.Println(machine.RunnerName, "runs as build", machine.ID)
	// Output: grp-macOS-arm64-21-1 runs as build 5fabc6414c48000000000001
}
