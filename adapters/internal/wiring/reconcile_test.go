package wiring

import (
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/datawire/github-runner-provisioner/adapters/internal/config"
	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/github"
	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest"
	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest/fakehttp"
	"github.com/datawire/github-runner-provisioner/provisioner/queue"
)

func TestTheReconcilerLooksAfterWhatTheAllowListAllows(t *testing.T) {
	const administered = `[{"name":"web","owner":{"login":"acme"}},{"name":"Shop","owner":{"login":"Acme"}},{"name":"web","owner":{"login":"other"}}]`
	for allowList, want := range map[string][]string{
		"":                  {"Acme/Shop", "acme/web", "other/web"},
		"acme/*":            {"Acme/Shop", "acme/web"},
		"acme/w*,other/web": {"acme/web", "other/web"},
		"other/web":         {"other/web"},
		"third/*":           nil,
	} {
		t.Run(allowList, func(t *testing.T) {
			var mu sync.Mutex
			var asked []string
			answer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				mu.Lock()
				defer mu.Unlock()
				body := `{"total_count":0,"workflow_runs":[],"runners":[]}`
				if r.URL.Path == "/user/repos" {
					body = administered
				} else if part := strings.Split(r.URL.Path, "/"); len(part) > 3 && part[1] == "repos" {
					asked = append(asked, part[2]+"/"+part[3])
				}
				w.Header().Set("Content-Type", "application/json")
				_, _ = w.Write([]byte(body))
			})
			gh, err := github.New(github.Config{Token: provisioner.NewSecret("token"), Transport: fakehttp.Loopback(answer)})
			if err != nil {
				t.Fatal(err)
			}
			types := []provisioner.RunnerType{{Name: "linux", Labels: []string{"linux"}, Provider: "cloud"}}
			engine, err := provisioner.New(types, map[string]provisioner.Provider{"cloud": &provisionertest.ProviderMock{}}, gh, provisioner.Config{})
			if err != nil {
				t.Fatal(err)
			}
			cfg, log, q := &config.Config{}, slog.New(slog.DiscardHandler), queue.NewMemory(0)
			if allowList != "" {
				cfg.Webhook.Repositories = strings.Split(allowList, ",")
			}
			s, err := newSweeper(cfg, engine, gh, queue.NewWorker(q, engine, queue.Config{}), q, Watchers{Metrics: newMetrics()}, log, newDeliveries(gh))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Sweep(t.Context()); err != nil {
				t.Error(err)
			}
			slices.Sort(asked)
			if got := slices.Compact(asked); !slices.Equal(got, want) {
				t.Errorf("the reconciler looks after %q, want %q", got, want)
			}
		})
	}
}
