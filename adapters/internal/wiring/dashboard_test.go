package wiring

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const dashboardFile = "../../../examples/deploy/monitoring/runner-provisioner.json"

// A dashboardQuery is what one panel or variable asks Prometheus.
type dashboardQuery struct {
	where, expr string
	labels      []string // which every series of the answer must have
}

// dashboardQueries returns them all, with a value in the place of each variable.
func dashboardQueries(t *testing.T) (queries []dashboardQuery) {
	t.Helper()
	content, err := os.ReadFile(dashboardFile)
	if err != nil {
		t.Fatal(err)
	}
	type panel struct {
		Title   string
		Targets []struct{ Expr, LegendFormat string }
	}
	var dashboard struct {
		Panels []struct {
			panel
			Panels []panel // of a row that is closed
		}
		Templating struct {
			List []struct{ Name, Type, Definition string }
		}
	}
	if err := json.Unmarshal(content, &dashboard); err != nil {
		t.Fatal(err)
	}
	values := []string{"$__rate_interval", "5m"}
	asked := regexp.MustCompile(`^label_values\((.+), (\w+)\)$`)
	for _, v := range dashboard.Templating.List {
		if v.Type == "datasource" {
			continue
		}
		m := asked.FindStringSubmatch(v.Definition)
		if m == nil {
			t.Fatalf("variable %s: %s is not understood", v.Name, v.Definition)
		}
		queries = append(queries, dashboardQuery{"variable " + v.Name, m[1], m[2:]})
		values = append(values, "$"+v.Name, map[string]string{"job": scrapedJob, "type": "linux"}[v.Name])
	}
	legend := regexp.MustCompile(`\{\{\s*(\w+)\s*\}\}`)
	for _, row := range dashboard.Panels {
		for _, p := range append(row.Panels, row.panel) {
			for _, target := range p.Targets {
				q := dashboardQuery{where: "panel " + p.Title, expr: target.Expr}
				for _, m := range legend.FindAllStringSubmatch(target.LegendFormat, -1) {
					q.labels = append(q.labels, m[1])
				}
				queries = append(queries, q)
			}
		}
	}
	if len(queries) < 20 {
		t.Fatalf("the dashboard has %d queries", len(queries))
	}
	for i := range queries {
		q := &queries[i]
		// What a panel shows in the place of nothing would hide that nothing was found.
		q.expr = strings.NewReplacer(values...).Replace(strings.TrimSuffix(q.expr, " or vector(0)"))
		if unknown := regexp.MustCompile(`\$[a-zA-Z_]\w*`).FindString(q.expr); unknown != "" {
			t.Errorf("%s: there is no variable %s", q.where, unknown)
		}
	}
	return queries
}

// words are PromQL's own, as far as the dashboard uses them.
var words = regexp.MustCompile(`^(sum|max|min|by|or|unless|offset|rate|increase|time|label_replace|histogram_quantile)$`)

// Prometheus takes a label that nobody has for one that is empty.
func TestTheDashboardNamesOnlyMetricsAndLabelsThatExist(t *testing.T) {
	labels := map[string][]string{}
	for _, s := range everythingScraped(t) {
		labels[s.name] = append(labels[s.name], s.labels...)
	}
	literal := regexp.MustCompile(`"[^"]*"|\b\d+[smhd]\b`)
	for _, q := range dashboardQueries(t) {
		var known, others []string
		for _, w := range regexp.MustCompile(`[a-zA-Z_]\w*`).FindAllString(literal.ReplaceAllString(q.expr, ""), -1) {
			if of, ok := labels[w]; ok {
				known = append(known, of...)
			} else if !words.MatchString(w) {
				others = append(others, w)
			}
		}
		for _, w := range append(others, q.labels...) {
			if !slices.Contains(known, w) {
				t.Errorf("%s: %s is neither a metric nor a label of this query's metrics: %s", q.where, w, q.expr)
			}
		}
	}
}

// Prometheus's own engine evaluates every query against what the real registry served. promtool is
// a Debian package; as a Go tool it would bring all of Prometheus, and its engine as a library the
// same into the module.
func TestEveryQueryOfTheDashboardIsAnswered(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is missing (apt-get install prometheus): the dashboard's queries are not tried")
	}
	queries := dashboardQueries(t)
	var checks []map[string]any
	from := map[string]dashboardQuery{} // by check
	check := func(q dashboardQuery, expr, labels string) {
		expr += " > bool 0"
		from[expr] = q
		checks = append(checks, map[string]any{"expr": expr, "eval_time": "2h", "exp_samples": []any{map[string]any{"labels": labels, "value": 1}}})
	}
	for _, q := range queries {
		numbers := "(" + q.expr + ") > -Inf"
		check(q, "count("+numbers+")", "{}")
		for _, label := range q.labels { // a series without it would count under {}
			check(q, fmt.Sprintf(`count by (seen) (label_replace(%s, "seen", "yes", %q, ".+"))`, numbers, label), `{seen="yes"}`)
		}
	}
	var input []map[string]string
	for _, s := range everythingScraped(t) {
		input = append(input, map[string]string{"series": s.String(), "values": s.values})
	}
	file, err := json.Marshal(map[string]any{ // which is YAML
		"evaluation_interval": "1m", "tests": []any{map[string]any{"interval": "1m", "input_series": input, "promql_expr_test": checks}},
	})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "queries.yaml")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), promtool, "test", "rules", path).CombinedOutput()
	if err == nil {
		return
	}
	for expr, q := range from {
		if strings.Contains(string(out), strconv.Quote(expr)) {
			t.Errorf("%s: no series, no number, or one without %v: %s", q.where, q.labels, q.expr)
		}
	}
	if !t.Failed() {
		t.Errorf("promtool: %v\n%s", err, out)
	}
}
