package config_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/datawire/github-runner-provisioner/adapters/internal/config"
)

// Each line repeats the one before it four times, which would make 4^29 values of the last.
func TestACatalogueThatGrowsWithoutEndIsRefusedAtOnce(t *testing.T) {
	for name, c := range map[string]struct{ line, want string }{
		"aliases": {"  - &a%[1]d {labels: [*a%[2]d, *a%[2]d, *a%[2]d, *a%[2]d]}\n", "too many values, with those that aliases repeat"},
		"merges":  {"  - &a%[1]d {<<: [*a%[2]d, *a%[2]d, *a%[2]d, *a%[2]d]}\n", "too many values, with those that aliases repeat"},
		"lists":   {"  - " + strings.Repeat("[", 60) + strings.Repeat("]", 60) + " # %d %d\n", "nested too deeply"},
	} {
		t.Run(name, func(t *testing.T) {
			text := "runners:\n  - &a0 {}\n"
			for i := range 29 {
				text += fmt.Sprintf(c.line, i+1, i)
			}
			began := time.Now()
			_, faults := config.ParseCatalogue("c", []byte(text))
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("took %v", took)
			}
			if !strings.Contains(strings.Join(faults, "\n"), c.want) {
				t.Errorf("no %q in %d faults", c.want, len(faults))
			}
		})
	}
}
