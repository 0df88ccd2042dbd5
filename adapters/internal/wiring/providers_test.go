package wiring_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestEveryProviderHasItsPlaces is for whoever adds one: what launches machines is wired, held to
// the conformance suite, shown in the catalogue's example, and listed in the README.
func TestEveryProviderHasItsPlaces(t *testing.T) {
	const root = "../../../"
	read := func(path string) string {
		b, err := os.ReadFile(root + path)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	wired, catalogue, readme := read("adapters/internal/wiring/clouds.go"), read("examples/runners.yaml"), read("README.md")
	launch := regexp.MustCompile(`(?m)^func \(\w+ \*?\w+\) Launch\(`)
	named := regexp.MustCompile(`(?m)^const Name = "(\w+)"`)
	providers := 0
	for _, p := range list(t, module+"...") {
		dir, ours := strings.CutPrefix(p.ImportPath, module)
		if !ours || inKit(dir) || strings.HasPrefix(dir, "examples/") {
			continue
		}
		source, tests := sources(t, root+dir)
		if !launch.MatchString(source) {
			continue
		}
		providers++
		name := named.FindStringSubmatch(source)
		if name == nil {
			t.Errorf("%s launches machines, and does not say by what name the catalogue knows it (const Name)", dir)
			continue
		}
		for what, found := range map[string]bool{
			"is made in adapters/internal/wiring/clouds.go":                         strings.Contains(wired, `"`+p.ImportPath+`"`),
			"is held to provisionertest.TestProvider":                               strings.Contains(tests, "provisionertest.TestProvider("),
			"has a runner type in examples/runners.yaml, with provider: " + name[1]: regexp.MustCompile(`(?m)^ *provider: ` + name[1] + `\b`).MatchString(catalogue),
			"is in the README's list of packages":                                   strings.Contains(readme, "["+dir+"]("+dir+")"),
		} {
			if !found {
				t.Errorf("%s launches machines, so it should be that it %s", dir, what)
			}
		}
	}
	if providers < 2 {
		t.Fatalf("%d providers were found", providers)
	}
}

// sources are the texts of a folder's Go files and tests.
func sources(t *testing.T, dir string) (source, tests string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(f, "_test.go") {
			tests += string(b)
		} else {
			source += string(b)
		}
	}
	return source, tests
}
