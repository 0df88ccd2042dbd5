package labels_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/datawire/github-runner-provisioner/labels"
)

func TestMatch(t *testing.T) {
	table, err := labels.NewTable(
		labels.Entry{Name: "ubuntu", Labels: []string{"self-hosted", "Linux", "arm64"}},
		labels.Entry{Name: "gpu", Labels: []string{"self-hosted", "linux", "arm64", "gpu"}},
		labels.Entry{Name: "mac", Labels: []string{"self-hosted", "macOS", "arm64"}},
		labels.Entry{Name: "bare", Labels: []string{"bare-metal"}},
		labels.Entry{Name: "größe", Labels: []string{"Größe-XL"}},
	)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		job  []string
		want string
	}{
		"all labels of a type":                         {[]string{"self-hosted", "linux", "arm64"}, "ubuntu"},
		"some labels of a type":                        {[]string{"linux"}, "ubuntu"},
		"the first type that fits wins":                {[]string{"self-hosted", "arm64"}, "ubuntu"},
		"a label that only a later type has":           {[]string{"linux", "gpu"}, "gpu"},
		"case does not count":                          {[]string{"SELF-HOSTED", "macos", "ARM64"}, "mac"},
		"surrounding blanks do not count":              {[]string{" macOS", "arm64\n"}, "mac"},
		"duplicates do not count":                      {[]string{"macOS", "MACOS"}, "mac"},
		"empty labels do not count":                    {[]string{"", "gpu", "  "}, "gpu"},
		"letters beyond ASCII fold too":                {[]string{"GRÖSSE-XL", "GRÖßE-xl"}, ""},
		"letters beyond ASCII match":                   {[]string{"GRÖßE-xl"}, "größe"},
		"labels spread over two types fit neither":     {[]string{"gpu", "macOS"}, ""},
		"a label that no type has":                     {[]string{"self-hosted", "windows"}, ""},
		"a label that GitHub's own machines have":      {[]string{"ubuntu-latest"}, ""},
		"self-hosted is not implied":                   {[]string{"self-hosted", "bare-metal"}, ""},
		"no label":                                     {nil, ""},
		"only empty labels":                            {[]string{"", " "}, ""},
		"part of a label is not the label":             {[]string{"lin"}, ""},
		"a label of more than 64 bytes":                {[]string{strings.Repeat("x", 65)}, ""},
		"more labels than fit on the stack, one wrong": {append(slices.Repeat([]string{"linux"}, 20), "macOS"), ""},
		"more labels than fit on the stack":            {slices.Repeat([]string{"linux"}, 20), "ubuntu"},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := table.Match(test.job)
			if got != test.want || ok != (test.want != "") {
				t.Errorf("Match(%q) = %q, %t, want %q", test.job, got, ok, test.want)
			}
		})
	}
}

func TestLacksSaysWhatEachTypeLacks(t *testing.T) {
	table, err := labels.NewTable(
		labels.Entry{Name: "ubuntu", Labels: []string{"self-hosted", "Linux", "arm64"}},
		labels.Entry{Name: "gpu", Labels: []string{"self-hosted", "linux", "gpu"}},
	)
	if err != nil {
		t.Fatal(err)
	}
	for want, job := range map[string][]string{
		"[{ubuntu [GPU]} {gpu [arm64]}]":     {"GPU", " linux", "arm64 ", ""},
		"[{ubuntu [x]} {gpu [arm64 x]}]":     {"arm64", "x"},
		"[{gpu [arm64]}]":                    {"arm64"},
		"[]":                                 {"LINUX"},
		"[{ubuntu [x x]} {gpu [x x arm64]}]": {"x", "x", "arm64"},
	} {
		if got := fmt.Sprint(table.Lacks(job)); got != want {
			t.Errorf("Lacks(%q) = %s, want %s", job, got, want)
		}
	}
	for want, job := range map[string][]string{
		"ubuntu lacks GPU, s; gpu lacks s, arm64": {"GPU", "s", "arm64"},
		"":                                   {"linux"},
		"ubuntu lacks x; gpu lacks arm64, x": {"arm64", "x"},
	} {
		if got := table.Explain(job); got != want {
			t.Errorf("Explain(%q) = %s, want %s", job, got, want)
		}
	}
}

func TestMatchInALongTable(t *testing.T) {
	const n = 200
	entries := make([]labels.Entry, n)
	for i := range entries {
		entries[i] = labels.Entry{Name: fmt.Sprint("type ", i), Labels: []string{"linux", fmt.Sprint("Own-", i), strings.Repeat("Long", 20)}}
	}
	table, err := labels.NewTable(entries...)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		job := []string{"Linux", fmt.Sprint("own-", i), strings.Repeat("LONG", 20)}
		if got, ok := table.Match(job); !ok || got != entries[i].Name {
			t.Errorf("Match(%q) = %q, %t, want %q", job, got, ok, entries[i].Name)
		}
	}
	if got, _ := table.Match([]string{"linux"}); got != "type 0" {
		t.Errorf("the first of %d types that fit is %q, want type 0", n, got)
	}
}

func TestEmptyTableMatchesNothing(t *testing.T) {
	table, err := labels.NewTable()
	if err != nil {
		t.Fatal(err)
	}
	if name, ok := table.Match([]string{"linux"}); ok {
		t.Errorf("matched %q", name)
	}
}

func TestNewTableReportsAllFaultsAtOnce(t *testing.T) {
	table, err := labels.NewTable(
		labels.Entry{Name: "", Labels: []string{"a"}},
		labels.Entry{Name: "twin", Labels: []string{"a"}},
		labels.Entry{Name: "twin", Labels: []string{" "}},
	)
	if err == nil || table != nil {
		t.Fatalf("NewTable = %v, %v, want an error", table, err)
	}
	for _, want := range []string{"entry 1 has no name", `"twin" is used twice`, `entry 3, "twin", has no labels`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say that %s", err, want)
		}
	}
}

func TestMatchAllocatesNothing(t *testing.T) {
	table, job := fiftyTypes(t)
	if n := testing.AllocsPerRun(100, func() { table.Match(job) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzMatch(f *testing.F) {
	f.Add("a,b;b,c;c", "B")
	f.Add("self-hosted,linux,arm64;self-hosted,macOS,arm64", "macos, ARM64")
	f.Add("größe;GRÖßE,x", "Größe,X")
	f.Add("\u212a;k", "K")
	f.Add("\xff;\xfe", "\xff")
	f.Add(strings.Repeat("Aa", 40)+",x;y", "X,"+strings.Repeat("aA", 40))
	f.Fuzz(func(t *testing.T, catalogue, runsOn string) {
		var entries []labels.Entry
		for i, types := range strings.Split(catalogue, ";") {
			if e := (labels.Entry{Name: fmt.Sprint(i), Labels: strings.Split(types, ",")}); labels.NewSet(e.Labels...).Len() > 0 {
				entries = append(entries, e)
			}
		}
		table, err := labels.NewTable(entries...)
		if err != nil {
			t.Fatal(err)
		}
		job := strings.Split(runsOn, ",")
		got, ok := table.Match(job)
		want, wantOK := naive(entries, job)
		if got != want || ok != wantOK {
			t.Errorf("Match(%q) among %q = %q, %t, want %q, %t", job, entries, got, ok, want, wantOK)
		}
	})
}

// naive says the rule once more, as plainly as possible.
func naive(entries []labels.Entry, job []string) (string, bool) {
	fold := func(all []string) (folded []string) {
		for _, l := range all {
			if l = strings.ToLower(strings.TrimSpace(l)); l != "" {
				folded = append(folded, l)
			}
		}
		return folded
	}
	wanted := fold(job)
	for _, e := range entries {
		has := fold(e.Labels)
		if len(wanted) > 0 && !slices.ContainsFunc(wanted, func(l string) bool { return !slices.Contains(has, l) }) {
			return e.Name, true
		}
	}
	return "", false
}

// fiftyTypes returns a table of 50 types with 4 labels each, and the labels of a job that the last
// one serves.
func fiftyTypes(tb testing.TB) (table *labels.Table, job []string) {
	tb.Helper()
	entries := make([]labels.Entry, 50)
	for i := range entries {
		entries[i] = labels.Entry{Name: fmt.Sprint("type-", i), Labels: []string{"self-hosted", "Linux", "ARM64", fmt.Sprint("Size-", i)}}
	}
	table, err := labels.NewTable(entries...)
	if err != nil {
		tb.Fatal(err)
	}
	return table, []string{"self-hosted", "Linux", "ARM64", "size-49"}
}

func BenchmarkMatch(b *testing.B) {
	table, job := fiftyTypes(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := table.Match(job); !ok {
			b.Fatal("no match")
		}
	}
}

func ExampleNewTable() {
	table, err := labels.NewTable(
		labels.Entry{Name: "ubuntu-arm64", Labels: []string{"self-hosted", "linux", "arm64", "ubuntu-arm64"}},
		labels.Entry{Name: "macOS-arm64", Labels: []string{"self-hosted", "macOS", "arm64", "macOS-arm64"}},
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, runsOn := range [][]string{{"macOS-arm64"}, {"self-hosted", "ARM64"}, {"ubuntu-latest"}} {
		name, ok := table.Match(runsOn)
		fmt.Printf("%v: %q %t\n", runsOn, name, ok)
	}
	// Output:
	// [macOS-arm64]: "macOS-arm64" true
	// [self-hosted ARM64]: "ubuntu-arm64" true
	// [ubuntu-latest]: "" false
}
