package github_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/github"
	"github.com/datawire/github-runner-provisioner/provisioner/github/githubtest"
	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest/fakehttp"
)

// limits are the headers of an answer under a rate limit.
func limits(w http.ResponseWriter, resource string, limit, remaining int, reset time.Time) {
	w.Header().Set("X-Ratelimit-Resource", resource)
	w.Header().Set("X-Ratelimit-Limit", strconv.Itoa(limit))
	w.Header().Set("X-Ratelimit-Remaining", strconv.Itoa(remaining))
	w.Header().Set("X-Ratelimit-Reset", strconv.FormatInt(reset.Unix(), 10))
}

func registered(w http.ResponseWriter, r *http.Request) {
	answer(w, r, object{"runner": runner(7, "grp-x-1-1", "offline", false), "encoded_jit_config": "the-configuration"})
}

func TestALimitHoldsCallsBackForAsLongAsGitHubSays(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sent, limited := 0, true
		c := newClient(t, github.Config{BaseURL: "http://github.test", Transport: fakehttp.Loopback(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			sent++
			if limited {
				fail(w, 403, "You have exceeded a secondary rate limit.", "Retry-After", "30")
				return
			}
			registered(w, r)
		}))})
		_, _, err := c.Register(t.Context(), registration(repo))
		outcome{after: 30 * time.Second}.check(t, err)
		time.Sleep(20 * time.Second)
		_, err = c.Runner(t.Context(), repo, 7)
		outcome{after: 10 * time.Second, message: "secondary rate limit"}.check(t, err)
		if sent != 1 {
			t.Errorf("%d requests while the limit lasts", sent)
		}
		limited = false
		time.Sleep(10*time.Second + time.Millisecond)
		if _, _, err := c.Register(t.Context(), registration(repo)); err != nil || sent != 2 {
			t.Errorf("after the limit: %v, %d requests", err, sent)
		}
	})
}

func TestTheLastAllowedRequestBlocksNothing(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]http.HandlerFunc{
		registering: func(w http.ResponseWriter, r *http.Request) {
			limits(w, "actions_runner_registration", 10000, 0, time.Now().Add(time.Hour))
			registered(w, r)
		},
		reading: func(w http.ResponseWriter, r *http.Request) { answer(w, r, runner(7, "a", "online", false)) },
	})
	c := s.client(t, github.Config{})
	for range 2 {
		if _, jit, err := c.Register(t.Context(), registration(repo)); err != nil || jit.Reveal() != "the-configuration" {
			t.Fatal(err)
		}
		if _, err := c.Runner(t.Context(), repo, 7); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAUsedUpResourceHoldsBackOnlyWhatNeedsIt(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]http.HandlerFunc{
		registering: func(w http.ResponseWriter, _ *http.Request) {
			limits(w, "actions_runner_registration", 10000, 0, time.Now().Add(time.Minute))
			fail(w, 403, "API rate limit exceeded")
		},
		reading: func(w http.ResponseWriter, r *http.Request) {
			limits(w, "core", 5000, 4000, time.Now().Add(time.Minute))
			answer(w, r, runner(7, "a", "online", false))
		},
	})
	c := s.client(t, github.Config{})
	for range 3 {
		_, _, err := c.Register(t.Context(), registration(repo))
		outcome{after: 61 * time.Second}.check(t, err)
		if _, err := c.Runner(t.Context(), repo, 7); err != nil {
			t.Errorf("a read under another resource: %v", err)
		}
	}
	if n := s.count(registering); n != 1 {
		t.Errorf("%d registrations were sent", n)
	}
}

func TestQuotaIsWhatIsLeastLeft(t *testing.T) {
	t.Parallel()
	reset := time.Now().Add(time.Hour).Truncate(time.Second)
	var remaining, resetsAt atomic.Int64
	remaining.Store(4000)
	resetsAt.Store(reset.Unix())
	s := serve(t, map[string]http.HandlerFunc{
		registering: func(w http.ResponseWriter, r *http.Request) {
			limits(w, "actions_runner_registration", 10000, 5000, reset.Add(time.Minute))
			registered(w, r)
		},
		listing: func(w http.ResponseWriter, r *http.Request) {
			limits(w, "core", 5000, int(remaining.Load()), time.Unix(resetsAt.Load(), 0))
			answer(w, r, object{"total_count": 0, "runners": []object{}})
		},
	})
	c := s.client(t, github.Config{})
	if q := c.Quota(); q != (github.Quota{}) {
		t.Errorf("before any answer: %+v", q)
	}
	list := func() {
		t.Helper()
		if _, err := c.Runners(t.Context(), repo); err != nil {
			t.Fatal(err)
		}
	}
	list()
	if _, _, err := c.Register(t.Context(), registration(repo)); err != nil {
		t.Fatal(err)
	}
	want := github.Quota{Resource: "actions_runner_registration", Limit: 10000, Remaining: 5000, Reset: reset.Add(time.Minute), Requests: 2}
	if q := c.Quota(); q != want {
		t.Errorf("got %+v, want %+v", q, want)
	}
	remaining.Store(100)
	list()
	want = github.Quota{Resource: "core", Limit: 5000, Remaining: 100, Reset: reset, Requests: 3, NotModified: 1}
	if q := c.Quota(); q != want {
		t.Errorf("got %+v, want %+v", q, want)
	}
	remaining.Store(0)
	resetsAt.Store(time.Now().Add(-2 * time.Second).Unix())
	list()
	if q := c.Quota(); q.Resource != "actions_runner_registration" {
		t.Errorf("a window that is over still counts: %+v", q)
	}
}

func TestNoSecretIsLogged(t *testing.T) {
	t.Parallel()
	var status atomic.Int32
	s := serve(t, map[string]http.HandlerFunc{"/": func(w http.ResponseWriter, r *http.Request) {
		limits(w, "core", 5000, 77, time.Now().Add(time.Minute))
		switch now := int(status.Load()); now {
		case 0:
			registered(w, r)
		case 1:
			panic(http.ErrAbortHandler)
		default:
			fail(w, now, "told why", "Retry-After", "1")
		}
	}})
	var log bytes.Buffer
	var errs []error
	for _, next := range []int32{0, 1, 500, 401, 429} {
		status.Store(next)
		c := s.client(t, github.Config{Logger: slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
		_, jit, err := c.Register(t.Context(), registration(repo))
		errs = append(errs, err)
		slog.New(slog.NewTextHandler(&log, nil)).Info("what a caller logs", "jit", jit, "error", err)
	}
	if _, ok := errors.AsType[*provisioner.RetryAfterError](errs[4]); !ok {
		t.Fatalf("got %v", errs)
	}
	for _, secret := range []string{token, "the-configuration"} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("the log has %q", secret)
		}
	}
	for _, wanted := range []string{`"operation":"register runner"`, `"repository":"octo/shop"`, `"resource":"core"`, `"remaining":"77"`, `"level":"WARN"`, `"status":500`} {
		if !strings.Contains(log.String(), wanted) {
			t.Errorf("the log lacks %s:\n%s", wanted, log.String())
		}
	}
}

// generating is [registering] as a fake GitHub calls it.
const generating = "POST /repos/{owner}/{repo}/actions/runners/generate-jitconfig"

func TestAnInstallationWhoseHourIsUsedUpHoldsBackNoOther(t *testing.T) {
	t.Parallel()
	app := testApp()
	synctest.Test(t, func(t *testing.T) {
		g := githubtest.New(githubtest.Config{AppID: app.ID, Hourly: 10})
		hexa := provisioner.Target{Owner: "hexa", Repo: "bees"}
		for _, at := range []provisioner.Target{repo, hexa} {
			g.AddRepository(at.Owner, at.Repo)
		}
		c := newClient(t, github.Config{BaseURL: "http://github.test", App: app, Transport: fakehttp.Loopback(g)})
		serial := 0
		register := func(at provisioner.Target) error {
			serial++
			_, _, err := c.Register(t.Context(), provisioner.Registration{Target: at, Name: fmt.Sprint("grp-x-", serial), Labels: []string{"x"}})
			return err
		}
		for range 10 {
			if err := register(repo); err != nil {
				t.Fatal(err)
			}
		}
		outcome{after: time.Hour + time.Second}.check(t, register(repo))
		time.Sleep(59 * time.Minute)
		outcome{after: time.Minute + time.Second, message: "API rate limit exceeded"}.check(t, register(repo))
		if err := register(hexa); err != nil {
			t.Errorf("where nothing is used up: %v", err)
		}
		if octo, hexa := c.QuotaAt(repo), c.QuotaAt(hexa); octo.Remaining != 0 || hexa.Remaining != 9 {
			t.Errorf("the quotas are %+v and %+v", octo, hexa)
		}
		time.Sleep(time.Minute + time.Second)
		if err := register(repo); err != nil {
			t.Errorf("in the next hour: %v", err)
		}
		if n := g.Calls(); n["limited "+generating] != 1 {
			t.Errorf("%d calls while the limit lasts", n["limited "+generating])
		}
	})
}

func TestABurstOfRegistrationsGoesOnAsSoonAsTheMinuteHasRoom(t *testing.T) {
	t.Parallel()
	for _, atOnce := range []int{1, 8} {
		t.Run(fmt.Sprint(atOnce, " at once"), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				g := githubtest.New(githubtest.Config{Points: 900})
				g.AddRepository(repo.Owner, repo.Repo)
				c, begun := fake(t, g), time.Now()
				var workers sync.WaitGroup
				for worker := range atOnce {
					workers.Go(func() {
						for i := worker; i < 400; i += atOnce {
							for {
								_, _, err := c.Register(t.Context(), provisioner.Registration{Target: repo, Name: fmt.Sprint("grp-x-", i), Labels: []string{"x"}})
								hint, limited := errors.AsType[*provisioner.RetryAfterError](err)
								if !limited {
									if err != nil {
										t.Error(err)
									}
									break
								}
								time.Sleep(hint.After)
							}
						}
					})
				}
				workers.Wait()
				if got, took := len(g.Runners()), time.Since(begun); got != 400 || took != 2*time.Minute || g.PeakPoints("") != 900 {
					t.Errorf("%d runners after %s, of %d points a minute", got, took, g.PeakPoints(""))
				}
				// Those on their way when a limit begins are refused, and none while it lasts.
				if n := g.Calls()["limited "+generating]; n < 2 || n > 2*atOnce {
					t.Errorf("%d calls while a limit lasts", n)
				}
			})
		})
	}
}
