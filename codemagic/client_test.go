package codemagic_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
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

func TestNewClientReportsEveryFaultAtOnceAndNoSecret(t *testing.T) {
	_, err := codemagic.NewClient(provisioner.NewSecret("secret\nvalue"), codemagic.Config{BaseURL: "ftp://x", Timeout: -1})
	for _, want := range []string{"token", "base URL", "timeout"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not tell of the %s: %v", want, err)
		}
	}
	if strings.Contains(err.Error(), "secret") {
		t.Errorf("the error shows the token: %v", err)
	}
	if _, err := codemagic.NewClient(provisioner.Secret{}, codemagic.Config{}); err == nil {
		t.Error("an empty token is accepted")
	}
}

func TestNewReportsEveryFaultAtOnce(t *testing.T) {
	_, err := codemagic.New(nil, map[string]codemagic.Settings{"a": {}, "b": {}}, codemagic.Config{MaxLifetime: -1, Deployment: "Production!"})
	for _, want := range []string{"no client", `"a"`, `"b"`, "lifetime", `"Production!"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not tell of %s: %v", want, err)
		}
	}
}

func TestABuildGoesThroughItsLife(t *testing.T) {
	fake := newFake(codemagictest.Config{Concurrency: 1})
	server := httptest.NewServer(fake)
	defer server.Close()
	client, err := codemagic.NewClient(provisioner.NewSecret(token), codemagic.Config{BaseURL: server.URL + "/"})
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now().Add(-time.Minute)
	start := codemagic.StartRequest{AppID: app, WorkflowID: "w", Branch: "b", Labels: []string{"x"}}
	first, err := client.StartBuild(t.Context(), start)
	if err != nil {
		t.Fatal(err)
	}
	second, err := client.StartBuild(t.Context(), start)
	if err != nil {
		t.Fatal(err)
	}
	b, err := client.Build(t.Context(), second)
	if err != nil || b.Status != "queued" || b.Status.Over() || !b.StartedAt.IsZero() || b.CreatedAt.IsZero() {
		t.Errorf("the second build is %+v, error %v, want it queued", b, err)
	}
	for range 2 { // 200, then 208
		if err := client.CancelBuild(t.Context(), first); err != nil {
			t.Fatal(err)
		}
	}
	builds, err := client.Builds(t.Context(), codemagic.Filter{AppID: app, WorkflowID: "w", Branch: "b"})
	if err != nil {
		t.Fatal(err)
	}
	var got []codemagic.Status
	for _, b := range builds {
		got = append(got, b.Status)
		if b.StartedAt.Before(began) || !cmp.Equal(b.Labels, []string{"x"}) || b.AppID != app || b.WorkflowID != "w" || b.Branch != "b" {
			t.Errorf("build %+v", b)
		}
	}
	if diff := cmp.Diff([]codemagic.Status{"building", "canceled"}, got); diff != "" {
		t.Error("statuses (-want +got):\n", diff)
	}
	if builds, err := client.Builds(t.Context(), codemagic.Filter{AppID: app, Branch: "other"}); err != nil || len(builds) != 0 {
		t.Errorf("builds %v, error %v of another branch", builds, err)
	}
	if _, err := client.Build(t.Context(), "nobody"); !errors.Is(err, provisioner.ErrNotFound) {
		t.Errorf("error %v, want not found", err)
	}
	if err := client.CancelBuild(t.Context(), "no/body"); err != nil {
		t.Errorf("error %v for a build that does not exist", err)
	}
}

func TestStatusesOfABuildThatIsOver(t *testing.T) {
	over := map[codemagic.Status]bool{"finished": true, "warning": true, "failed": true, "canceled": true, "timeout": true, "skipped": true}
	for _, s := range []codemagic.Status{
		"finished", "warning", "failed", "canceled", "timeout", "skipped",
		"queued", "preparing", "fetching", "building", "testing", "publishing", "finishing", "hibernating", "",
	} {
		if s.Over() != over[s] {
			t.Errorf("%q is over: %t", s, s.Over())
		}
	}
}

func TestAnErrorTellsWhatCodemagicSaid(t *testing.T) {
	long := strings.Repeat("all work and no play ", 100)
	for name, test := range map[string]struct{ body, want string }{
		"detail":          {`{"status_code": 422, "detail": "no such branch", "extra": {}}`, "POST /builds: 422 Unprocessable Entity: no such branch"},
		"detail, extra":   {`{"detail": "invalid", "extra": [{"key": "branch"}]}`, `POST /builds: 422 Unprocessable Entity: invalid ([{"key":"branch"}])`},
		"error, message":  {`{"error": "bad_request", "message": "no such branch"}`, "POST /builds: 422 Unprocessable Entity: no such branch (bad_request)"},
		"error alone":     {`{"error": "no such branch"}`, "POST /builds: 422 Unprocessable Entity: no such branch"},
		"another form":    {`{"reason": "no such branch"}`, `POST /builds: 422 Unprocessable Entity: {"reason": "no such branch"}`},
		"a list":          {`["no such branch"]`, `POST /builds: 422 Unprocessable Entity: ["no such branch"]`},
		"HTML":            {"<h1>\n  no such\n  branch</h1>\n", "POST /builds: 422 Unprocessable Entity: <h1> no such branch</h1>"},
		"nothing":         {"", "POST /builds: 422 Unprocessable Entity"},
		"too much":        {long, "POST /builds: 422 Unprocessable Entity: " + long[:500] + "..."},
		"no text":         {"\xff\xfe", "POST /builds: 422 Unprocessable Entity: ?"},
		"our token":       {`{"message": "token ` + token + ` is bad"}`, "POST /builds: 422 Unprocessable Entity: token [redacted] is bad"},
		"our secret":      {`{"message": "can't use s3cret"}`, "POST /builds: 422 Unprocessable Entity: can't use [redacted]"},
		"half our secret": {`{"message": "` + jit.Reveal()[3:90] + `?"}`, "POST /builds: 422 Unprocessable Entity: [redacted]?"},
	} {
		t.Run(name, func(t *testing.T) {
			fake := newFake(codemagictest.Config{})
			fake.SetFaults(always("POST /builds", fakehttp.Fault{Status: 422, Body: test.body}))
			_, err := newClient(t, fake, codemagic.Config{}).StartBuild(t.Context(), codemagic.StartRequest{
				Secrets: map[string]provisioner.Secret{"A": jit, "B": provisioner.NewSecret("s3cret")},
			})
			if err == nil || err.Error() != test.want {
				t.Errorf("error\n%v, want\n%s", err, test.want)
			}
			var answer *codemagic.Error
			if !errors.As(err, &answer) || answer.StatusCode != 422 {
				t.Errorf("error %#v, want an Error", err)
			}
		})
	}
}

func TestOnlyCallsThatMayTakeEffectTwiceAreRepeated(t *testing.T) {
	calls := map[string]func(ctx context.Context, c *codemagic.Client) error{
		"POST /builds": func(ctx context.Context, c *codemagic.Client) error {
			_, err := c.StartBuild(ctx, codemagic.StartRequest{AppID: app, WorkflowID: "w", Branch: "b"})
			return err
		},
		"POST /builds/{id}/cancel": func(ctx context.Context, c *codemagic.Client) error { return c.CancelBuild(ctx, "1") },
		"GET /builds/{id}":         func(ctx context.Context, c *codemagic.Client) error { _, err := c.Build(ctx, "1"); return err },
		"GET /builds": func(ctx context.Context, c *codemagic.Client) error {
			_, err := c.Builds(ctx, codemagic.Filter{})
			return err
		},
		"GET /apps/{id}": func(ctx context.Context, c *codemagic.Client) error { return c.CheckApp(ctx, app) },
	}
	faults := map[string]fakehttp.Fault{
		"silence": {Drop: true}, "failure": {Status: 503}, "slowness": {Delay: time.Minute}, "refusal": {Status: 403}, "rate limit": {Status: 429},
		"nonsense": {Status: 200, Body: "<html>"},
	}
	for operation, want := range map[string]struct {
		tries int
		class error
	}{
		"POST /builds":             {1, provisioner.ErrNoAnswer},
		"POST /builds/{id}/cancel": {3, provisioner.ErrNoAnswer},
		"GET /builds/{id}":         {3, provisioner.ErrUnavailable},
		"GET /builds":              {3, provisioner.ErrUnavailable},
		"GET /apps/{id}":           {1, provisioner.ErrUnavailable},
	} {
		for kind, fault := range faults {
			t.Run(operation+" "+kind, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					fake := newFake(codemagictest.Config{})
					fake.SetFaults(always(operation, fault))
					err := calls[operation](t.Context(), newClient(t, fake, codemagic.Config{}))
					tries, class := want.tries, want.class
					switch kind {
					case "refusal":
						tries, class = 1, provisioner.ErrRefused
					case "rate limit":
						tries, class = 1, nil
						if hint := (*provisioner.RetryAfterError)(nil); !errors.As(err, &hint) {
							t.Errorf("error %v, want a hint", err)
						}
					case "nonsense":
						if operation == "POST /builds/{id}/cancel" || operation == "GET /apps/{id}" { // of which the status says it all
							if err != nil {
								t.Errorf("error %v", err)
							}
							return
						}
					}
					if err == nil || class != nil && !errors.Is(err, class) {
						t.Errorf("error %v, want %v", err, class)
					}
					if errors.Is(err, context.DeadlineExceeded) {
						t.Errorf("error %v looks as if the caller's time were over", err)
					}
					if got := fake.Calls()[operation]; got != tries {
						t.Errorf("%d tries, want %d", got, tries)
					}
					time.Sleep(3 * time.Minute) // slow calls end before the bubble does
				})
			})
		}
	}
}

func TestAPassingFailureIsNotNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(codemagictest.Config{})
		fake.SetFaults(first(2, "GET /builds", fakehttp.Fault{Status: 502}))
		began := time.Now()
		if _, err := newClient(t, fake, codemagic.Config{}).Builds(t.Context(), codemagic.Filter{AppID: app}); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took < 500*time.Millisecond || took > 2*time.Second {
			t.Errorf("the tries took %s, without a pause or with a long one", took)
		}
	})
}

func TestAnEndedContextEndsTheTries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(codemagictest.Config{})
		fake.SetFaults(always("GET /builds", fakehttp.Fault{Delay: 5 * time.Second, Drop: true}))
		_, err := newClient(t, fake, codemagic.Config{}).Builds(within(t, time.Second), codemagic.Filter{})
		if !errors.Is(err, context.DeadlineExceeded) || fake.Calls()["GET /builds"] != 1 {
			t.Errorf("error %v after %v", err, fake.Calls())
		}
		time.Sleep(time.Minute)
	})
}

func TestAnIncompleteListIsAnError(t *testing.T) {
	for name, body := range map[string]string{
		"no list": `{"applications": []}`, "null": `{"builds": null}`, "cut off": `{"builds": [{"_id": "1"}`, "a build without an id": `{"builds": [{}]}`,
		"not a list": `{"builds": {}}`, "empty": ``,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := newFake(codemagictest.Config{})
				fake.SetFaults(always("GET /builds", fakehttp.Fault{Status: 200, Body: body}))
				builds, err := newClient(t, fake, codemagic.Config{}).Builds(t.Context(), codemagic.Filter{})
				if !errors.Is(err, provisioner.ErrUnavailable) || builds != nil {
					t.Errorf("builds %v, error %v", builds, err)
				}
			})
		})
	}
}

func TestAnAnswerWithoutABuildIsAnError(t *testing.T) {
	fake := newFake(codemagictest.Config{})
	fake.SetFaults(always("GET /builds/{id}", fakehttp.Fault{Status: 200, Body: `{}`}))
	if _, err := newClient(t, fake, codemagic.Config{}).Build(t.Context(), "1"); !errors.Is(err, provisioner.ErrUnavailable) {
		t.Errorf("error %v", err)
	}
}

func TestDatesOfEveryFormAreTolerated(t *testing.T) {
	fake := newFake(codemagictest.Config{})
	fake.SetFaults(always("GET /builds/{id}", fakehttp.Fault{Status: 200, Body: `{"build": {
		"_id": "1", "createdAt": "2020-09-08T07:18:02.203+0000", "startedAt": "2020-09-08T07:18:02Z", "finishedAt": 1599549482, "labels": null}}`}))
	b, err := newClient(t, fake, codemagic.Config{}).Build(t.Context(), "1")
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2020, 9, 8, 7, 18, 2, 0, time.UTC)
	if !b.CreatedAt.Equal(at.Add(203*time.Millisecond)) || !b.StartedAt.Equal(at) || !b.FinishedAt.IsZero() {
		t.Errorf("build %+v", b)
	}
}

// endless answers a list that never ends.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

type answers func(r *http.Request) (*http.Response, error)

func (f answers) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestAnAnswerOfUnlimitedSizeIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // where the time limit does not depend on how busy the computer is
		calls := 0
		client, err := codemagic.NewClient(provisioner.NewSecret(token), codemagic.Config{Transport: answers(func(*http.Request) (*http.Response, error) {
			calls++
			return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(endless{})}, nil
		})})
		if err != nil {
			t.Fatal(err)
		}
		_, err = client.StartBuild(t.Context(), codemagic.StartRequest{})
		if err == nil || !strings.Contains(err.Error(), "larger than 1 MiB") || calls != 1 {
			t.Errorf("error %v after %d calls", err, calls)
		}
	})
}

func TestTheTokenGoesNowhereElse(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("a redirect took the token %q elsewhere", r.Header.Get("X-Auth-Token"))
	}))
	defer elsewhere.Close()
	server := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	defer server.Close()
	client, err := codemagic.NewClient(provisioner.NewSecret(token), codemagic.Config{BaseURL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	if err := client.CheckApp(t.Context(), app); !errors.Is(err, provisioner.ErrRefused) {
		t.Errorf("error %v, want a refusal", err)
	}
}
