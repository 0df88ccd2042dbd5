//go:build linux || darwin

package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest"
)

func TestTheProviderConforms(t *testing.T) {
	provisionertest.TestProvider(t, newHarness)
}

// harness is the provider with real processes. What can go wrong with them is that the system
// refuses to start one, and that it is full. A call to it can't get lost and is not throttled, so
// the harness has no such powers, and the suite skips those cases.
type harness struct {
	t        *testing.T
	provider *Provider

	refuse, exhaust *provisionertest.Fault

	mu      sync.Mutex
	started []*exec.Cmd
}

func newHarness(t *testing.T) provisionertest.Harness {
	h := &harness{t: t}
	p, err := New(t.TempDir(), map[string][]string{h.Type().Name: {"sleep", "600"}})
	if err != nil {
		t.Fatal(err)
	}
	p.start = h.start
	h.provider = p
	t.Cleanup(func() {
		for _, c := range h.started {
			h.End(filepath.Base(c.Dir))
		}
	})
	return h
}

func (h *harness) Type() provisioner.RunnerType {
	return provisioner.RunnerType{Name: "local", Labels: []string{"self-hosted", "local"}, Provider: Name, MaxLifetime: time.Hour}
}

func (h *harness) Provider() provisioner.Provider   { return h.provider }
func (h *harness) Refuse(f *provisionertest.Fault)  { h.refuse = f }
func (h *harness) Exhaust(f *provisionertest.Fault) { h.exhaust = f }

// start is where the provider calls its cloud, the operating system.
func (h *harness) start(c *exec.Cmd) error {
	switch {
	case h.refuse.Hit():
		return &fs.PathError{Op: "fork/exec", Path: c.Path, Err: syscall.EACCES}
	case h.exhaust.Hit():
		return &fs.PathError{Op: "fork/exec", Path: c.Path, Err: syscall.EAGAIN}
	}
	if given(c) == "" || slices.ContainsFunc(c.Args, func(arg string) bool { return strings.Contains(arg, given(c)) }) {
		h.t.Error("the configuration is not in the environment alone")
	}
	if err := c.Start(); err != nil {
		return err
	}
	ended <- c
	h.mu.Lock()
	defer h.mu.Unlock()
	h.started = append(h.started, c)
	return nil
}

// ended takes processes that somebody has to wait for. That is done outside the suite's bubbles,
// whose clocks would stand still as long as a process lives.
var ended = make(chan *exec.Cmd)

func init() {
	go func() {
		for c := range ended {
			go func() { _ = c.Wait() }()
		}
	}()
}

// given is the configuration in a process's environment.
func given(c *exec.Cmd) string {
	for _, v := range c.Env {
		if value, ok := strings.CutPrefix(v, "ACTIONS_RUNNER_INPUT_JITCONFIG="); ok {
			return value
		}
	}
	return ""
}

// Machines are the processes that were started, with the marks in their directories.
func (h *harness) Machines() (all []provisionertest.CloudMachine) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range h.started {
		var m provisioner.Machine
		text, err := os.ReadFile(filepath.Join(c.Dir, "machine.json"))
		if err == nil {
			err = json.Unmarshal(text, &m)
		}
		if err != nil {
			h.t.Error(err)
		}
		m.ID, m.State = filepath.Base(c.Dir), provisioner.MachineEnded
		if h.locked(c.Dir, syscall.LOCK_SH|syscall.LOCK_NB) {
			m.State = provisioner.MachineAlive
		}
		all = append(all, provisionertest.CloudMachine{Machine: m, Given: given(c)})
	}
	return all
}

// End ends a machine as its script does, and waits until its lock is free.
func (h *harness) End(id string) {
	for _, c := range h.started {
		if filepath.Base(c.Dir) == id && h.locked(c.Dir, syscall.LOCK_SH|syscall.LOCK_NB) {
			if err := syscall.Kill(-c.Process.Pid, syscall.SIGKILL); err != nil {
				h.t.Error(err)
			}
			h.locked(c.Dir, syscall.LOCK_SH)
		}
	}
}

func (h *harness) locked(dir string, how int) bool {
	f, err := os.Open(filepath.Join(dir, "lock"))
	if err != nil {
		h.t.Error(err)
		return false
	}
	defer func() { _ = f.Close() }()
	err = syscall.Flock(int(f.Fd()), how)
	if err != nil && !errors.Is(err, syscall.EWOULDBLOCK) {
		h.t.Error(err)
	}
	return err != nil
}
