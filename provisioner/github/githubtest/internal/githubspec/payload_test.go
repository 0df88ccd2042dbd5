package githubspec_test

import (
	"os"
	"strings"
	"testing"

	"github.com/datawire/github-runner-provisioner/provisioner/github/githubtest/internal/githubspec"
)

func TestCheckPayload(t *testing.T) {
	example, err := os.ReadFile("../../testdata/workflow_job.json")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ action, old, new, want string }{
		"GitHub's own example passes": {"queued", "", "", ""},
		"an action of another name":   {"in_progress", "", "", "action"},
		"an action that there is not": {"paused", "", "", "no such action"},
		"a missing element":           {"queued", `"head_sha"`, `"head_sah"`, "head_sha"},
		"a wrong type":                {"queued", `"run_attempt": 1`, `"run_attempt": "1"`, "run_attempt"},
		"an unknown status":           {"queued", `"status": "queued"`, `"status": "asleep"`, "status"},
		"no JSON":                     {"queued", `{`, `<`, "invalid character"},
	} {
		t.Run(name, func(t *testing.T) {
			body := string(example)
			if c.old != "" {
				body = strings.Replace(body, c.old, c.new, 1)
				if body == string(example) {
					t.Fatalf("the example has no %s", c.old)
				}
			}
			tb := &recorder{TB: t}
			githubspec.CheckPayload(tb, c.action, []byte(body))
			faults := strings.Join(tb.faults, "\n")
			// What is wrong comes before the body itself.
			before, _, _ := strings.Cut(faults, body)
			if c.want == "" && faults != "" || !strings.Contains(before, c.want) {
				t.Errorf("faults %q, want %q", before, c.want)
			}
		})
	}
}
