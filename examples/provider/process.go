//go:build linux || darwin

package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// script is the machine: it runs the command, and ends the whole process group when the command has
// ended or its lifetime, in seconds, is over. It alone keeps file 3 open, the lock. The lock tells
// whether it lives, which its number can't: the system gives numbers again.
const script = `
(sleep "$0"; kill -KILL 0) 3>&- &
"$@" 3>&-
kill -KILL 0
`

// run starts the process of a machine whose directory is new. The lock comes first and the process
// last, so whoever reads the marks of a machine can rely on its lock.
func (p *Provider) run(m provisioner.Machine, l provisioner.Launch, command []string) error {
	lock, err := p.create(m.ID, "lock")
	if err != nil {
		return err
	}
	defer func() { _ = lock.Close() }() // the process has its own
	if err := flock(lock, syscall.LOCK_EX); err != nil {
		return err
	}
	log, err := p.create(m.ID, "log")
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }() // the process has its own
	if err := p.mark(m); err != nil {
		return err
	}
	seconds := strconv.Itoa(int(cmp.Or(l.Type.MaxLifetime, 6*time.Hour).Seconds()))
	// No context: the machine outlives the launch, and the service.
	c := exec.Command("/bin/sh", append([]string{"-c", script, seconds}, command...)...) //nolint:gosec // the operator's command
	c.Dir = filepath.Join(p.root.Name(), m.ID)
	// Only this: a job must not see the service's secrets, and everybody sees arguments (ps).
	c.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"),
		"ACTIONS_RUNNER_INPUT_JITCONFIG=" + l.JITConfig.Reveal(),
	}
	c.Stdout, c.Stderr, c.ExtraFiles = log, log, []*os.File{lock}
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.start(c); err != nil {
		return err
	}
	// A service that is killed right here leaves a machine that only its lifetime ends.
	number := strconv.Itoa(c.Process.Pid)
	if err := p.root.WriteFile(filepath.Join(m.ID, "pid"), []byte(number), 0o600); err != nil {
		_ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL)
		return err
	}
	return nil
}

// start starts a process, and collects it when it ends if the service still runs then.
func start(c *exec.Cmd) error {
	if err := c.Start(); err != nil {
		return err
	}
	go func() { _ = c.Wait() }()
	return nil
}

// mark writes the marks of a machine, whole or not at all.
func (p *Provider) mark(m provisioner.Machine) error {
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	file := filepath.Join(m.ID, "machine.json")
	if err := p.root.WriteFile(file+".new", text, 0o600); err != nil {
		return err
	}
	return p.root.Rename(file+".new", file)
}

// alive reports whether a machine's process lives.
func (p *Provider) alive(id string) (bool, error) {
	lock, err := p.root.Open(filepath.Join(id, "lock"))
	if err != nil {
		return false, err
	}
	defer func() { _ = lock.Close() }()
	err = flock(lock, syscall.LOCK_SH|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return true, nil
	}
	return false, err
}

// kill ends a machine's process group, and returns when its process is gone.
func (p *Provider) kill(id string) error {
	if alive, err := p.alive(id); err != nil || !alive {
		return err
	}
	text, err := p.root.ReadFile(filepath.Join(id, "pid"))
	if err != nil {
		return fmt.Errorf("%w: %v", provisioner.ErrUnavailable, err) //nolint:errorlint // not to be taken for a machine that does not exist
	}
	group, err := strconv.Atoi(string(text))
	if err != nil || group <= 1 {
		return fmt.Errorf("the process number is %q", text)
	}
	// The process lives, so the number is still its own.
	if err := syscall.Kill(-group, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	lock, err := p.root.Open(filepath.Join(id, "lock"))
	if err != nil {
		return err
	}
	defer func() { _ = lock.Close() }()
	return flock(lock, syscall.LOCK_SH)
}

// lock keeps out all other launches with this root, in this process and in others.
func (p *Provider) lock() (unlock func(), err error) {
	f, err := p.create(".", "lock")
	if err != nil {
		return nil, err
	}
	if err := flock(f, syscall.LOCK_EX); err != nil {
		_ = f.Close()
		return nil, err
	}
	return func() { _ = f.Close() }, nil
}

func (p *Provider) create(id, name string) (*os.File, error) {
	return p.root.OpenFile(filepath.Join(id, name), os.O_CREATE|os.O_RDWR, 0o600)
}

// flock locks an open file until it is closed, by all processes that have it.
func flock(f *os.File, how int) error {
	for {
		if err := syscall.Flock(int(f.Fd()), how); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

// class is what a failure to start a process means to the job.
func class(err error) error {
	for _, full := range []error{syscall.EAGAIN, syscall.ENOMEM, syscall.EMFILE, syscall.ENFILE, syscall.ENOSPC, syscall.EDQUOT} {
		if errors.Is(err, full) {
			return provisioner.ErrCapacity
		}
	}
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist) {
		return provisioner.ErrRefused
	}
	return provisioner.ErrUnavailable
}
