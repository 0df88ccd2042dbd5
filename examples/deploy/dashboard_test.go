package deploy_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// That its queries are answered is tested where the metrics are, in adapters/internal/wiring.
const dashboardFile = "examples/deploy/monitoring/runner-provisioner.json"

func dashboard(t *testing.T) object {
	t.Helper()
	var d object
	if err := json.Unmarshal([]byte(source(t, dashboardFile)), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestEveryPanelSaysWhatItShowsAndInWhichUnit(t *testing.T) {
	panels := list(dashboard(t)["panels"])
	if len(panels) < 20 {
		t.Fatalf("the dashboard has %d panels", len(panels))
	}
	ids := map[string]bool{}
	for _, p := range panels {
		title, kind := text(at(p, "title")), text(at(p, "type"))
		if id := text(at(p, "id")); id == "" || ids[id] {
			t.Errorf("%s: its id %q is another one's, or missing", title, id)
		}
		ids[text(at(p, "id"))] = true
		if !slices.Contains([]string{"row", "timeseries", "stat", "table", "bargauge"}, kind) {
			t.Errorf("%s is a %s, which not every Grafana has", title, kind)
		}
		if title == "" || kind != "row" && text(at(p, "description")) == "" {
			t.Errorf("panel %s has the title %q and the description %q", text(at(p, "id")), title, text(at(p, "description")))
		}
		if kind == "row" {
			continue
		}
		unit := text(at(p, "fieldConfig", "defaults", "unit"))
		if unit == "" || len(list(at(p, "targets"))) == 0 {
			t.Errorf("%s has no unit or no query", title)
		}
		for _, target := range list(at(p, "targets")) {
			if want := unitOf(text(at(target, "expr"))); want != "" && unit != want {
				t.Errorf("%s has the unit %s, want %s for %s", title, unit, want, text(at(target, "expr")))
			}
		}
	}
}

// unitOf is what a query's numbers are, as Grafana names it; "" if they have no unit of their own.
func unitOf(expr string) string {
	switch {
	case strings.HasPrefix(expr, "60 * "):
		return "suffix: /min"
	case strings.Contains(expr, "_bytes"):
		return "bytes"
	case regexp.MustCompile(`_seconds(_bucket|_sum)?\b`).MatchString(expr), strings.Contains(expr, "time()"):
		return "s"
	case strings.Contains(expr, "} / "), strings.Contains(expr, ") / "):
		return "percentunit"
	}
	return ""
}

func TestPanelsLieBesideEachOther(t *testing.T) {
	taken := map[[2]int]string{}
	for _, p := range list(dashboard(t)["panels"]) {
		title := text(at(p, "title"))
		cell := func(key string) int { n, _ := at(p, "gridPos", key).(float64); return int(n) }
		if cell("w") < 1 || cell("h") < 1 || cell("x")+cell("w") > 24 {
			t.Errorf("%s lies at %v", title, at(p, "gridPos"))
		}
		for x := cell("x"); x < cell("x")+cell("w"); x++ {
			for y := cell("y"); y < cell("y")+cell("h"); y++ {
				if other := taken[[2]int{x, y}]; other != "" && other != title {
					t.Fatalf("%s lies on %s", title, other)
				}
				taken[[2]int{x, y}] = title
			}
		}
	}
}

// An import asks for the data source, and one by file takes Grafana's own.
func TestTheDashboardNamesNobodysDataSource(t *testing.T) {
	d := dashboard(t)
	found := 0
	walk(d, func(o object) {
		source, ok := o["datasource"]
		if !ok {
			return
		}
		found++
		if uid := text(at(source, "uid")); uid != "${datasource}" {
			t.Errorf("%s has the data source %q", text(o["title"])+text(o["name"])+text(o["refId"]), uid)
		}
	})
	variable := slices.ContainsFunc(list(at(d, "templating", "list")), func(v any) bool {
		return text(at(v, "name")) == "datasource" && text(at(v, "type")) == "datasource" && text(at(v, "query")) == "prometheus"
	})
	if !variable || found < 20 || d["id"] != nil {
		t.Errorf("the variable is there: %v; %d things have a data source; the id is %v", variable, found, d["id"])
	}
}

// What is no reason to wait in the queue needs no advice.
var doNotWait = []string{"booting", "online", "gone", "no_type", "no_runner", "not_allowed", "given_up", "never_came_up"}

func TestTheDashboardSaysWhatToDoAboutEveryReason(t *testing.T) {
	advice := map[string]bool{}
	walk(dashboard(t), func(o object) {
		if text(at(o, "matcher", "options")) != "what to do" {
			return
		}
		walk(o, func(o object) {
			if options, ok := o["options"].(object); ok {
				for because, to := range options {
					advice[because] = text(at(to, "text")) != ""
				}
			}
		})
	})
	reasons := regexp.MustCompile(`Because\w+\s+Because = "(\w+)"`).FindAllStringSubmatch(source(t, "provisioner/reason.go"), -1)
	if len(reasons) < 20 {
		t.Fatalf("only %v?", reasons)
	}
	for _, m := range reasons {
		if advice[m[1]] == slices.Contains(doNotWait, m[1]) {
			t.Errorf("advice on %s: %v", m[1], advice[m[1]])
		}
		delete(advice, m[1])
	}
	for because := range advice {
		t.Errorf("%s is no reason", because)
	}
}
