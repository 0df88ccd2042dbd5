package wiring

import (
	"log/slog"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/datawire/github-runner-provisioner/adapters/internal/config"
	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/github"
	"github.com/datawire/github-runner-provisioner/provisioner/github/githubtest"
	"github.com/datawire/github-runner-provisioner/provisioner/journal"
	"github.com/datawire/github-runner-provisioner/provisioner/queue"
	"github.com/datawire/github-runner-provisioner/provisioner/reconcile"
	"github.com/datawire/github-runner-provisioner/provisioner/webhook"
)

// scrapedJob is how Prometheus calls the service.
const scrapedJob = "runner-provisioner"

// scraped is one series as Prometheus has it after two hours and a half, in promtool's notation.
type scraped struct {
	name, pairs string
	labels      []string
	values      string
}

func (s scraped) String() string { return s.name + "{" + s.pairs + "}" }

// everythingScraped is what /metrics serves when everything that is measured has happened.
func everythingScraped(t *testing.T) (all []scraped) {
	t.Helper()
	answer := httptest.NewRecorder()
	promhttp.HandlerFor(everythingHappened(t).Registry, promhttp.HandlerOpts{}).ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), "GET", "/metrics", nil))
	kinds := regexp.MustCompile(`^# TYPE (\w+) (\w+)$`)
	line := regexp.MustCompile(`^(\w+)(?:\{(.*)\})? (\S+)$`)
	kind := ""
	add := func(name, pairs, values string) {
		pairs = strings.TrimPrefix(pairs+`,job="`+scrapedJob+`",instance="a:8080"`, ",")
		s := scraped{name: name, pairs: pairs, values: values}
		for _, m := range regexp.MustCompile(`(\w+)="`).FindAllStringSubmatch(pairs, -1) {
			s.labels = append(s.labels, m[1])
		}
		all = append(all, s)
	}
	add("up", "", "1x150") // which Prometheus adds
	for l := range strings.Lines(answer.Body.String()) {
		l = strings.TrimSuffix(l, "\n")
		if m := kinds.FindStringSubmatch(l); m != nil {
			kind = m[2]
		} else if m := line.FindStringSubmatch(l); m != nil {
			values := m[3] + "x150"
			if kind == "counter" || kind == "histogram" {
				values = "0+" + values // the same again every minute
			}
			add(m[1], m[2], values)
		} else if !strings.HasPrefix(l, "# HELP ") {
			t.Fatalf("%q is not understood", l)
		}
	}
	return all
}

// everythingHappened returns metrics that have measured everything once.
func everythingHappened(t *testing.T) *Metrics {
	t.Helper()
	m := newMetrics()
	now := time.Now()
	j := journal.New(journal.Config{})
	w := Watchers{Metrics: m, Journal: j}
	event := provisioner.Event{At: now, Job: provisioner.Job{ID: 1}, RunnerType: "linux", Provider: "aws", Took: time.Second, Err: provisioner.ErrCapacity}
	event.Reason = provisioner.ReasonOf(event.Err, provisioner.RunnerType{Name: "linux", Provider: "aws"})
	event.Reason.Until = now.Add(time.Hour)
	for _, kind := range []provisioner.EventKind{provisioner.EventAccepted, provisioner.EventFailed, provisioner.EventHeld} {
		event.Kind = kind
		w.Observe(t.Context(), event) // and job 1 goes on waiting
	}
	event.Job.ID = 2
	for _, status := range []provisioner.Status{provisioner.StatusLaunched, provisioner.StatusServed, provisioner.StatusGone} {
		event.Kind, event.Status = provisioner.EventSettled, status
		w.Observe(t.Context(), event)
	}
	for _, kind := range []provisioner.EventKind{provisioner.EventLaunched, provisioner.EventGivenUp} {
		event.Kind = kind
		w.Observe(t.Context(), event)
	}
	m.started(journal.Job{
		Type: "linux", Accepted: now, Registered: now.Add(time.Second), Launched: now.Add(2 * time.Second), Online: now.Add(3 * time.Second), Started: now.Add(4 * time.Second),
	})
	for _, s := range []webhook.Status{webhook.StatusQueued, webhook.StatusUnavailable, webhook.StatusFailed, webhook.StatusUnauthorized} {
		m.Delivered(t.Context(), webhook.Outcome{Status: s})
	}
	report := reconcile.Report{
		Duration: time.Second, Requests: 3, Unchanged: 2, Requeued: 2, Replaced: 1, GivenUp: 1, Recovered: 1,
		Machines: map[reconcile.MachineKind]int{{Type: "linux", State: reconcile.Busy}: 3, {Type: "linux", State: reconcile.Dead}: 1},
		Reaped:   map[reconcile.Reason]int{reconcile.BootDeadline: 1, reconcile.NotNeeded: 1},
	}
	for _, failed := range []bool{false, true} {
		report.Failed = failed
		w.Swept(t.Context(), report)
	}
	m.setGitHubUp(true)

	server := httptest.NewServer(githubtest.New(githubtest.Config{Token: "token"}))
	t.Cleanup(server.Close)
	gh, err := github.New(github.Config{BaseURL: server.URL, Token: provisioner.NewSecret("token")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := gh.Repositories(t.Context()); err != nil {
		t.Fatal(err)
	}
	cfg := &config.Config{Runners: []config.Runner{{RunnerType: provisioner.RunnerType{Name: "linux", Max: 50}}}}
	if err := Gauges(m, queue.NewMemory(0), j, gh, cfg, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	return m
}
