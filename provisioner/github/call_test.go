package github_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/github"
	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest/fakehttp"
)

func TestASlowAnswerEndsWithTheTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		over := make(chan struct{})
		defer close(over)
		var asked atomic.Int32
		silent := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1); <-over })
		c := newClient(t, github.Config{BaseURL: "http://github.test", Transport: fakehttp.Loopback(silent), Timeout: 50 * time.Millisecond})
		_, _, err := c.Register(t.Context(), registration(repo))
		outcome{is: provisioner.ErrNoAnswer, message: "took longer than 50ms"}.check(t, err)
		_, err = c.Runner(t.Context(), repo, 7)
		outcome{is: provisioner.ErrUnavailable, message: "took longer than 50ms"}.check(t, err)
		if errors.Is(err, context.DeadlineExceeded) {
			t.Error("the client's own timeout looks like the caller's")
		}
		if n := asked.Load(); n != 2 {
			t.Errorf("a change and a read were sent as %d requests", n)
		}
	})
}

func TestACancelledCallSaysSo(t *testing.T) {
	t.Parallel()
	for name, call := range map[string]struct {
		do   func(ctx context.Context, c *github.Client) error
		want error
	}{
		"reading": {func(ctx context.Context, c *github.Client) error { _, err := c.Runner(ctx, repo, 7); return err }, context.Canceled},
		"registering": {func(ctx context.Context, c *github.Client) error {
			_, _, err := c.Register(ctx, registration(repo))
			return err
		}, errors.Join(context.Canceled, provisioner.ErrNoAnswer)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			s := serve(t, map[string]http.HandlerFunc{"/": func(_ http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				cancel()
				<-r.Context().Done()
			}})
			err := call.do(ctx, s.client(t, github.Config{}))
			outcome{is: call.want}.check(t, err)
			sent := s.total()
			if err := call.do(ctx, s.client(t, github.Config{})); !errors.Is(err, context.Canceled) || errors.Is(err, provisioner.ErrNoAnswer) || s.total() != sent {
				t.Errorf("with a context that is over: %v", err)
			}
		})
	}
}

func TestWhatWasNeverSentIsUnavailable(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := "http://" + l.Addr().String()
	_ = l.Close()
	stuck := make(chan struct{})
	t.Cleanup(func() { close(stuck) })
	untrusted := httptest.NewUnstartedServer(http.NotFoundHandler())
	untrusted.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
	untrusted.StartTLS()
	t.Cleanup(untrusted.Close)
	for name, x := range map[string]struct {
		base string
		next http.RoundTripper
	}{
		"nobody listens":           {nobody, &http.Transport{}},
		"the certificate is wrong": {untrusted.URL, &http.Transport{}},
		"the connection takes too long": {nobody, &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
			<-stuck
			return nil, errors.New("too late")
		}}},
		"a transport that traces no events": {nobody, roundTrip(func(*http.Request) (*http.Response, error) {
			return nil, &net.OpError{Op: "dial", Err: errors.New("no route")}
		})},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var tries atomic.Int32
			c := newClient(t, github.Config{BaseURL: x.base, Timeout: 500 * time.Millisecond, Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				tries.Add(1)
				return x.next.RoundTrip(r)
			})})
			_, _, err := c.Register(t.Context(), registration(repo))
			outcome{is: provisioner.ErrUnavailable}.check(t, err)
			outcome{is: provisioner.ErrUnavailable}.check(t, c.Remove(t.Context(), repo, 7))
			if n := tries.Load(); n != 2 {
				t.Errorf("%d tries at two changes", n)
			}
		})
	}
	t.Run("but one that broke may have been", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, github.Config{BaseURL: nobody, Transport: roundTrip(func(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF })})
		outcome{is: provisioner.ErrNoAnswer}.check(t, c.Remove(t.Context(), repo, 7))
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestReadsAreRepeatedAndChangesAreNot(t *testing.T) {
	t.Parallel()
	for _, failures := range []int{1, 2} {
		t.Run(fmt.Sprint(failures, " failures"), func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int32
			s := serve(t, map[string]http.HandlerFunc{
				reading: func(w http.ResponseWriter, r *http.Request) {
					switch n := int(asked.Add(1)); {
					case n < failures:
						panic(http.ErrAbortHandler)
					case n == failures:
						fail(w, 502, "Bad Gateway")
						return
					}
					answer(w, r, runner(7, "grp-x-1-1", "online", true))
				},
				removing: func(w http.ResponseWriter, _ *http.Request) { fail(w, 502, "Bad Gateway") },
			})
			c := s.client(t, github.Config{})
			r, err := c.Runner(t.Context(), repo, 7)
			if err != nil || !r.Online || !r.Busy || s.count(reading) != failures+1 {
				t.Errorf("got %+v after %d requests: %v", r, s.count(reading), err)
			}
			if err := c.Remove(t.Context(), repo, 7); !errors.Is(err, provisioner.ErrNoAnswer) || s.count(removing) != 1 {
				t.Errorf("%d requests: %v", s.count(removing), err)
			}
		})
	}
}

func TestTheCredentialStaysWithItsHost(t *testing.T) {
	t.Parallel()
	other := serve(t, map[string]http.HandlerFunc{})
	moved := map[string]http.HandlerFunc{
		"GET /repos/octo/shop/actions/runners/7": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other.URL+"/", http.StatusTemporaryRedirect)
		},
		"GET /repos/octo/shop/actions/runners/8": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/repositories/1/actions/runners/8", http.StatusMovedPermanently)
		},
		"GET /repositories/1/actions/runners/8": func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") == "" {
				t.Error("no credential after a move on the same host")
			}
			answer(w, r, runner(8, "a", "online", false))
		},
		registering: func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/repositories/1/x", http.StatusMovedPermanently)
		}, // net/http would make it a GET
	}
	c := serve(t, moved).client(t, github.Config{})
	_, err := c.Runner(t.Context(), repo, 7)
	outcome{is: provisioner.ErrRefused}.check(t, err)
	if r, err := c.Runner(t.Context(), repo, 8); err != nil || r.ID != 8 {
		t.Errorf("a renamed repository: %+v, %v", r, err)
	}
	_, _, err = c.Register(t.Context(), registration(repo))
	outcome{is: provisioner.ErrRefused}.check(t, err)
}
