package wiring

import (
	"testing"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/github"
	"github.com/datawire/github-runner-provisioner/provisioner/github/githubtest"
	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest/fakehttp"
)

func TestCheckTriesARepositoryWhoseJobsAreServed(t *testing.T) {
	fake := githubtest.New(githubtest.Config{})
	for _, name := range []string{"app", "web"} {
		fake.AddRepository("somebody", name)
		fake.AddRepository("octo-org", name)
	}
	gh, err := github.New(github.Config{Token: provisioner.NewSecret("token"), Transport: fakehttp.Loopback(fake)})
	if err != nil {
		t.Fatal(err)
	}
	for want, globs := range map[string][]string{
		"octo-org/api": {"octo-org/*", "octo-org/api"}, // named, so nobody is asked
		"octo-org/web": {"Octo-Org/w*"},
		"somebody/app": {"somebody/a*"},
		"/":            {"nobody/*"},
	} {
		if got := aRepository(t.Context(), globs, gh); got.String() != want {
			t.Errorf("for %v it is %s, want %s", globs, got, want)
		}
	}
	if got := aRepository(t.Context(), nil, gh); got == (provisioner.Repository{}) {
		t.Error("without REPOSITORIES it is none")
	}
}
