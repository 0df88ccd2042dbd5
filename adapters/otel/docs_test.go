package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/datawire/github-runner-provisioner/provisioner/journal"
)

func TestTheDocumentationNamesEverySpanAndAttribute(t *testing.T) {
	data, err := os.ReadFile("../../docs/traces.md")
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	for k := deliver; k <= run; k++ {
		if !strings.Contains(text, "\n| `"+k.String()+"` |") {
			t.Errorf("docs/traces.md lacks the stage %s", k)
		}
	}
	j := job(t, journal.Ended, "created@0 ended@1")
	keys := []string{string(outcomeKey), string(detailKey), string(timesKey)}
	for _, a := range attributes(j) {
		keys = append(keys, string(a.Key))
	}
	for _, key := range keys {
		if !strings.Contains(text, "`"+key+"`") {
			t.Errorf("docs/traces.md lacks the attribute %s", key)
		}
	}
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "printf ") {
			continue
		}
		out, err := exec.CommandContext(t.Context(), "sh", "-c", line).Output()
		j.RunAttempt = 1
		if want := identityOf(j).trace.String(); err != nil || strings.TrimSpace(string(out)) != want {
			t.Errorf("%s says %s, want %s (%v)", line, out, want, err)
		}
		return
	}
	t.Error("docs/traces.md does not say how a trace is found")
}
