package main

import (
	"context"
	"os/exec"
	"strings"
	"testing"
)

func TestWhatIsNotUnderstoodStartsNoServer(t *testing.T) {
	t.Parallel()
	c := newClouds(t)
	for _, args := range [][]string{{"--port=80"}, {"sreve"}, {"serve", "now"}, {""}} {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		cmd := exec.CommandContext(ctx, binary, args...)
		for k, v := range c.env {
			cmd.Env = append(cmd.Env, k+"="+v)
		}
		out, _ := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != 2 || strings.Count(string(out), "\n") != 1 || !strings.Contains(string(out), "serve") {
			t.Fatalf("%q: exit code %d, and not one line that says what there is:\n%s", args, code, out)
		}
	}
}

func TestServeIsWhatTheServerDoesAnyway(t *testing.T) {
	cmd := exec.Command(binary, "serve")
	cmd.Env = []string{"HOME=" + t.TempDir()}
	if out, _ := cmd.CombinedOutput(); cmd.ProcessState.ExitCode() != 1 || !strings.Contains(string(out), "GITHUB_TOKEN: ") {
		t.Errorf("exit code %d, and the settings were not read:\n%s", cmd.ProcessState.ExitCode(), out)
	}
}
