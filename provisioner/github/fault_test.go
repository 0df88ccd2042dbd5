package github_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/github"
)

const (
	registering = "POST /repos/octo/shop/actions/runners/generate-jitconfig"
	removing    = "DELETE /repos/octo/shop/actions/runners/7"
	reading     = "GET /repos/octo/shop/actions/runners/7"
	listing     = "GET /repos/octo/shop/actions/runners"
)

func inAnHour() string { return strconv.FormatInt(time.Now().Add(time.Hour).Unix(), 10) }

// outcome is what an error must be.
type outcome struct {
	is      error // the sentinel
	about   *provisioner.Target
	after   time.Duration // of a RetryAfterError, to within two seconds
	message string        // part of the text
}

func (o outcome) check(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	sentinels := []error{
		provisioner.ErrNameTaken, provisioner.ErrNotFound, provisioner.ErrRunnerBusy, provisioner.ErrRefused, provisioner.ErrUnavailable,
		provisioner.ErrNoAnswer, context.Canceled,
	}
	for _, s := range sentinels {
		if got, want := errors.Is(err, s), errors.Is(o.is, s); got != want {
			t.Errorf("is %q: %v, want %v: %v", s, got, want, err)
		}
	}
	var told *provisioner.GitHubError
	switch found := errors.As(err, &told); {
	case !found:
		t.Errorf("not GitHub's: %v", err)
	case found && o.about != nil && told.Target != *o.about, found && o.about == nil && told.Target != repo && told.Target != org:
		t.Errorf("about %s: %v", told.Target, err)
	}
	var hint *provisioner.RetryAfterError
	switch limited := errors.As(err, &hint); {
	case limited != (o.after > 0):
		t.Errorf("a rate limit: %v, want %v: %v", limited, o.after > 0, err)
	case limited && (hint.After > o.after+2*time.Second || hint.After < o.after-2*time.Second):
		t.Errorf("after %s, want %s", hint.After, o.after)
	}
	if !strings.Contains(err.Error(), o.message) {
		t.Errorf("the error %q does not say %q", err, o.message)
	}
	if len(err.Error()) > 800 || strings.ContainsAny(err.Error(), "\n\t") {
		t.Errorf("the error does not fit into a line: %q", err)
	}
	if strings.Contains(err.Error(), token) {
		t.Errorf("the error has the token: %v", err)
	}
}

func TestAnswersBecomeErrorsByWhatIsKnownOfTheEffect(t *testing.T) {
	t.Parallel()
	type outcomes struct{ register, remove, read, list outcome }
	same := func(o outcome) outcomes { return outcomes{o, o, o, o} }
	refused := same(outcome{is: provisioner.ErrRefused})
	broken := outcomes{
		register: outcome{is: provisioner.ErrNoAnswer}, remove: outcome{is: provisioner.ErrNoAnswer},
		read: outcome{is: provisioner.ErrUnavailable}, list: outcome{is: provisioner.ErrUnavailable},
	}
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   outcomes
	}{
		"401": {
			func(w http.ResponseWriter, _ *http.Request) { fail(w, 401, "Bad credentials") },
			same(outcome{is: provisioner.ErrRefused, message: "Bad credentials"}),
		},
		"403 for want of a permission": {
			func(w http.ResponseWriter, _ *http.Request) {
				fail(w, 403, "Resource not accessible by personal access token", "X-RateLimit-Remaining", "4999", "X-RateLimit-Reset", inAnHour())
			},
			same(outcome{is: provisioner.ErrRefused, message: "403: Resource not accessible by personal access token"}),
		},
		"404": {
			// To everything: nothing is known to be gone.
			func(w http.ResponseWriter, _ *http.Request) { fail(w, 404, "Not Found") },
			refused,
		},
		"409": {
			func(w http.ResponseWriter, _ *http.Request) {
				fail(w, 409, "Already exists - A runner with the name grp-x-1-1 already exists.")
			},
			outcomes{register: outcome{is: provisioner.ErrNameTaken, message: "Already exists"}, remove: refused.remove, read: refused.read, list: refused.list},
		},
		"422 with details": {
			func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(422)
				_, _ = io.WriteString(w, `{"message":"Validation Failed","errors":[{"resource":"Runner","field":"labels","code":"invalid"},"too\nlong"]}`)
			},
			outcomes{
				register: outcome{is: provisioner.ErrRefused, message: "Validation Failed (Runner labels invalid; too long)"},
				remove:   outcome{is: provisioner.ErrRunnerBusy}, read: refused.read, list: refused.list,
			},
		},
		"403, primary limit": {
			func(w http.ResponseWriter, _ *http.Request) {
				fail(w, 403, "API rate limit exceeded for user ID 1.", "X-RateLimit-Remaining", "0", "X-RateLimit-Reset", inAnHour())
			},
			same(outcome{after: time.Hour + time.Second, message: "API rate limit exceeded"}),
		},
		"429, primary limit": {
			func(w http.ResponseWriter, _ *http.Request) {
				fail(w, 429, "API rate limit exceeded for user ID 1.", "X-RateLimit-Remaining", "0", "X-RateLimit-Reset", inAnHour())
			},
			same(outcome{after: time.Hour + time.Second}),
		},
		"429, primary limit, by a clock that is a day ahead": {
			func(w http.ResponseWriter, _ *http.Request) {
				tomorrow := time.Now().Add(24 * time.Hour)
				fail(w, 429, "API rate limit exceeded", "Date", tomorrow.UTC().Format(http.TimeFormat), "X-RateLimit-Remaining", "0",
					"X-RateLimit-Reset", strconv.FormatInt(tomorrow.Add(time.Minute).Unix(), 10))
			},
			same(outcome{after: time.Minute + time.Second}),
		},
		"primary limit without a reset": {
			func(w http.ResponseWriter, _ *http.Request) {
				fail(w, 403, "API rate limit exceeded", "X-RateLimit-Remaining", "0")
			},
			same(outcome{after: time.Minute}),
		},
		"403, secondary limit with a hint": {
			func(w http.ResponseWriter, _ *http.Request) {
				fail(w, 403, "You have exceeded a secondary rate limit.", "Retry-After", "17", "X-RateLimit-Remaining", "4000", "X-RateLimit-Reset", inAnHour())
			},
			same(outcome{after: 17 * time.Second, message: "secondary rate limit"}),
		},
		"429, secondary limit with a hint": {
			func(w http.ResponseWriter, _ *http.Request) { fail(w, 429, "Slow down", "Retry-After", "90") },
			same(outcome{after: 90 * time.Second}),
		},
		"429 with a date for a hint": {
			func(w http.ResponseWriter, _ *http.Request) {
				fail(w, 429, "Slow down", "Retry-After", time.Now().Add(40*time.Second).UTC().Format(http.TimeFormat))
			},
			same(outcome{after: 40 * time.Second}),
		},
		"403, secondary limit without a hint": {
			func(w http.ResponseWriter, _ *http.Request) {
				fail(w, 403, "You have exceeded a secondary rate limit. Please wait a few minutes.", "X-RateLimit-Remaining", "4000")
			},
			same(outcome{after: time.Minute}),
		},
		"403, secondary limit by its documentation alone": {
			func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(403)
				_, _ = io.WriteString(w, `{"message":"Slow down","documentation_url":"https://docs.github.com/rest/overview/resources-in-the-rest-api#secondary-rate-limits"}`)
			},
			same(outcome{after: time.Minute}),
		},
		"429 with a page of a proxy": {
			func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/html")
				w.WriteHeader(429)
				_, _ = io.WriteString(w, "<html>too many</html>")
			},
			same(outcome{after: time.Minute}),
		},
		"an endless message": {
			func(w http.ResponseWriter, _ *http.Request) { fail(w, 418, strings.Repeat("no! ", 1000)) },
			same(outcome{is: provisioner.ErrRefused, message: "418: no! no! no!"}),
		},
		"500": {func(w http.ResponseWriter, _ *http.Request) { fail(w, 500, "Server Error") }, broken},
		"502 with GitHub's unicorn": {
			func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/html; charset=utf-8")
				w.WriteHeader(502)
				_, _ = io.WriteString(w, "<html><body>"+strings.Repeat("unicorn ", 100_000)+"</body></html>")
			},
			outcomes{
				register: outcome{is: provisioner.ErrNoAnswer, message: "GitHub answered 502: Bad Gateway, as text/html"}, remove: broken.remove,
				read: broken.read, list: broken.list,
			},
		},
		"503 that asks to come back": {
			func(w http.ResponseWriter, _ *http.Request) { fail(w, 503, "Service Unavailable", "Retry-After", "5") }, broken,
		},
		"a page instead of the API": {
			func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/html")
				_, _ = io.WriteString(w, "<html>Please log in</html>")
			},
			outcomes{register: broken.register, read: outcome{is: provisioner.ErrUnavailable, message: `the body ("text/html") can't be read`}, list: broken.list},
		},
		"half an answer": {
			func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Length", "1000")
				_, _ = io.WriteString(w, `{"runner": {"id": 7`)
			},
			outcomes{register: broken.register, read: broken.read, list: broken.list},
		},
		"a broken connection": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, broken},
		"moved to another host": {
			func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "https://elsewhere.example/", http.StatusMovedPermanently)
			},
			refused,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, map[string]http.HandlerFunc{"/": c.answer})
			_, jit, err := s.client(t, github.Config{}).Register(t.Context(), registration(repo))
			c.want.register.check(t, err)
			if !jit.IsZero() {
				t.Error("a configuration comes with the error")
			}
			err = s.client(t, github.Config{}).Remove(t.Context(), repo, 7)
			if c.want.remove != (outcome{}) {
				c.want.remove.check(t, err)
			} else if err != nil {
				t.Errorf("nothing was to be removed: %v", err)
			}
			if n := s.changes(); n != 2 {
				t.Errorf("%d requests for two changes", n)
			}
			quick(t, c.answer, func(t *testing.T, client *github.Client) {
				_, err := client.Runner(t.Context(), repo, 7)
				c.want.read.check(t, err)
			})
			quick(t, c.answer, func(t *testing.T, client *github.Client) {
				_, err := client.Runners(t.Context(), repo)
				c.want.list.check(t, err)
			})
		})
	}
}

func TestARegistrationWithoutItsConfigurationIsNoAnswer(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]http.HandlerFunc{registering: func(w http.ResponseWriter, r *http.Request) {
		answer(w, r, object{"runner": runner(7, "grp-x-1-1", "offline", false)})
	}})
	_, _, err := s.client(t, github.Config{}).Register(t.Context(), registration(repo))
	outcome{is: provisioner.ErrNoAnswer}.check(t, err)
}
