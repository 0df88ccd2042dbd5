package config_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/datawire/github-runner-provisioner/adapters/internal/config"
)

var placed = regexp.MustCompile(`\Ac\.yaml:[1-9][0-9]*:[1-9][0-9]*: [^\n]+\z`)

func FuzzCatalogue(f *testing.F) {
	example, err := os.ReadFile(filepath.Join("..", "..", "..", "examples", "runners.yaml"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(example)
	for _, seed := range []string{
		"", "---\n", awsCatalogue, codemagicCatalogue, "runners: [&a {<<: [*a, *b]}, &b {<<: *a}]", "runners:\n  - {? name : a}\n", "%YAML 1.2\n---\na: !!map {}\n",
		"runners:\n- &x\n- *x\n- ? [a]\n  : b\n", "runners: |\n  a\n", "runners: >-\n\n", "- \"\\u12\"\n", "runners: [{labels: [.inf, .nan, 0x1f, 1e9, ~]}]", "\ufeff{}", "a: &\n", "*",
		"runners: [{Name: a}, {Name: a, _name: b}]", "runners:\n  - <<:\n    <<: {}\n", "runners: {a: b, a: c}\n...\n---\nx\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		types, faults := config.ParseCatalogue("c.yaml", content)
		for _, fault := range faults {
			if !placed.MatchString(fault) {
				t.Errorf("%q has no line and column, or more than one line", fault)
			}
		}
		if len(faults) > 0 {
			return
		}
		if len(types) == 0 {
			t.Error("no runner type, and no fault")
		}
		for _, r := range types {
			aws, codemagic := r.Provider == config.ProviderAWS && r.AWS != nil && r.Codemagic == nil, r.Provider == config.ProviderCodemagic && r.Codemagic != nil && r.AWS == nil
			if !aws && !codemagic || r.Name == "" || len(r.Labels) == 0 || r.MaxLifetime <= 0 || r.BootDeadline <= 0 || strings.TrimSpace(r.Name) != r.Name {
				t.Errorf("accepted %+v", r)
			}
		}
	})
}
