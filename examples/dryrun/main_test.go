package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"unicode/utf8"
)

func output(t *testing.T, verbose bool) string {
	t.Helper()
	var out strings.Builder
	if err := run(&out, verbose); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestTheOutputIsOneScreen(t *testing.T) {
	lines := strings.Split(strings.TrimSuffix(output(t, false), "\n"), "\n")
	if len(lines) > 40 {
		t.Errorf("%d lines, want at most 40", len(lines))
	}
	for _, l := range lines {
		if n := utf8.RuneCountInString(l); n > 100 {
			t.Errorf("%d columns, want at most 100: %s", n, l)
		}
	}
}

func TestEveryDeliveryIsShownWithItsDecision(t *testing.T) {
	got := output(t, false)
	for _, want := range []string{
		`
1. A job for an Ubuntu machine: runs-on [self-hosted, ubuntu-arm64]
   answer     200 planned: ubuntu-arm64
   because    ubuntu-arm64 has all its labels; macOS-arm64 lacks ubuntu-arm64
   runner     grp-ubuntu-arm64-289782451-1, registered at GitHub for this job alone
   aws        RunInstances t4g.xlarge, else m7g.xlarge; 50 GiB encrypted; ends itself after the job

`, `
2. A job for a Mac: runs-on [macOS-arm64]
   answer     200 planned: macOS-arm64
   because    ubuntu-arm64 lacks macOS-arm64; macOS-arm64 has all its labels
   runner     grp-macOS-arm64-289782451-1, registered at GitHub for this job alone
   codemagic  workflow github-runner of your-app, branch main, on mac_mini_m2; 6 h at most

`, `
3. A job for an x64 machine: runs-on [self-hosted, linux, x64]
   answer     200 ignored: no runner type serves the labels [self-hosted, linux, x64]
   because    ubuntu-arm64 lacks x64; macOS-arm64 lacks linux, x64

`, `
4. The first job again, signed with a wrong secret: runs-on [self-hosted, ubuntu-arm64]
   answer     401 unauthorized: X-Hub-Signature-256 does not fit the body and the secret

`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the output lacks%s", want)
		}
	}
	if t.Failed() {
		t.Log(got)
	}
}

func TestVerboseAddsTheWholeRequests(t *testing.T) {
	rest := output(t, true)
	for line := range strings.Lines(output(t, false)) {
		var found bool
		if _, rest, found = strings.Cut(rest, line); !found {
			t.Fatalf("-v lacks, or has in another place: %s", line)
		}
	}
	var requests []string
	for _, after := range strings.Split(output(t, true), "   request    ")[1:] {
		var r json.RawMessage
		if err := json.NewDecoder(strings.NewReader(after)).Decode(&r); err != nil {
			t.Fatal(err)
		}
		requests = append(requests, string(r))
	}
	wants := [][]string{
		{`"ImageId": "resolve:ssm:`, `"HttpTokens": "required"`, `"Value": "grp-ubuntu-arm64-289782451-1"`, `"user_data"`},
		{`"workflowId": "github-runner"`, `"ACTIONS_RUNNER_INPUT_JITCONFIG": "[redacted]"`, `"job-289782451"`},
	}
	if len(requests) != len(wants) {
		t.Fatalf("%d requests, want %d", len(requests), len(wants))
	}
	for i, all := range wants {
		for _, want := range all {
			if !strings.Contains(requests[i], want) {
				t.Errorf("request %d lacks %s:\n%s", i+1, want, requests[i])
			}
		}
	}
}

func TestNoSecretIsShown(t *testing.T) {
	for _, verbose := range []bool{false, true} {
		got := output(t, verbose)
		for what, text := range map[string]string{
			"the webhook's secret":         secret,
			"the wrong secret":             guess,
			"a signature":                  "sha256=",
			"the token of Codemagic":       codemagicAccess,
			"the runner's configuration":   "xxxxxxxx",
			"the start-up script":          "#!/",
			"the start-up script, encoded": "IyEv",
		} {
			if strings.Contains(got, text) {
				t.Errorf("verbose %t: the output has %s", verbose, what)
			}
		}
	}
}

func TestTheNextStepsExist(t *testing.T) {
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	_, next, _ := strings.Cut(output(t, false), "\nNext:\n")
	targets := 0
	for line := range strings.Lines(next) {
		command, _, _ := strings.Cut(strings.TrimSpace(line), "   ")
		_, args, ok := strings.Cut(command, "make ")
		if !ok {
			continue
		}
		targets++
		target, _, _ := strings.Cut(args, " ")
		if !strings.Contains(string(makefile), "\n"+target+": ") {
			t.Errorf("%s: the Makefile has no target %s", command, target)
		}
	}
	if targets != 3 {
		t.Errorf("%d make commands, want 3:\n%s", targets, next)
	}
}
