package awsrunner

import (
	"flag"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

var update = flag.Bool("update", false, "write the golden files anew")

// What runners do.
const (
	jobStarted = `"$ACTIONS_RUNNER_HOOK_JOB_STARTED"; `
	ready      = `: > "$out/ready"; `
	works      = `while [ ! -e "$out/waiting" ] || ps -p "$(cat "$out/waiting")" > /dev/null; do command -p sleep 0.05; done; `
	outlives   = `until [ -e "$out/shutdown" ]; do command -p sleep 0.05; done; `
)

func TestStartScript(t *testing.T) {
	for _, c := range []struct {
		name, behaviour string
		passes          string // the wait whose seconds pass at once when the runner is ready
		change          func(x *start)
		runs            bool // the runner is started at all
		log             string
		shutdowns       int
	}{
		{name: "a machine whose job succeeds shuts down", behaviour: jobStarted + "exit 0", runs: true, log: "status 0", shutdowns: 1},
		{name: "one whose job or runner fails does too", behaviour: jobStarted + "exit 3", runs: true, log: "status 3", shutdowns: 1},
		{name: "one whose runner is refused does at once", behaviour: "echo 'the registration is gone'; exit 1", runs: true, log: "registration is gone", shutdowns: 1},
		{
			name: "one for which no job comes does", behaviour: ready + "command -p sleep 3600", passes: "1", runs: true, log: "no job came", shutdowns: 1,
			change: func(x *start) { x.Idle = 2 },
		},
		{ // the runner works until the one who waits for its job is gone
			name: "one whose job is under way is not idle", behaviour: jobStarted + ready + works + "echo done", passes: "1", runs: true, log: "done", shutdowns: 1,
			change: func(x *start) { x.Idle = 2 },
		},
		{
			name: "one at the end of its lifetime does, busy or not, and again when the job ends after that", behaviour: jobStarted + ready + outlives, passes: "7", runs: true,
			log: "lifetime of 7 s is over", shutdowns: 2, change: func(x *start) { x.Lifetime = 7 },
		},
		{
			name: "one with the wrong archive runs nothing of it", log: "SHA-256 is", shutdowns: 1,
			change: func(x *start) { x.SHA256 = strings.Repeat("0", 64) },
		},
		{
			name: "one that can't download does", log: "curl", shutdowns: 1,
			change: func(x *start) { x.URL = "file:///nowhere" },
		},
		{
			name: "one without its user does", log: "status", shutdowns: 1,
			change: func(x *start) { x.User = "no such user" },
		},
	} {
		for _, system := range []string{Linux, MacOS} {
			t.Run(system+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				m := newTestMachine(t, c.behaviour, c.passes)
				if system == MacOS {
					for _, tool := range []string{"shasum", "sudo"} {
						if _, err := exec.LookPath(tool); err != nil && (tool != "sudo" || os.Geteuid() == 0) {
							t.Skipf("SKIPPED: %s, which every Mac has, is missing", tool)
						}
					}
				}
				if system == Linux && c.name == "one without its user does" && os.Geteuid() == 0 {
					m.x.User = "-" // useradd refuses it
				}
				if c.change != nil && (m.x.User != "-") {
					c.change(&m.x)
				}
				log := m.run(t, system)
				if got := strings.Count(m.read("shutdown"), "-h now"); got != c.shutdowns {
					t.Errorf("%d shutdowns, want %d; the log:\n%s", got, c.shutdowns, log)
				}
				if !strings.Contains(log, c.log) {
					t.Errorf("the log lacks %q:\n%s", c.log, log)
				}
				saw := m.read("saw")
				if (saw != "") != c.runs {
					t.Fatalf("the runner was started: %v; the log:\n%s", saw != "", log)
				}
				if strings.Contains(log, jit) {
					t.Error("the configuration is in the log")
				}
				if !c.runs {
					return
				}
				for _, want := range []string{"user=" + m.x.User + "\n", "jit=" + jit + "\n", "args=\n"} {
					if !strings.Contains(saw, want) {
						t.Errorf("the runner saw\n%s, want %q", saw, want)
					}
				}
				if files := m.read("files"); files != "" {
					t.Errorf("the configuration is in the files %s", files)
				}
				if ps := m.read("ps"); ps != "" {
					t.Errorf("the configuration is in a command line: %s", ps)
				}
			})
		}
	}
}

func TestStartScriptForgetsTheUserData(t *testing.T) {
	m := newTestMachine(t, "exit 0", "")
	for _, f := range []string{"instance/user-data.txt", "instance/scripts/part-001", "instances/i-1/user-data.txt.i", "instances/i-1/userdata"} {
		name := filepath.Join(m.x.State, f)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(jit), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	m.run(t, Linux)
	m.run(t, MacOS)
	_ = filepath.WalkDir(m.x.State, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			t.Errorf("%s is left", path)
		}
		return nil
	})
}

func script(t *testing.T, system string) string {
	t.Helper()
	s, err := startScript(provisioner.Launch{
		Type: provisioner.RunnerType{Name: "linux", MaxLifetime: 6 * time.Hour}, Runner: provisioner.Runner{Name: "grp-linux-1-1"}, JITConfig: provisioner.NewSecret(jit),
	}, Settings{OS: system}.withDefaults(), provisioner.RunnerDownload{URL: "https://example.com/runner.tar.gz", SHA256: strings.Repeat("AB", 32), Version: "2.338.0"})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStartScriptGolden(t *testing.T) {
	for _, system := range []string{Linux, MacOS} {
		name := filepath.Join("testdata", "start-"+system+".sh")
		got := script(t, system)
		if *update {
			if err := os.MkdirAll("testdata", 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s differs from its golden file; if that is meant: go test ./awsrunner -update", system)
		}
	}
}

func TestShellcheckFindsNothingInTheScripts(t *testing.T) {
	if _, err := exec.LookPath("shellcheck"); err != nil {
		t.Skip("SKIPPED: shellcheck is missing (apt-get install shellcheck)")
	}
	for _, system := range []string{Linux, MacOS} {
		cmd := exec.CommandContext(t.Context(), "shellcheck", "--shell=bash", "-")
		cmd.Stdin = strings.NewReader(script(t, system))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s:\n%s", system, out)
		}
	}
}

func TestCloudInitTakesTheScriptForAScript(t *testing.T) {
	// `cloud-init schema` knows cloud-config alone and refuses scripts; what cloud-init goes by at
	// boot is the first line.
	if !strings.HasPrefix(script(t, Linux), "#!/bin/bash\n") {
		t.Error("cloud-init runs user data only if it begins with #!")
	}
}

func FuzzQuoteMakesOneWordThatMeansItself(f *testing.F) {
	for _, s := range []string{"", "a b", `it's`, `$(touch /tmp/x)`, "`id`", `\`, "'; rm -rf /; '", "new\nline", "\x00", "ünï", `"`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		out, err := exec.Command("/bin/sh", "-c", "printf %s "+quote(s)).Output()
		if want := strings.ReplaceAll(s, "\x00", ""); err != nil || string(out) != want {
			t.Errorf("%q became %q, %v", want, out, err)
		}
	})
}

func TestTheScriptsFitIntoUserData(t *testing.T) {
	for _, system := range []string{Linux, MacOS} {
		if n := len(script(t, system)) - len(jit) + 4400; n > maxUserData-2048 {
			t.Errorf("%s: %d bytes with a real configuration leave little of EC2's %d", system, n, maxUserData)
		}
	}
}
