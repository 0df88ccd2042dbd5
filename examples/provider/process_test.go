//go:build linux || darwin

package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "runner" { // the process that TestOneJobGoesTheWholeWay starts
		main()
		return
	}
	os.Exit(m.Run())
}

func TestOneJobGoesTheWholeWay(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	var words []string
	for line := range strings.Lines(out.String()) {
		words = append(words, strings.Fields(line)[0])
	}
	const want = "queued planned launched served online completed ended a"
	if got := strings.Join(words, " "); got != want || !strings.Contains(out.String(), "a configuration of 4200 bytes") {
		t.Errorf("the lines begin with %q, want %q:\n%s", got, want, &out)
	}
}

func TestAServiceThatStartsAgainKnowsItsMachines(t *testing.T) {
	dir, l := t.TempDir(), launch(time.Minute)
	first, second := newProvider(t, dir, "sleep", "600"), newProvider(t, dir, "sleep", "600")
	m, err := first.Launch(t.Context(), l)
	if err != nil {
		t.Fatal(err)
	}
	before := number(t, dir, m.ID)
	again, err := second.Launch(t.Context(), l)
	if err != nil || again.ID != m.ID || number(t, dir, m.ID) != before {
		t.Errorf("the same launch returned %+v, error %v, process %d; want machine %s, process %d",
			again, err, number(t, dir, m.ID), m.ID, before)
	}
	if err := second.Terminate(t.Context(), m); err != nil {
		t.Error(err)
	}
	if _, err := first.Launch(t.Context(), l); !errors.Is(err, provisioner.ErrMachineEnded) {
		t.Errorf("the launch of the ended machine: error %v, want ErrMachineEnded", err)
	}
}

func TestALaunchThatDiedMidwayIsOver(t *testing.T) {
	dir, l := t.TempDir(), launch(time.Minute)
	p := newProvider(t, dir, "sleep", "600")
	if err := os.Mkdir(filepath.Join(dir, machineID(l)), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Launch(t.Context(), l); !errors.Is(err, provisioner.ErrMachineEnded) {
		t.Errorf("error %v, want ErrMachineEnded", err)
	}
	if all, err := p.List(t.Context()); len(all) != 0 || err != nil {
		t.Errorf("List shows %v, error %v; want nothing", all, err)
	}
}

func TestAMachineWhoseMarksCantBeReadMakesNoShortList(t *testing.T) {
	dir, l := t.TempDir(), launch(time.Minute)
	p := newProvider(t, dir, "true")
	if _, err := p.Launch(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, machineID(l), "machine.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if all, err := p.List(t.Context()); err == nil {
		t.Errorf("List shows %v and no error", all)
	}
}

func TestAMachineEndsWithItsCommandAndAtTheEndOfItsLifetime(t *testing.T) {
	for name, c := range map[string]struct {
		command  string
		lifetime time.Duration
	}{
		"the command ends and leaves a process behind": {`sleep 600 > "$0" &`, time.Minute},
		"the lifetime ends":                            {`sleep 600 > "$0" & wait`, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			pipe := filepath.Join(t.TempDir(), "pipe") // that ends when no process of the machine has it any more
			if err := syscall.Mkfifo(pipe, 0o600); err != nil {
				t.Fatal(err)
			}
			end, err := os.OpenFile(pipe, os.O_RDONLY|syscall.O_NONBLOCK, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = end.Close() }()
			l := launch(c.lifetime)
			p := newProvider(t, t.TempDir(), "sh", "-c", c.command, pipe)
			if _, err := p.Launch(t.Context(), l); err != nil {
				t.Fatal(err)
			}
			if _, err := over(t.Context(), p, l.Job); err != nil {
				t.Fatal(err)
			}
			if err := end.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadAll(end); err != nil {
				t.Errorf("a process outlives its machine: %v", err)
			}
		})
	}
}

func TestAJobSeesNothingOfTheServicesEnvironment(t *testing.T) {
	t.Setenv("GITHUB_TOKEN", "secret-of-the-service")
	dir, l := t.TempDir(), launch(time.Minute)
	p := newProvider(t, dir, "env")
	if _, err := p.Launch(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	if _, err := over(t.Context(), p, l.Job); err != nil {
		t.Fatal(err)
	}
	log, err := os.ReadFile(filepath.Join(dir, machineID(l), "log"))
	if err != nil {
		t.Fatal(err)
	}
	if text := string(log); !strings.Contains(text, "ACTIONS_RUNNER_INPUT_JITCONFIG=configuration") || strings.Contains(text, "secret-of") {
		t.Errorf("the job's environment:\n%s", text)
	}
}

func TestAProgramThatIsMissingIsRefused(t *testing.T) {
	p := newProvider(t, t.TempDir(), "no-such-program")
	if _, err := p.Launch(t.Context(), launch(time.Minute)); !errors.Is(err, provisioner.ErrRefused) {
		t.Errorf("Launch: error %v, want ErrRefused", err)
	}
	if _, err := p.Plan(t.Context(), launch(time.Minute)); !errors.Is(err, provisioner.ErrRefused) {
		t.Errorf("Plan: error %v, want ErrRefused", err)
	}
}

func newProvider(t *testing.T, dir string, command ...string) *Provider {
	t.Helper()
	p, err := New(dir, map[string][]string{"local": command})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func launch(lifetime time.Duration) provisioner.Launch {
	j := provisioner.Job{ID: 42, RunAttempt: 1, Repository: provisioner.Repository{Owner: "octo", Name: "shop"}}
	return provisioner.Launch{
		Job: j, Type: provisioner.RunnerType{Name: "local", MaxLifetime: lifetime}, JITConfig: provisioner.NewSecret("configuration"),
		Runner: provisioner.Runner{ID: 7, Name: provisioner.RunnerName("local", j)},
	}
}

func number(t *testing.T, dir, id string) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, id, "pid"))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(string(text))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}
