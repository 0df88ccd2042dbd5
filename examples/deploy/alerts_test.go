package deploy_test

import (
	"flag"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write prometheusrule.yaml anew")

const (
	alertsFile = "kubernetes/monitoring/alerts.yaml"
	ruleFile   = "kubernetes/monitoring/prometheusrule.yaml"
)

// metrics are the service's, with their labels.
func metrics(t *testing.T) map[string][]string {
	t.Helper()
	text := ""
	for _, name := range []string{"metrics", "gauges", "journal"} {
		text += source(t, "adapters/internal/wiring/"+name+".go")
	}
	found := map[string][]string{}
	quoted := regexp.MustCompile(`"(\w+)"`)
	labels := func(list string) (names []string) {
		for _, m := range quoted.FindAllStringSubmatch(list, -1) {
			names = append(names, m[1])
		}
		return names
	}
	vector := regexp.MustCompile(`(?s)New(Counter|Gauge|Histogram)(Vec|Func|)\(.*?Name: "(\w+)"(.*?)\n\s*\}(?:, \[\]string\{([^}]*)\}|, func|\))`)
	for _, m := range vector.FindAllStringSubmatch(text, -1) {
		name, names := "runner_provisioner_"+m[3], labels(m[5])
		found[name] = names
		if m[1] == "Histogram" {
			found[name+"_bucket"] = append(slices.Clone(names), "le")
			found[name+"_count"], found[name+"_sum"] = names, names
		}
	}
	for _, m := range regexp.MustCompile(`BuildFQName\(namespace, "", "(\w+)"\), "[^"]*", \[\]string\{([^}]*)\}`).FindAllStringSubmatch(text, -1) {
		found["runner_provisioner_"+m[1]] = labels(m[2])
	}
	if len(found) < 10 {
		t.Fatalf("the source has only %v?", slices.Sorted(maps.Keys(found)))
	}
	return found
}

func TestTheAlertsLookAtMetricsThatExist(t *testing.T) {
	exist := metrics(t)
	series := regexp.MustCompile(`(runner_provisioner_\w+)(?:\{([^}]*)\})?`)
	for _, file := range []string{alertsFile, "kubernetes/monitoring/alerts_test.yaml"} {
		found := series.FindAllStringSubmatch(source(t, "examples/deploy/"+file), -1)
		if len(found) < 10 {
			t.Fatalf("%s looks at %d series", file, len(found))
		}
		for _, m := range found {
			labels, ok := exist[m[1]]
			if !ok {
				t.Errorf("%s: there is no metric %s", file, m[1])
				continue
			}
			for _, l := range regexp.MustCompile(`(\w+)=`).FindAllStringSubmatch(m[2], -1) {
				if l[1] != "instance" && !slices.Contains(labels, l[1]) { // which Prometheus adds
					t.Errorf("%s: %s has no label %s, only %v", file, m[1], l[1], labels)
				}
			}
		}
	}
}

func TestEveryAlertIsTested(t *testing.T) {
	tests := source(t, "examples/deploy/kubernetes/monitoring/alerts_test.yaml")
	for _, g := range list(readYAML(t, alertsFile)[0]["groups"]) {
		for _, r := range list(at(g, "rules")) {
			name := text(at(r, "alert"))
			quiet := strings.Contains(tests, "alertname: "+name+"}")
			fires := regexp.MustCompile(`alertname: ` + name + `\n\s+exp_alerts:`).MatchString(tests)
			if !quiet || !fires {
				t.Errorf("%s: seen to be quiet %v, seen to fire %v", name, quiet, fires)
			}
			for _, part := range [][]string{{"labels", "severity"}, {"annotations", "summary"}, {"annotations", "description"}} {
				if text(at(r, part...)) == "" {
					t.Errorf("%s has no %s", name, part[1])
				}
			}
		}
	}
}

func TestTheOperatorsRulesAreTheSame(t *testing.T) {
	if *update {
		writeRule(t)
	}
	if diff := cmp.Diff(readYAML(t, alertsFile)[0], readYAML(t, ruleFile)[0]["spec"]); diff != "" {
		t.Errorf("run this test with -update (-%s +%s):\n%s", alertsFile, ruleFile, diff)
	}
}

func writeRule(t *testing.T) {
	_, groups, ok := strings.Cut(source(t, "examples/deploy/"+alertsFile), "\ngroups:\n")
	if !ok {
		t.Fatal("the alerts have no groups")
	}
	var b strings.Builder
	b.WriteString(`# The rules of alerts.yaml for the Prometheus operator. A test keeps the two equal;
# go test ./examples/deploy -run Operator -update writes this file anew.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: runner-provisioner
spec:
  groups:
`)
	for line := range strings.Lines(groups) {
		if line != "\n" {
			b.WriteString("  ")
		}
		b.WriteString(line)
	}
	if err := os.WriteFile(ruleFile, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestPromtoolFindsTheRulesGood(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is missing (apt-get install prometheus): the alert rules are not tried")
	}
	dir := filepath.Dir(alertsFile)
	for _, args := range [][]string{{"check", "rules", "alerts.yaml"}, {"test", "rules", "alerts_test.yaml"}} {
		c := exec.CommandContext(t.Context(), promtool, args...)
		c.Dir = dir
		if out, err := c.CombinedOutput(); err != nil {
			t.Errorf("promtool %v: %v\n%s", args, err, out)
		}
	}
}
