package provisionertest

import (
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestAPowerThatDoesNothingIsToldSo(t *testing.T) {
	toys := map[string]func(idle string) *toy{
		"with keys":          func(idle string) *toy { return &toy{keys: true, idle: idle} },
		"that looks":         func(idle string) *toy { return &toy{idle: idle} },
		"that looks in vain": func(idle string) *toy { return &toy{lag: 3 * time.Second, idle: idle} },
	}
	for _, c := range []struct {
		method string
		saying string
		cases  []string // how the cases begin that order it
	}{
		{"LoseAnswers", "no answer was lost", []string{"a lost answer", "several lost", "a refusal after", "a lack of room after", "no log", "a call that lost its answer"}},
		{"DropCalls", "no call was dropped", []string{"calls that are lost", "a launch whose time ends", "a plan at a cloud that can't", "a lost call is"}},
		{"Refuse", "no call was refused", []string{"a cloud that refuses", "a refusal after", "a plan at a cloud that refuses"}},
		{"Quote", "no call was answered by what was sent", []string{"a cloud that repeats"}},
		{"Exhaust", "no call was told that there is no room", []string{"a cloud without room", "a lack of room after"}},
		{"Throttle", "no call was throttled", []string{"a call that is throttled", "a cloud that throttles"}},
		{"FailLists", "", []string{"a list that fails"}},
		{"End", "is still alive", []string{"the launch of a machine that is over", "Find finds", "List lists", "Terminate ends"}},
	} {
		for name, newToy := range toys {
			t.Run(c.method+" of a provider "+name, func(t *testing.T) {
				got := complaints(t, func() Harness { return newToy(c.method) })
				cases := c.cases
				if c.method == "FailLists" && name != "with keys" {
					cases = append(cases, "a lost answer", "several lost", "a call that lost its answer") // which then can't tell that a launch has looked
				}
				wantComplaints(t, got, cases, c.method, c.saying)
			})
		}
	}
}

func TestAPowerThatIsAskedAndDoesNothingIsToldSo(t *testing.T) {
	for method, cases := range map[string][]string{
		"LoseAnswers": {"a lost answer", "several lost", "a refusal after", "a lack of room after", "a call that lost its answer"},
		"DropCalls":   {"calls that are lost", "a launch whose time ends", "a plan at a cloud that can't", "a lost call is"},
		"Refuse":      {"a cloud that refuses", "a plan at a cloud that refuses"},
		"Quote":       {"a cloud that repeats"},
		"Exhaust":     {"a cloud without room", "a lack of room after"},
		"Throttle":    {"a call that is throttled", "a cloud that throttles"},
		"FailLists":   {"a list that fails"},
	} {
		t.Run(method, func(t *testing.T) {
			got := complaints(t, func() Harness { return &toy{keys: true, deaf: method} })
			wantComplaints(t, got, cases, method, "")
		})
	}
}

// complaints are what the cases say that fail, by name.
func complaints(t *testing.T, newHarness func() Harness) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	for _, c := range conformance {
		synctest.Test(t, func(t *testing.T) {
			if faults, _ := c.try(t.Context(), newHarness()); len(faults) > 0 {
				all[c.name] = faults
			}
		})
	}
	return all
}

// wantComplaints holds that these cases complain and no others, and that every line of theirs is
// about this power of the harness.
func wantComplaints(t *testing.T, got map[string][]string, cases []string, method, saying string) {
	t.Helper()
	for _, begins := range cases {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(got)), func(name string) bool { return strings.HasPrefix(name, begins) }) {
			t.Errorf("%q... does not complain", begins)
		}
	}
	for name, lines := range got {
		if !slices.ContainsFunc(cases, func(begins string) bool { return strings.HasPrefix(name, begins) }) {
			t.Errorf("%q complains too: %s", name, lines)
		}
		for _, line := range lines {
			who, what, _ := strings.Cut(line, " had no effect: ")
			if !strings.HasPrefix(who, "the harness's ") || !strings.Contains(who, method) || !strings.Contains(what, saying) {
				t.Errorf("%q says %q, want that the harness's %s had no effect: %s", name, line, method, saying)
			}
		}
	}
}

// bare are harnesses and providers without optional powers, and what the skipped cases say.
var bare = map[string]struct {
	harness func() Harness
	skips   map[string]int // how often go test says that this is missing
}{
	"TheHarness": {
		func() Harness { return struct{ Harness }{&toy{keys: true}} },
		map[string]int{
			"the harness has no LoseAnswers(*Fault): ": 5, "the harness has no DropCalls(*Fault): ": 4, "the harness has no Refuse(*Fault): ": 3,
			"the harness has no Quote(*Fault): ": 1, "the harness has no Exhaust(*Fault): ": 2, "the harness has no Throttle(*Fault): ": 2, "the harness has no FailLists(*Fault): ": 1,
			"the harness has no Log() string: ": 1, "the provider has no ": 0, "--- SKIP: ": 17, "--- PASS: ": 12,
		},
	},
	"TheProvider": {
		func() Harness { return &toy{keys: true, powerless: true} },
		map[string]int{
			"the provider has no Find: ": 1, "the provider has no List: ": 2, "the provider has no Terminate: ": 1, "the provider has no Plan: ": 3,
			"the harness has no ": 0, "--- SKIP: ": 7, "--- PASS: ": 22,
		},
	},
	"TheLog": {
		func() Harness { return &toy{keys: true, idle: "Log"} },
		map[string]int{"the harness's Log() is empty": 1, "--- SKIP: ": 1, "--- PASS: ": 28},
	},
}

func TestWhatCanNotRunIsSkippedInSight(t *testing.T) {
	if name := os.Getenv("SUITE_OF"); name != "" {
		TestProvider(t, func(*testing.T) Harness { return bare[name].harness() })
		return
	}
	for name, c := range bare {
		t.Run(name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.v", "-test.run=^TestWhatCanNotRunIsSkippedInSight$")
			cmd.Env = append(os.Environ(), "SUITE_OF="+name)
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Errorf("the suite failed: %v", err)
			}
			cases := regexp.MustCompile(`(?m)^    --- `).FindAll(out, -1)
			if len(cases) != len(conformance) {
				t.Errorf("go test tells of %d cases, want %d", len(cases), len(conformance))
			}
			text := strings.ReplaceAll(string(out), "\n--- PASS: ", "\n") // the test that runs them all
			for saying, want := range c.skips {
				if n := strings.Count(text, saying); n != want {
					t.Errorf("go test says %q %d times, want %d", saying, n, want)
				}
			}
			if t.Failed() {
				t.Logf("%s", out)
			}
		})
	}
}
