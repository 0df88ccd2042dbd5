package githubtest_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/github"
	"github.com/datawire/github-runner-provisioner/provisioner/github/githubtest"
	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest/fakehttp"
)

// newClient returns the product's own client of a fake, under the eyes of GitHub's description.
func newClient(t *testing.T, h http.Handler, cfg github.Config) *github.Client {
	t.Helper()
	cfg.BaseURL, cfg.Transport = "http://github.test/api/v3", fakehttp.Loopback(h)
	c, err := github.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestTheClientAgainstTheFakeGitHub(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		g, h := newGitHub(t, githubtest.Config{Token: "secret"})
		group := g.AddGroup("octo", "builders")
		c := newClient(t, h, github.Config{Token: provisioner.NewSecret("secret")})

		registration := provisioner.Registration{Target: shopTarget, Name: "grp-x-1-1", Labels: []string{"self-hosted", "X"}}
		runner, config, err := c.Register(ctx, registration)
		if err != nil || runner.Name != registration.Name || runner.Online {
			t.Fatalf("%+v, %v", runner, err)
		}
		if _, _, err := c.Register(ctx, registration); !errors.Is(err, provisioner.ErrNameTaken) {
			t.Errorf("the second registration: %v", err)
		}
		if _, _, err := c.Register(ctx, provisioner.Registration{Target: provisioner.Target{Owner: "octo", Repo: "moon"}, Name: "a", Labels: []string{"x"}}); !errors.Is(err, provisioner.ErrRefused) {
			t.Errorf("at an unknown repository: %v", err)
		}
		if r, err := c.Lookup(ctx, shopTarget, registration.Name); err != nil || r.ID != runner.ID {
			t.Errorf("lookup: %+v, %v", r, err)
		}
		if _, err := c.Lookup(ctx, shopTarget, "nobody"); !errors.Is(err, provisioner.ErrNotFound) {
			t.Errorf("lookup of nobody: %v", err)
		}

		jobs := g.QueueJobs(shop, 2, "x")
		quick := provisioner.Look{Latest: true, Reads: 100, Checks: 100}
		full := provisioner.Look{Latest: true, Statuses: provisioner.RunStatuses, Reads: 100, Checks: 100}
		state := func(want provisioner.JobState) {
			t.Helper()
			if got, err := c.JobState(ctx, jobs[0]); err != nil || got != want {
				t.Errorf("job state %s, %v, want %s", got, err, want)
			}
		}
		state(provisioner.JobWaiting)
		if got, err := c.QueuedJobs(ctx, shop, full); err != nil || !got.Changed || len(got.Jobs) != 2 || got.Jobs[0].ID != jobs[0].ID || got.Jobs[0].Name != jobs[0].Name || got.Jobs[0].URL != jobs[0].URL {
			t.Errorf("queued jobs %+v, %v", got, err)
		}
		if got, err := c.QueuedJobs(ctx, shop, quick); err != nil || got.Changed {
			t.Errorf("nothing has changed: %+v, %v", got, err)
		}
		if _, err := g.Connect(config.Reveal()); err != nil {
			t.Fatal(err)
		}
		g.Assign()
		state(provisioner.JobRunning)
		if got, err := c.QueuedJobs(ctx, shop, quick); err != nil || !got.Changed || len(got.Jobs) != 1 || got.Jobs[0].ID != jobs[1].ID {
			t.Errorf("queued jobs %+v, %v", got, err)
		}
		if r, err := c.Runner(ctx, shopTarget, runner.ID); err != nil || !r.Online || !r.Busy {
			t.Errorf("%+v, %v", r, err)
		}
		if err := c.Remove(ctx, shopTarget, runner.ID); !errors.Is(err, provisioner.ErrRunnerBusy) {
			t.Errorf("removal of a busy runner: %v", err)
		}
		g.FinishJob(jobs[0].ID, "success")
		state(provisioner.JobEnded)
		if _, err := c.Runner(ctx, shopTarget, runner.ID); !errors.Is(err, provisioner.ErrNotFound) {
			t.Errorf("after its job: %v", err)
		}
		if err := c.Remove(ctx, shopTarget, runner.ID); err != nil {
			t.Errorf("removal of what is gone: %v", err)
		}
		g.CancelJob(jobs[1].ID)
		if got, err := c.QueuedJobs(ctx, shop, quick); err != nil || len(got.Jobs) != 0 {
			t.Errorf("queued jobs %+v, %v", got, err)
		}

		for i := range 120 {
			r := provisioner.Registration{Target: octo, Name: fmt.Sprintf("r%d", i), Labels: []string{"x"}, Group: "Builders"}
			if _, _, err := c.Register(ctx, r); err != nil {
				t.Fatal(err)
			}
		}
		if all, err := c.Runners(ctx, octo); err != nil || len(all) != 120 || g.Runners()[0].Group != group {
			t.Errorf("%d runners, %v", len(all), err)
		}
		if d, err := c.RunnerDownload(ctx, shopTarget, "linux", "arm64"); err != nil || d.Version != githubtest.RunnerVersion || d.SHA256 == "" {
			t.Errorf("download %+v, %v", d, err)
		}
		if ends, err := c.RunnerDeprecation(ctx, shopTarget, "2.336.0"); err != nil || ends.IsZero() {
			t.Errorf("deprecation %v, %v", ends, err)
		}

		hook := github.Hook{Owner: "octo", Repo: "shop", ID: 7}
		failed := g.AddDelivery(hook.String(), githubtest.Delivery{
			GUID: "a", Event: "workflow_job", Action: "queued", StatusCode: 503, Header: map[string]string{"X-GitHub-Delivery": "a"}, Payload: g.Payload("queued", jobs[0]),
		})
		for i := range 150 {
			g.AddDelivery(hook.String(), githubtest.Delivery{GUID: fmt.Sprint(i), Event: "workflow_job", StatusCode: 202})
		}
		time.Sleep(time.Hour)
		list, cursor, err := c.FailedDeliveries(ctx, hook, 0)
		if err != nil || len(list) != 1 || list[0].ID != failed || cursor <= failed {
			t.Errorf("failed deliveries %+v, %d, %v", list, cursor, err)
		}
		event, header, payload, err := c.Delivery(ctx, hook, failed)
		if err != nil || event != "workflow_job" || header["X-GitHub-Delivery"] != "a" || !json.Valid(payload) {
			t.Errorf("delivery %s, %v, %v", event, header, err)
		}

		g.SetRateLimit(&githubtest.RateLimit{Secondary: true, Status: 429, For: 5 * time.Minute})
		var hint *provisioner.RetryAfterError
		if _, err := c.JobState(ctx, jobs[0]); !errors.As(err, &hint) || hint.After < 4*time.Minute || hint.After > 6*time.Minute {
			t.Errorf("under a rate limit: %v", err)
		}
		if _, err := newClient(t, h, github.Config{Token: provisioner.NewSecret("wrong")}).JobState(ctx, jobs[0]); !errors.Is(err, provisioner.ErrRefused) {
			t.Errorf("with a wrong token: %v", err)
		}
	})
}

func TestTheClientAsAnAppAgainstTheFakeGitHub(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		g, h := newGitHub(t, githubtest.Config{Token: "nobody's", AppID: 42})
		g.AddRepository("acme", "site")
		c := newClient(t, h, github.Config{App: &github.App{ID: 42, PrivateKey: provisioner.NewSecret(string(text))}})
		all, err := c.Repositories(ctx)
		if err != nil || fmt.Sprint(all) != "[octo/shop acme/site]" {
			t.Errorf("repositories %v, %v", all, err)
		}
		for _, target := range []provisioner.Target{shopTarget, octo, {Owner: "acme"}} {
			if _, _, err := c.Register(ctx, provisioner.Registration{Target: target, Name: "a", Labels: []string{"x"}}); err != nil {
				t.Error(err)
			}
		}
		if _, _, err := c.Register(ctx, provisioner.Registration{Target: provisioner.Target{Owner: "moon"}, Name: "a", Labels: []string{"x"}}); !errors.Is(err, provisioner.ErrRefused) {
			t.Errorf("where the App is not installed: %v", err)
		}
		time.Sleep(2 * time.Hour) // tokens are renewed
		if all, err := c.Runners(ctx, octo); err != nil || len(all) != 1 {
			t.Errorf("runners %v, %v", all, err)
		}
		if tokens := g.Calls()["POST /app/installations/{installation_id}/access_tokens"]; tokens != 3 {
			t.Errorf("%d tokens were asked for, want one for each account and a new one for octo", tokens)
		}
		failed := g.AddDelivery("", githubtest.Delivery{GUID: "a", Event: "workflow_job", StatusCode: 500})
		if list, _, err := c.FailedDeliveries(ctx, github.Hook{}, 0); err != nil || len(list) != 1 || list[0].ID != failed {
			t.Errorf("the App's own log: %+v, %v", list, err)
		}
	})
}
