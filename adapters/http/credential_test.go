package main

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/datawire/github-runner-provisioner/provisioner/github/githubtest"
	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest/fakehttp"
)

func TestTheStartSaysWhoTheServiceIsAndWhatItLacks(t *testing.T) {
	t.Parallel()
	c := newClouds(t)
	c.github = githubtest.New(githubtest.Config{Token: secrets["GITHUB_TOKEN"], Scopes: []string{"read:org"}})
	c.env["GITHUB_API_URL"], c.env["REPOSITORIES"] = listen(t, c.github), "octo-org/nowhere,octo-org/*"
	s := start(t, c.env)
	for _, want := range []string{
		`"at GitHub the service is the user octocat","setting":"GITHUB_TOKEN"`, `"the credential lacks the scope repo, for runners of repositories"`,
		`"the credential can't read what serving octo-org/nowhere takes","setting":"GITHUB_TOKEN","detail":"`,
		`"at AWS the service is arn:aws:iam::123456789012:user/runners","account":"123456789012","region":"us-east-1"`,
	} {
		eventually(t, want, func() bool { return strings.Contains(s.out.String(), want) })
	}
	eventually(t, "the metric", func() bool {
		_, m := s.get(t, "/metrics")
		return strings.Contains(m, "runner_provisioner_github_up 1\n")
	})
	c.checkNoSecret(t, s.out.String())
}

// The token has been revoked: jobs are accepted, and are served once there is a good one.
func TestADeadTokenIsToldAndItsJobsWait(t *testing.T) {
	t.Parallel()
	c := newClouds(t)
	var dead atomic.Bool
	dead.Store(true)
	c.github.SetFaults(func(string, *http.Request) *fakehttp.Fault {
		if dead.Load() {
			return &fakehttp.Fault{Status: http.StatusUnauthorized, Body: `{"message":"Bad credentials"}`}
		}
		return nil
	})
	s := start(t, c.env)
	const told = `"GitHub does not accept the credential: jobs are accepted, and wait until it does","setting":"GITHUB_TOKEN","system":"github"`
	eventually(t, told, func() bool { return strings.Contains(s.out.String(), told) })
	if code, _ := s.get(t, "/readyz"); code != http.StatusOK {
		t.Errorf("/readyz answers %d: jobs can be accepted", code)
	}
	j := c.github.QueueJob(app, "ubuntu-arm64")
	if code, status, err := s.deliver(t.Context(), c.github.Payload("queued", j)); err != nil || code != http.StatusAccepted {
		t.Fatalf("%d %s %v", code, status, err)
	}
	const held = `"because":"credential","system":"github"`
	eventually(t, held, func() bool { return strings.Contains(s.out.String(), held) })
	_, metrics := s.get(t, "/metrics")
	for _, want := range []string{
		"runner_provisioner_github_up 0\n", `runner_provisioner_errors_total{class="refused",system="github"}`, `runner_provisioner_jobs_held_total{class="refused",system="github",type="ubuntu-arm64"}`,
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("the metrics lack %s", want)
		}
	}
	if strings.Contains(metrics, `system="aws"`) {
		t.Error("GitHub's refusal is booked on AWS")
	}
	dead.Store(false)
	eventually(t, "the job's machine", func() bool { return len(c.alive()) == 1 })
	c.checkNoSecret(t, s.out.String())
}
