package codemagic_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/datawire/github-runner-provisioner/codemagic"
	"github.com/datawire/github-runner-provisioner/codemagic/codemagictest"
	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest/fakehttp"
)

const (
	token = "cm-3f1c9d7a5b2e4f60"
	app   = "5c9c064185dd2310123b8e96"
)

// jit has the size and the alphabet of the real ones.
var jit = provisioner.NewSecret(strings.Repeat("eyJydW5uZXIi+/8x", 270) + "Zg==")

// macs is the runner type of most tests.
var macs = provisioner.RunnerType{
	Name: "macOS-arm64", Labels: []string{"self-hosted", "macOS", "arm64"}, Provider: codemagic.Name, Scope: provisioner.ScopeRepository,
	MaxLifetime: 2 * time.Hour,
}

// launch is an order for a job's machine, with the registration id 1000 + job.
func launch(job int64) provisioner.Launch {
	j := provisioner.Job{ID: job, RunAttempt: 1, Repository: provisioner.Repository{Owner: "octo", Name: "app"}, Labels: []string{"macOS"}}
	return provisioner.Launch{
		Job: j, Type: macs, JITConfig: jit,
		Runner: provisioner.Runner{ID: 1000 + job, Name: provisioner.RunnerName(macs.Name, j), Labels: macs.Labels},
	}
}

func newClient(t *testing.T, h http.Handler, cfg codemagic.Config) *codemagic.Client {
	t.Helper()
	cfg.BaseURL, cfg.Transport = "http://codemagic.test", fakehttp.Loopback(h)
	client, err := codemagic.NewClient(provisioner.NewSecret(token), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func newProvider(t *testing.T, h http.Handler, cfg codemagic.Config) *codemagic.Provider {
	t.Helper()
	p, err := codemagic.New(newClient(t, h, cfg), map[string]codemagic.Settings{macs.Name: {AppID: app, InstanceType: "mac_mini_m2"}}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func newFake(cfg codemagictest.Config) *codemagictest.Server {
	cfg.Token, cfg.Apps = token, []string{app}
	return codemagictest.New(cfg)
}

// always has every call of an operation go wrong in the same way.
func always(operation string, f fakehttp.Fault) fakehttp.Faults {
	return func(o string, _ *http.Request) *fakehttp.Fault {
		if o != operation {
			return nil
		}
		return &f
	}
}

// first has the first n calls of an operation go wrong in the same way, and the rest go well.
func first(n int, operation string, f fakehttp.Fault) fakehttp.Faults {
	return inTurn(operation, slices.Repeat([]fakehttp.Fault{f}, n)...)
}

// inTurn has the calls of an operation go wrong one after the other, each in its way, and the rest
// go well.
func inTurn(operation string, faults ...fakehttp.Fault) fakehttp.Faults {
	var calls atomic.Int64
	return func(o string, _ *http.Request) *fakehttp.Fault {
		if o != operation {
			return nil
		}
		if n := int(calls.Add(1)); n <= len(faults) {
			return &faults[n-1]
		}
		return nil
	}
}

// both has the faults of a, and those of b where a has none.
func both(a, b fakehttp.Faults) fakehttp.Faults {
	return func(o string, r *http.Request) *fakehttp.Fault {
		if f := a(o, r); f != nil {
			return f
		}
		return b(o, r)
	}
}

// within returns a context that lasts d.
func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}
