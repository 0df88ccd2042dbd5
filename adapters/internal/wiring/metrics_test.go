package wiring

import (
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/datawire/github-runner-provisioner/adapters/internal/config"
	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/github"
	"github.com/datawire/github-runner-provisioner/provisioner/journal"
	"github.com/datawire/github-runner-provisioner/provisioner/queue"
)

// TestEveryMetricIsDocumented compares docs/metrics.md with what is registered, both ways, labels
// included.
func TestEveryMetricIsDocumented(t *testing.T) {
	m := newMetrics()
	gh, err := github.New(github.Config{Token: provisioner.NewSecret("token")})
	if err != nil {
		t.Fatal(err)
	}
	if err := Gauges(m, queue.NewMemory(0), journal.New(journal.Config{}), gh, &config.Config{}, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]string{} // labels by metric
	quoted := regexp.MustCompile("`([^`]+)`")
	for _, row := range regexp.MustCompile("(?m)^\\| `(\\w+)` \\| (?:counter|gauge|histogram) \\| (.*?) ?\\|").FindAllStringSubmatch(string(page), -1) {
		var labels []string
		for _, l := range quoted.FindAllStringSubmatch(row[2], -1) {
			labels = append(labels, l[1])
		}
		documented[row[1]] = strings.Join(labels, ",")
	}
	registered := map[string]string{}
	descs := make(chan *prometheus.Desc)
	go func() { m.Registry.Describe(descs); close(descs) }()
	for d := range descs {
		// A Desc tells its name and labels only in its text.
		text := regexp.MustCompile(`fqName: "(\w+)".*variableLabels: \{([^}]*)\}`).FindStringSubmatch(d.String())
		if text == nil {
			t.Fatalf("a description is not understood: %s", d)
		}
		if strings.HasPrefix(text[1], namespace) {
			registered[text[1]] = text[2]
		}
	}
	if len(registered) < 10 {
		t.Fatalf("only %v are registered?", registered)
	}
	for name, labels := range registered {
		if got, ok := documented[name]; !ok || got != labels {
			t.Errorf("docs/metrics.md says that %s has the labels [%s] (listed: %t), and it has [%s]", name, got, ok, labels)
		}
	}
	for name := range documented {
		if _, ok := registered[name]; !ok {
			t.Errorf("docs/metrics.md lists %s, which is not registered", name)
		}
	}
}

// Nobody looks for GitHub's refusal at the cloud.
func TestAFailureIsBookedOnTheSideThatFailed(t *testing.T) {
	m := newMetrics()
	for _, err := range []error{
		fmt.Errorf("provision: %w", &provisioner.GitHubError{Target: provisioner.Target{Owner: "octo"}, Err: provisioner.ErrRefused}),
		fmt.Errorf("provision: %w", provisioner.ErrRefused),
	} {
		for _, kind := range []provisioner.EventKind{provisioner.EventFailed, provisioner.EventHeld} {
			m.Observe(t.Context(), provisioner.Event{
				Kind: kind, RunnerType: "linux", Provider: "aws", Err: err, Reason: provisioner.ReasonOf(err, provisioner.RunnerType{Provider: "aws"}),
			})
		}
	}
	for _, system := range []string{"github", "aws"} {
		if n := testutil.ToFloat64(m.errors.WithLabelValues(system, "refused")); n != 1 {
			t.Errorf("%v errors of %s, want 1", n, system)
		}
		if n := testutil.ToFloat64(m.held.WithLabelValues("linux", system, "refused")); n != 1 {
			t.Errorf("%v jobs are held by %s, want 1", n, system)
		}
	}
}

func TestTheLimitOfATypeIsAMetricIfItHasOne(t *testing.T) {
	m := newMetrics()
	gh, err := github.New(github.Config{Token: provisioner.NewSecret("token")})
	if err != nil {
		t.Fatal(err)
	}
	cfg := &config.Config{Runners: []config.Runner{{RunnerType: provisioner.RunnerType{Name: "linux", Max: 50}}, {RunnerType: provisioner.RunnerType{Name: "mac"}}}}
	if err := Gauges(m, queue.NewMemory(0), journal.New(journal.Config{}), gh, cfg, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	want := `# HELP runner_provisioner_machines_max The most machines that a runner type may have at once, as the catalogue says; none if it says nothing.
# TYPE runner_provisioner_machines_max gauge
runner_provisioner_machines_max{type="linux"} 50
`
	if err := testutil.GatherAndCompare(m.Registry, strings.NewReader(want), "runner_provisioner_machines_max"); err != nil {
		t.Error(err)
	}
}
