package webhook_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/datawire/github-runner-provisioner/provisioner/webhook"
	"github.com/datawire/github-runner-provisioner/provisioner/webhook/webhooktest"
)

// unlisted are statuses that the contract's cases can't provoke, and how they are tested instead.
var unlisted = map[webhook.Status]string{
	webhook.StatusFailed: "a defect of ours: TestAPanicIsAnAnswer",
}

// TestEveryStatusHasACaseAndALineInTheREADME is for whoever adds one.
func TestEveryStatusHasACaseAndALineInTheREADME(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(readme), "\n## The webhook\n")
	section, _, _ = strings.Cut(section, "\n**Dry runs.**")
	provoked := map[webhook.Status]bool{}
	for _, c := range webhooktest.Cases("secret") {
		for _, s := range c.WantStatus {
			provoked[webhook.Status(s)] = true
		}
	}
	for status, code := range webhook.Codes {
		if !provoked[status] && unlisted[status] == "" {
			t.Errorf("no case of webhooktest provokes %s", status)
		}
		documented := false
		for line := range strings.Lines(section) {
			cells := strings.Split(line, "|")
			documented = documented || len(cells) > 3 && strings.Contains(cells[1], "`"+string(status)+"`") && strings.Contains(cells[2], fmt.Sprint(code))
		}
		if !documented {
			t.Errorf("the README's table does not list %s with its code %d", status, code)
		}
	}
}
