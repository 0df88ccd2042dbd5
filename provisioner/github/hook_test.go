package github_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/github"
	"github.com/datawire/github-runner-provisioner/provisioner/github/githubtest"
)

func TestAHookSaysWhetherItBringsJobs(t *testing.T) {
	g := githubtest.New(githubtest.Config{})
	g.AddRepository("octo-org", "app")
	c := fake(t, g)
	read := func(name string) (github.HookReport, error) {
		h, err := github.ParseHook(name)
		if err != nil {
			t.Fatal(err)
		}
		return c.ReadHook(t.Context(), h)
	}
	for want, h := range map[string]githubtest.Hook{
		"":                 {Events: []string{"push", "workflow_job"}},
		"it is not active": {Inactive: true, Events: []string{"*"}},
		"it is not subscribed to Workflow jobs, but to push":    {Events: []string{"push"}},
		"it is not subscribed to Workflow jobs, but to nothing": {},
	} {
		for _, name := range []string{"octo-org/app/7", "octo-org/8"} {
			g.SetHook(name, h)
			report, err := read(name)
			if got := strings.Join(report.Faults(), "; "); err != nil || got != want || report.Config.URL != "https://runners.example/webhook" {
				t.Errorf("%s: %q, %v, want %q", name, got, err, want)
			}
		}
	}
	if _, err := read("octo-org/app/9"); !errors.Is(err, provisioner.ErrRefused) {
		t.Errorf("a hook that is none: %v", err)
	}
}
