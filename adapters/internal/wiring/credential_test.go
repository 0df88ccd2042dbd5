package wiring

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/datawire/github-runner-provisioner/adapters/internal/config"
	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/github"
	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest/fakehttp"
)

// A credential that dies is told every minute, and one that lives again once.
func TestTheCredentialIsLookedAtEveryMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var status atomic.Int32
		status.Store(http.StatusOK)
		answer := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("GitHub-Authentication-Token-Expiration", time.Now().Add(time.Hour).UTC().Format("2006-01-02 15:04:05 UTC"))
			w.WriteHeader(int(status.Load()))
			_, _ = w.Write([]byte(`{"login":"octocat","message":"no"}`))
		})
		gh, err := github.New(github.Config{Token: provisioner.NewSecret("token"), Transport: fakehttp.Loopback(answer)})
		if err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		m := newMetrics()
		w, err := newCredentialWatch(gh, &config.Config{}, m, slog.New(slog.NewTextHandler(&log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { w.run(ctx); close(done) }()
		time.Sleep(watchEvery / 2)
		for _, step := range []struct {
			status int32
			up     float64
			lines  map[string]int // in three minutes
		}{
			{200, 1, map[string]int{"at GitHub the service is the user octocat": 1, "the token ends soon": 1, "level=ERROR": 0}},
			{401, 0, map[string]int{"level=ERROR": 3, "GitHub does not accept the credential": 3}},
			{502, 0, map[string]int{"level=ERROR": 0, "GitHub can't be asked": 3}},
			{200, 1, map[string]int{"at GitHub the service is the user octocat": 1, "level=ERROR": 0}},
			{404, 1, map[string]int{"at GitHub": 0, "level=": 0}},
		} {
			status.Store(step.status)
			time.Sleep(3 * watchEvery)
			synctest.Wait()
			if up := testutil.ToFloat64(m.githubUp); up != step.up {
				t.Errorf("with answers of %d github_up is %v", step.status, up)
			}
			for what, want := range step.lines {
				if n := strings.Count(log.String(), what); n != want {
					t.Errorf("with answers of %d %q was logged %d times in three minutes, want %d:\n%s", step.status, what, n, want, &log)
				}
			}
			log.Reset()
		}
		cancel()
		<-done
	})
}
