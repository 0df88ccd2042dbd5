package codemagic_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
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

func TestLaunchStartsOneBuildWithEverythingTheWorkflowNeeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(codemagictest.Config{})
		p := newProvider(t, fake, codemagic.Config{Downloads: releases{found: release}})
		l := launch(7)
		l.Job.RepositoryID = 1296269
		m, err := p.Launch(t.Context(), l)
		if err != nil {
			t.Fatal(err)
		}
		builds := fake.Builds()
		if len(builds) != 1 {
			t.Fatalf("%d builds, want 1", len(builds))
		}
		want := provisioner.Machine{
			ID: builds[0].ID, Provider: "codemagic", Type: "macOS-arm64", Repository: provisioner.Repository{Owner: "octo", Name: "app"},
			RepositoryID: 1296269, Job: 7, RunnerName: "grp-macOS-arm64-7-1", RunnerID: 1007, State: provisioner.MachineAlive, LaunchedAt: builds[0].CreatedAt,
		}
		if diff := cmp.Diff(want, m); diff != "" {
			t.Error("machine (-want +got):\n", diff)
		}
		var got, wanted any
		if err := json.Unmarshal(builds[0].Request, &got); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(`{
			"appId": "5c9c064185dd2310123b8e96", "workflowId": "github-runner", "branch": "main", "instanceType": "mac_mini_m2",
			"labels": ["grp-macOS-arm64-7-1", "runner-1007", "job-7", "repository-octo/app", "type-macOS-arm64", "launched-946684800",
				"deployment-default", "managed-by-github-runner-provisioner", "repository-id-1296269"],
			"environment": {"variables": {
				"GITHUB_REPO_OWNER": "octo", "GITHUB_REPO_NAME": "app", "GITHUB_RUNNER_LABELS": "self-hosted,macOS,arm64",
				"RUNNER_NAME": "grp-macOS-arm64-7-1", "RUNNER_MAX_LIFETIME": "7200", "ACTIONS_RUNNER_INPUT_JITCONFIG": "`+jit.Reveal()+`",
				"RUNNER_DOWNLOAD_URL": "https://example.com/runner.tar.gz", "RUNNER_SHA256": "5e1f"
			}}
		}`), &wanted); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(wanted, got); diff != "" {
			t.Error("request (-want +got):\n", diff)
		}
		if calls := fake.Calls(); len(calls) != 1 || calls["POST /builds"] != 1 {
			t.Errorf("calls %v, want one", calls)
		}
	})
}

// A launch of a job whose outcome is definite ends at once, with one call.
func TestLaunchReportsWhatCodemagicDecided(t *testing.T) {
	for name, test := range map[string]struct {
		fault fakehttp.Fault
		is    error
		after time.Duration
	}{
		"no such token":     {fakehttp.Fault{Status: 401, Body: `{"error": "unauthorized", "message": "bad token"}`}, provisioner.ErrRefused, 0},
		"no permission":     {fakehttp.Fault{Status: 403}, provisioner.ErrRefused, 0},
		"no such app":       {fakehttp.Fault{Status: 404}, provisioner.ErrRefused, 0},
		"no such branch":    {fakehttp.Fault{Status: 422, Body: `{"detail": "branch not found"}`}, provisioner.ErrRefused, 0},
		"no money":          {fakehttp.Fault{Status: 402, Body: "billing"}, provisioner.ErrRefused, 0},
		"moved":             {fakehttp.Fault{Status: 302, Header: http.Header{"Location": {"http://elsewhere.test/"}}}, provisioner.ErrRefused, 0},
		"no room":           {fakehttp.Fault{Status: 403, Body: `{"message": "Concurrency limit reached"}`}, provisioner.ErrCapacity, 0},
		"rate limit":        {fakehttp.Fault{Status: 429, Header: http.Header{"Ratelimit-Reset": {"42"}}}, nil, 42 * time.Second},
		"rate limit, other": {fakehttp.Fault{Status: 429, Header: http.Header{"Retry-After": {"7"}, "Ratelimit-Reset": {"42"}}}, nil, 7 * time.Second},
		"rate limit, date": {
			fakehttp.Fault{Status: 429, Header: http.Header{"Retry-After": {"Sat, 01 Jan 2000 00:01:30 GMT"}}}, nil, 90 * time.Second,
		},
		"rate limit, epoch":         {fakehttp.Fault{Status: 429, Header: http.Header{"X-Ratelimit-Reset": {"946684842"}}}, nil, 42 * time.Second},
		"rate limit, past epoch":    {fakehttp.Fault{Status: 429, Header: http.Header{"X-Ratelimit-Reset": {"946684000"}}}, nil, time.Second},
		"rate limit, far epoch":     {fakehttp.Fault{Status: 429, Header: http.Header{"X-Ratelimit-Reset": {"946684800042"}}}, nil, time.Hour},
		"rate limit, no epoch":      {fakehttp.Fault{Status: 429, Header: http.Header{"X-Ratelimit-Reset": {"13"}}}, nil, 13 * time.Second},
		"rate limit, both versions": {fakehttp.Fault{Status: 429, Header: http.Header{"Ratelimit-Reset": {"42"}, "X-Ratelimit-Reset": {"946684807"}}}, nil, 42 * time.Second},
		"rate limit, silent":        {fakehttp.Fault{Status: 429}, nil, time.Minute},
		"rate limit, by days":       {fakehttp.Fault{Status: 429, Header: http.Header{"Ratelimit-Reset": {"1e30"}}}, nil, time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := newFake(codemagictest.Config{})
				fake.SetFaults(always("POST /builds", test.fault))
				_, err := newProvider(t, fake, codemagic.Config{}).Launch(t.Context(), launch(7))
				if test.is != nil && !errors.Is(err, test.is) {
					t.Errorf("error %v, want %v", err, test.is)
				}
				var hint *provisioner.RetryAfterError
				if errors.As(err, &hint) != (test.after > 0) || hint != nil && hint.After != test.after {
					t.Errorf("error %v, want a hint of %s", err, test.after)
				}
				if errors.Is(err, provisioner.ErrNoAnswer) {
					t.Errorf("error %v is no definite one", err)
				}
				if calls := fake.Calls(); len(calls) != 1 || calls["POST /builds"] != 1 {
					t.Errorf("calls %v, want one start", calls)
				}
			})
		})
	}
}

// The table is of starts that got no answer, and of what a later look or start made of them.
func TestLaunchBringsAnUnansweredStartToAnEnd(t *testing.T) {
	const start = "POST /builds"
	for name, test := range map[string]struct {
		lag    time.Duration
		faults fakehttp.Faults
		ctx    time.Duration // default 5 minutes
		is     error
		not    error
		builds int
		starts int
		within time.Duration
		after  time.Duration
	}{
		"the answer was lost": {
			faults: first(1, start, fakehttp.Fault{Lose: true}), builds: 1, starts: 1, within: time.Second,
		},
		"the answer was lost, and the list lags": {
			faults: first(1, start, fakehttp.Fault{Lose: true}), lag: 5 * time.Second, builds: 1, starts: 1, within: 6 * time.Second,
		},
		"the answer was lost, and the list lags long": {
			faults: first(1, start, fakehttp.Fault{Lose: true}), lag: time.Minute, builds: 2, starts: 2, within: 10 * time.Second,
		},
		"the request was lost": {
			faults: first(1, start, fakehttp.Fault{Drop: true}), builds: 1, starts: 2, within: 10 * time.Second,
		},
		"two requests were lost": {
			faults: first(2, start, fakehttp.Fault{Drop: true}), builds: 1, starts: 3, within: 20 * time.Second,
		},
		"the server failed": {
			faults: first(1, start, fakehttp.Fault{Status: 502, Body: "<html>"}), builds: 1, starts: 2, within: 10 * time.Second,
		},
		"the answer makes no sense": {
			faults: first(1, start, fakehttp.Fault{Status: 200, Body: "<html>"}), builds: 1, starts: 2, within: 10 * time.Second,
		},
		"the answer has no build id": {
			faults: first(1, start, fakehttp.Fault{Status: 200, Body: "{}"}), builds: 1, starts: 2, within: 10 * time.Second,
		},
		"the request is slower than the time limit": {
			faults: first(1, start, fakehttp.Fault{Delay: time.Minute}), builds: 1, starts: 2, within: 25 * time.Second,
		},
		"the rate limit comes second, and passes": {
			faults: inTurn(start, fakehttp.Fault{Drop: true}, fakehttp.Fault{Status: 429}), builds: 1, starts: 3, within: 80 * time.Second,
		},
		"the rate limit comes second, and outlasts the launch": {
			faults: inTurn(start, fakehttp.Fault{Drop: true}, fakehttp.Fault{Status: 429}), ctx: 40 * time.Second,
			is: provisioner.ErrNoAnswer, starts: 2, within: 10 * time.Second,
		},
		"a refusal comes second": {
			faults: inTurn(start, fakehttp.Fault{Lose: true}, fakehttp.Fault{Status: 403}), lag: time.Hour,
			is: provisioner.ErrNoAnswer, builds: 1, starts: 2, within: 10 * time.Second,
		},
		"looking is refused": {
			faults: both(first(1, start, fakehttp.Fault{Drop: true}), always("GET /builds", fakehttp.Fault{Status: 403})),
			is:     provisioner.ErrNoAnswer, starts: 1, within: time.Second,
		},
		"looking fails for a while": {
			faults: both(first(1, start, fakehttp.Fault{Lose: true}), first(20, "GET /builds", fakehttp.Fault{Status: 500})),
			builds: 1, starts: 1, within: time.Minute,
		},
		"looking fails for good": {
			faults: both(first(1, start, fakehttp.Fault{Lose: true}), always("GET /builds", fakehttp.Fault{Drop: true})),
			is:     provisioner.ErrNoAnswer, builds: 1, starts: 1, within: 5 * time.Minute,
		},
		"looking is rate limited": {
			faults: both(first(1, start, fakehttp.Fault{Lose: true}), first(1, "GET /builds", fakehttp.Fault{Status: 429})),
			builds: 1, starts: 1, within: 62 * time.Second, after: time.Minute,
		},
		"nothing ever answers": {
			faults: always(start, fakehttp.Fault{Drop: true}), ctx: 5*time.Minute - time.Second,
			is: provisioner.ErrNoAnswer, not: provisioner.ErrUnavailable, starts: 30, within: 5 * time.Minute,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := newFake(codemagictest.Config{ListLag: test.lag})
				fake.SetFaults(test.faults)
				p := newProvider(t, fake, codemagic.Config{})
				began := time.Now()
				if test.ctx == 0 {
					test.ctx = 5 * time.Minute
				}
				m, err := p.Launch(within(t, test.ctx), launch(7))
				if took := time.Since(began); took > test.within || took < test.after {
					t.Errorf("it took %s, want %s to %s", took, test.after, test.within)
				}
				if !errors.Is(err, test.is) || test.not != nil && errors.Is(err, test.not) {
					t.Errorf("error %v, want %v", err, test.is)
				}
				if err == nil && (m.ID == "" || m.RunnerID != 1007 || !m.Alive()) {
					t.Errorf("machine %+v", m)
				}
				builds := fake.Builds()
				if len(builds) != test.builds || fake.Calls()[start] != test.starts {
					t.Errorf("%d builds of %d starts, want %d of %d", len(builds), fake.Calls()[start], test.builds, test.starts)
				}
				if err != nil && strings.Contains(err.Error(), jit.Reveal()[:50]) {
					t.Errorf("the error shows the configuration: %v", err)
				}
				time.Sleep(time.Minute) // a delayed call ends before the bubble does
			})
		})
	}
}

func TestLaunchOfABuildThatEndedWhileItWasLookedForSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(codemagictest.Config{})
		fake.SetFaults(first(1, "POST /builds", fakehttp.Fault{Lose: true}))
		go func() {
			time.Sleep(500 * time.Millisecond)
			fake.Finish(fake.Builds()[0].ID, "failed")
		}()
		if _, err := newProvider(t, fake, codemagic.Config{}).Launch(t.Context(), launch(7)); !errors.Is(err, provisioner.ErrMachineEnded) {
			t.Errorf("error %v, want that the machine has ended", err)
		}
	})
}

func TestLaunchFindsItsBuildBehindThoseThatCameSince(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(codemagictest.Config{})
		client := newClient(t, fake, codemagic.Config{})
		lost := first(1, "POST /builds", fakehttp.Fault{Lose: true})
		fake.SetFaults(both(lost, arriving(func(n int) { start(t, client, n) }, 50)))
		m, err := newProvider(t, fake, codemagic.Config{}).Launch(t.Context(), launch(7))
		if builds := fake.Builds(); err != nil || m.ID != builds[0].ID || len(builds) != 51 {
			t.Errorf("machine %+v, error %v, %d builds, want the first one found", m, err, len(builds))
		}
	})
}

func TestLaunchTrustsNoBuildOfAnotherRegistration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(codemagictest.Config{})
		p := newProvider(t, fake, codemagic.Config{})
		if _, err := p.Launch(t.Context(), launch(7)); err != nil {
			t.Fatal(err)
		}
		again := launch(7)
		again.Runner.ID = 2007
		fake.SetFaults(first(1, "POST /builds", fakehttp.Fault{Drop: true}))
		m, err := p.Launch(t.Context(), again)
		if err != nil || m.RunnerID != 2007 || len(fake.Builds()) != 2 {
			t.Errorf("machine %+v, error %v, %d builds, want a second build", m, err, len(fake.Builds()))
		}
	})
}

func TestLaunchPrefersALiveBuildToADeadOneOfTheSameRegistration(t *testing.T) {
	for name, dead := range map[string]int{"the older one": 0, "the newer one": 1} {
		t.Run(name+" is dead", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := newFake(codemagictest.Config{})
				p := newProvider(t, fake, codemagic.Config{})
				for range 2 {
					if _, err := p.Launch(t.Context(), launch(7)); err != nil {
						t.Fatal(err)
					}
				}
				builds := fake.Builds()
				fake.Finish(builds[dead].ID, "failed")
				fake.SetFaults(first(1, "POST /builds", fakehttp.Fault{Drop: true}))
				m, err := p.Launch(t.Context(), launch(7))
				if err != nil || m.ID != builds[1-dead].ID {
					t.Errorf("machine %+v, error %v, want the build that lives", m, err)
				}
			})
		})
	}
}

func TestLaunchThatIsOverBeforeItBeginsMakesNothing(t *testing.T) {
	fake := newFake(codemagictest.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := newProvider(t, fake, codemagic.Config{}).Launch(ctx, launch(7))
	if !errors.Is(err, provisioner.ErrUnavailable) || !errors.Is(err, context.Canceled) || len(fake.Calls()) != 0 {
		t.Errorf("error %v after calls %v", err, fake.Calls())
	}
}

func TestLaunchOfATypeWithoutSettingsIsRefused(t *testing.T) {
	l := launch(7)
	l.Type.Name = "windows"
	p := newProvider(t, newFake(codemagictest.Config{}), codemagic.Config{})
	if _, err := p.Launch(t.Context(), l); !errors.Is(err, provisioner.ErrRefused) {
		t.Errorf("error %v, want a refusal", err)
	}
}
