package config_test

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/datawire/github-runner-provisioner/adapters/internal/config"
)

// TestTheREADMEListsEveryVariable holds the README's table to the variables that are read, both
// ways, defaults included.
func TestTheREADMEListsEveryVariable(t *testing.T) {
	readme, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(readme), "\n## Configuration\n")
	section, _, _ = strings.Cut(section, "\n### ")
	listed := map[string]string{} // with what the table says of the default
	for _, row := range regexp.MustCompile(`(?m)^\| (.*?) \| (.*?) \|`).FindAllStringSubmatch(section, -1) {
		for _, name := range regexp.MustCompile("`([A-Z][A-Z0-9_]+)`").FindAllStringSubmatch(row[1], -1) {
			listed[name[1]] = row[2]
		}
	}
	var read []string
	for field := range reflect.TypeFor[config.Variables]().Fields() {
		name := field.Tag.Get("env")
		read = append(read, name)
		byDefault, ok := listed[name]
		if !ok && !strings.HasPrefix(name, "AWS_") { // the SDK's own, which the table sums up
			t.Errorf("the README's table does not list %s", name)
		}
		if want := field.Tag.Get("envDefault"); !strings.Contains(byDefault, want) {
			t.Errorf("the README says that the default of %s is %q, and it is %q", name, byDefault, want)
		}
	}
	for name := range listed {
		if !slices.Contains(read, name) {
			t.Errorf("the README lists %s, which nothing reads", name)
		}
	}
}
