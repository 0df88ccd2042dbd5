// Package codemagic_test runs the scripts of codemagic.yaml, as Codemagic would, against a stub of
// GitHub's runner.
package codemagic_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
)

type workflow struct {
	InstanceType string `yaml:"instance_type"`
	MaxDuration  string `yaml:"max_build_duration"`
	Triggering   any    `yaml:"triggering"`
	Environment  struct {
		Vars map[string]string `yaml:"vars"`
	} `yaml:"environment"`
	Scripts []struct {
		Name   string `yaml:"name"`
		Script string `yaml:"script"`
	} `yaml:"scripts"`
}

func readWorkflow(t *testing.T) workflow {
	t.Helper()
	raw, err := os.ReadFile("codemagic.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Workflows map[string]workflow `yaml:"workflows"`
	}
	if err := yaml.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	w, ok := file.Workflows["github-runner"]
	if !ok || len(file.Workflows) != 1 {
		t.Fatalf("workflows %v, want github-runner alone", file.Workflows)
	}
	return w
}

func TestTheWorkflowIsWhatTheProvisionerExpects(t *testing.T) {
	w := readWorkflow(t)
	if w.Triggering != nil {
		t.Error("the workflow is triggered by something other than the API")
	}
	if w.InstanceType != "mac_mini_m2" {
		t.Errorf("instance type %q", w.InstanceType)
	}
	if w.MaxDuration == "" || w.MaxDuration != w.Environment.Vars["MAX_BUILD_MINUTES"] {
		t.Errorf("max_build_duration %q and MAX_BUILD_MINUTES %q differ", w.MaxDuration, w.Environment.Vars["MAX_BUILD_MINUTES"])
	}
}

const jit = "eyJydW5uZXIiOiJqdXN0LWluLXRpbWUifQ=="

// What the stub's listener does, after it wrote down its arguments and its configuration. The
// script's time does not pass before it is ready.
const (
	ready          = `: >"$HOME/ready"; `
	runsAJob       = `echo "2026-11-23 10:00:00Z: Running job: build"; ` + ready + `command -p sleep 0.1; echo "2026-11-23 10:00:02Z: Job build completed with result: Succeeded"`
	isRefused      = ready + `echo "Failed to create a session. The runner registration has been deleted from the server, please re-configure."`
	isTooOld       = ready + `echo "The runner version is deprecated and cannot receive messages."; exit 7`
	conflicts      = `echo "A session for this runner already exists."; ` + ready + `command -p sleep 3600`
	waits          = `echo "Listening for Jobs"; ` + ready + `command -p sleep 3600`
	runsAnEndless  = `echo "2026-11-23 10:00:00Z: Running job: build"; ` + ready + `command -p sleep 3600`
	stopsOnRequest = `trap 'echo "stopped on request"; exit 0' TERM; : >"$HOME/slow"; ` + ready + `while :; do command -p sleep 0.1; done`
)

// The clock of a build: sleeping sets it forward, when the runner is ready and the last line of its
// log is in the build's. It takes a moment, or as long as it says if the runner needs that.
const (
	sleepStub = `until [ -e "$HOME/ready" ] && { [ ! -s runner.log ] || grep -qxFe "$(command -p tail -n 1 runner.log)" "$HOME/output"; }; do
  command -p sleep 0.02
done
echo $(($(cat "$HOME/clock") + $1)) >"$HOME/clock"
if [ -e "$HOME/slow" ]; then command -p sleep "$1"; else command -p sleep 0.02; fi`
	dateStub = `[ "$*" = +%s ] || exit 64; cat "$HOME/clock"`
)

func TestABuildRunsExactlyOneJob(t *testing.T) {
	for name, test := range map[string]struct {
		runner    string // what the stub does
		variables map[string]string
		sum       string // instead of the archive's
		fails     bool
		says      string
		ran       bool // whether the runner was started
	}{
		"a job runs to its end": {runner: runsAJob, ran: true, says: "Job build completed with result: Succeeded"},
		"the registration is refused": {
			runner: isRefused, ran: true, fails: true, says: "This machine ran no job.",
		},
		"the release is too old": {
			runner: isTooOld, ran: true, fails: true, says: "The runner version is deprecated",
		},
		"another machine has the configuration": {
			runner: conflicts, ran: true, fails: true, says: "Ending the runner: another machine uses this configuration.",
		},
		"no job comes": {
			runner: waits, variables: map[string]string{"IDLE_MINUTES": "0"}, ran: true, fails: true, says: "Ending the runner: no job came",
		},
		"the lifetime ends during the job": {
			runner: runsAnEndless, variables: map[string]string{"RUNNER_MAX_LIFETIME": "2"}, ran: true, fails: true,
			says: "Ending the runner: its lifetime of 2 s is over.",
		},
		"the build's time ends during the job": {
			runner: runsAnEndless, variables: map[string]string{"MAX_BUILD_MINUTES": "3"}, ran: true, fails: true,
			says: "Ending the runner: its lifetime of 0 s is over.",
		},
		"the runner is asked to stop before it is killed": {
			runner: stopsOnRequest, variables: map[string]string{"IDLE_MINUTES": "0"}, ran: true, fails: true, says: "stopped on request",
		},
		"the sum is wrong": {
			runner: runsAJob, sum: strings.Repeat("0", 64), fails: true, says: "FAILED",
		},
		"there is no sum": {
			runner: runsAJob, variables: map[string]string{"RUNNER_SHA256": ""}, fails: true, says: "No release of the runner",
		},
		"the download is gone": {
			runner: runsAJob, variables: map[string]string{"RUNNER_DOWNLOAD_URL": "{server}/gone"}, fails: true, says: "404",
		},
		"no release arrived, and none is pinned": {
			runner: runsAJob, variables: map[string]string{"RUNNER_DOWNLOAD_URL": "", "RUNNER_SHA256": ""}, fails: true, says: "No release of the runner",
		},
		"no release arrived, and one is pinned": {
			runner: runsAJob, ran: true, says: "Job build completed with result: Succeeded", variables: map[string]string{
				"RUNNER_DOWNLOAD_URL": "", "RUNNER_SHA256": "", "PINNED_RUNNER_URL": "{server}/runner.tar.gz", "PINNED_RUNNER_SHA256": "{sum}",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBuild(t, test.runner)
			if test.sum != "" {
				b.variables["RUNNER_SHA256"] = test.sum
			}
			for k, v := range test.variables {
				b.variables[k] = strings.NewReplacer("{server}", b.server, "{sum}", b.sum).Replace(v)
			}
			out, failed := b.run(t)
			if failed != test.fails {
				t.Errorf("failed = %t, want %t", failed, test.fails)
			}
			if !strings.Contains(out, test.says) {
				t.Errorf("the log does not say %q:\n%s", test.says, out)
			}
			clock, err := os.ReadFile(filepath.Join(b.home, "clock"))
			if seconds, _ := strconv.Atoi(strings.TrimSpace(string(clock))); err != nil || seconds > 20 {
				t.Errorf("it took %d s, %v: it did not end at once", seconds, err)
			}
			arguments, err := os.ReadFile(filepath.Join(b.home, "arguments"))
			if ran := err == nil; ran != test.ran {
				t.Fatalf("the runner was started: %t, want %t", ran, test.ran)
			}
			if strings.Contains(out, jit) || strings.Contains(string(arguments), jit) {
				t.Errorf("the configuration is in the log or among the arguments:\n%s", out)
			}
			if test.ran {
				if got, _ := os.ReadFile(filepath.Join(b.home, "configuration")); string(got) != jit+"\n" {
					t.Errorf("the runner got the configuration %q", got)
				}
			}
		})
	}
}

// build is one run of the workflow, on a home directory of its own.
type build struct {
	home, server, sum string
	variables         map[string]string
}

func newBuild(t *testing.T, runner string) *build {
	t.Helper()
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("no bash here")
	}
	b := &build{home: t.TempDir()}
	archive := pack(t, map[string]string{"run.sh": "#!/bin/bash\n" +
		`echo "$0 $*" >>"$HOME/arguments"` + "\n" +
		`printenv ACTIONS_RUNNER_INPUT_JITCONFIG >>"$HOME/configuration"` + "\n" +
		runner + "\n"})
	sum := sha256.Sum256(archive)
	b.sum = hex.EncodeToString(sum[:])
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/runner.tar.gz" {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(archive)
	}))
	t.Cleanup(server.Close)
	b.server = server.URL
	stub(t, filepath.Join(b.home, "bin"), "shasum", `[ "$1 $2" = "-a 256" ] || exit 64; shift 2; exec sha256sum "$@"`)
	stub(t, filepath.Join(b.home, "bin"), "sleep", sleepStub)
	stub(t, filepath.Join(b.home, "bin"), "date", dateStub)
	if err := os.WriteFile(filepath.Join(b.home, "clock"), []byte("0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.variables = map[string]string{
		"ACTIONS_RUNNER_INPUT_JITCONFIG": jit, "RUNNER_NAME": "grp-macOS-arm64-1-1", "GITHUB_REPO_OWNER": "octo", "GITHUB_REPO_NAME": "app",
		"GITHUB_RUNNER_LABELS": "self-hosted,macOS,arm64", "RUNNER_MAX_LIFETIME": "21600",
		"RUNNER_DOWNLOAD_URL": b.server + "/runner.tar.gz", "RUNNER_SHA256": b.sum,
	}
	return b
}

// run runs the workflow's scripts, one after the other until one fails.
func (b *build) run(t *testing.T) (output string, failed bool) {
	t.Helper()
	w := readWorkflow(t)
	environment := []string{"HOME=" + b.home, "PATH=" + filepath.Join(b.home, "bin") + ":" + os.Getenv("PATH")}
	for _, variables := range []map[string]string{w.Environment.Vars, b.variables} {
		for k, v := range variables {
			environment = append(environment, k+"="+v)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute) // for a script that hangs
	defer cancel()
	copied, err := os.Create(filepath.Join(b.home, "output"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = copied.Close() }()
	var log strings.Builder
	for i, step := range w.Scripts {
		path := filepath.Join(b.home, "step"+string(rune('1'+i)))
		writeProgram(t, path, step.Script)
		cmd := exec.CommandContext(ctx, path)
		cmd.Env, cmd.Dir = environment, b.home
		cmd.WaitDelay = 5 * time.Second // what holds the output open longer has outlived the build
		cmd.Stdout = io.MultiWriter(&log, copied)
		cmd.Stderr = cmd.Stdout
		err := cmd.Run()
		if errors.Is(err, exec.ErrWaitDelay) {
			t.Errorf("%s: a process outlived the script", step.Name)
		}
		if err != nil {
			return log.String(), true
		}
	}
	return log.String(), false
}

func stub(t *testing.T, dir, name, script string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	writeProgram(t, filepath.Join(dir, name), "#!/bin/bash\n"+script+"\n")
}

func writeProgram(t *testing.T, path, text string) {
	t.Helper()
	syscall.ForkLock.RLock() // a file that a child inherited open for writing can't be executed
	defer syscall.ForkLock.RUnlock()
	if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
}

func pack(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	archive := tar.NewWriter(zip)
	for name, content := range files {
		if err := archive.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(content))}); err != nil {
			t.Fatal(err)
		}
		if _, err := archive.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(archive.Close(), zip.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
