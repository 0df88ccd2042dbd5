package deploy_test

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// beside are variables that are read elsewhere than in adapters/internal/config, with the file that
// reads them.
var beside = map[string]string{"DEAD_LETTER_URL": "adapters/lambda/settings.go"}

func TestEveryVariableIsOneThatTheServiceReads(t *testing.T) {
	read := map[string]bool{}
	for _, m := range regexp.MustCompile(`env:"([A-Z_]+)"`).FindAllStringSubmatch(source(t, "adapters/internal/config/environment.go"), -1) {
		read[m[1]] = true
	}
	if len(read) < 10 {
		t.Fatalf("only %v are read?", read)
	}
	for name, file := range beside {
		if !strings.Contains(source(t, file), `"`+name+`"`) {
			t.Errorf("%s does not read %s", file, name)
		}
		read[name] = true
	}
	for where, names := range map[string][]string{
		"lambda/template.yaml":           templateVariables(t),
		"kubernetes/deployment.yaml":     slices.Collect(maps.Keys(podVariables(t))),
		"kubernetes/secret.example.yaml": slices.Collect(maps.Keys(secretVariables(t))),
		"container/Dockerfile":           slices.Collect(maps.Keys(imageVariables(t))),
	} {
		if len(names) == 0 {
			t.Errorf("%s sets nothing", where)
		}
		for _, name := range names {
			if !read[name] {
				t.Errorf("%s sets %s, which nothing reads", where, name)
			}
		}
	}
}

func templateVariables(t *testing.T) (names []string) {
	for _, e := range readTemplate(t).environments() {
		names = slices.AppendSeq(names, maps.Keys(e.(object)))
	}
	return names
}
