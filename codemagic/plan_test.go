package codemagic_test

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/datawire/github-runner-provisioner/codemagic"
	"github.com/datawire/github-runner-provisioner/codemagic/codemagictest"
	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest/fakehttp"
)

func TestAPlanShowsTheRequestWithoutItsSecrets(t *testing.T) {
	fake := newFake(codemagictest.Config{})
	l := launch(7)
	l.Runner.ID = 0
	plan, err := newProvider(t, fake, codemagic.Config{Downloads: releases{found: release}}).Plan(t.Context(), l)
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.MarshalIndent(plan.Request, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	want := `{
  "appId": "5c9c064185dd2310123b8e96",
  "workflowId": "github-runner",
  "branch": "main",
  "instanceType": "mac_mini_m2",
  "labels": [
    "grp-macOS-arm64-7-1",
    "runner-[registration id]",
    "job-7",
    "repository-octo/app",
    "type-macOS-arm64",
    "launched-[unix seconds]",
    "deployment-default",
    "managed-by-github-runner-provisioner"
  ],
  "environment": {
    "variables": {
      "ACTIONS_RUNNER_INPUT_JITCONFIG": "[redacted]",
      "GITHUB_REPO_NAME": "app",
      "GITHUB_REPO_OWNER": "octo",
      "GITHUB_RUNNER_LABELS": "self-hosted,macOS,arm64",
      "RUNNER_DOWNLOAD_URL": "[looked up at launch]",
      "RUNNER_MAX_LIFETIME": "7200",
      "RUNNER_NAME": "grp-macOS-arm64-7-1",
      "RUNNER_SHA256": "[looked up at launch]"
    }
  }
}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error("request (-want +got):\n", diff)
	}
	if calls := fake.Calls(); len(fake.Builds()) > 0 || calls["GET /apps/{id}"] != 1 || len(calls) != 1 {
		t.Errorf("a plan made the calls %v", calls)
	}
}

func TestAPlanSaysWhyItIsNotVerified(t *testing.T) {
	for name, test := range map[string]struct {
		fault *fakehttp.Fault
		want  string
	}{
		"the app exists": {nil, "Codemagic has no dry run; the app " + app + " was found"},
		"the app does not exist": {
			&fakehttp.Fault{Status: 404}, "Codemagic has no dry run; the app " + app + " could not be asked for: GET /apps/{id}: 404 Not Found",
		},
		"the token is wrong":  {&fakehttp.Fault{Status: 401}, "401 Unauthorized"},
		"Codemagic is away":   {&fakehttp.Fault{Drop: true}, "unavailable: connection lost"},
		"Codemagic is silent": {&fakehttp.Fault{Delay: time.Hour}, "could not be asked for"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := newFake(codemagictest.Config{})
				if test.fault != nil {
					fake.SetFaults(always("GET /apps/{id}", *test.fault))
				}
				began := time.Now()
				plan, err := newProvider(t, fake, codemagic.Config{}).Plan(t.Context(), launch(7))
				if err != nil || plan.Verified || !strings.Contains(plan.UnverifiedBecause, test.want) {
					t.Errorf("plan %+v, error %v", plan, err)
				}
				if took := time.Since(began); took > 3*time.Second {
					t.Errorf("it took %s", took)
				}
				time.Sleep(2 * time.Hour)
			})
		})
	}
}

func TestAPlanForATypeWithoutSettingsIsAnError(t *testing.T) {
	if _, err := newProvider(t, newFake(codemagictest.Config{}), codemagic.Config{}).Plan(t.Context(), provisioner.Launch{}); err == nil {
		t.Error("no error")
	}
}
