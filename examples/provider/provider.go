//go:build linux || darwin

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// Name is the provider's, in runner types and on machines.
const Name = "processes"

// Provider starts a local process for each job. Its machines are directories below one root, named
// RUNNER.REGISTRATION. Each has the files machine.json, which are the marks, lock, pid and log.
//
// The directory is the idempotency key: os.Mkdir succeeds once for a registration, so no launch of
// it starts a second process, also after a restart of the service or from another service with the
// same root. Remove directories a week after their machines have ended, and not before a job could
// be launched again.
//
// A command runs in its machine's directory and finds the runner's configuration in its
// environment, where GitHub's runner reads it. It has to run one job and end. If it waits for a job
// for ever, the machine ends at its type's MaxLifetime.
type Provider struct {
	root     *os.Root
	commands map[string][]string
	start    func(*exec.Cmd) error
}

var _ interface {
	provisioner.Provider
	provisioner.Planner
	provisioner.Finder
	provisioner.Lister
	provisioner.Terminator
} = (*Provider)(nil)

// New returns a provider that keeps its machines in dir, which it makes if need be. commands are a
// program and its arguments for each runner type, by its name.
func New(dir string, commands map[string][]string) (*Provider, error) {
	for name, command := range commands {
		if len(command) == 0 {
			return nil, fmt.Errorf("processes: runner type %q: no command", name)
		}
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("processes: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("processes: %w", err)
	}
	return &Provider{root: root, commands: commands, start: start}, nil
}

// Launch implements [provisioner.Provider]. It takes some milliseconds, one launch at a time.
func (p *Provider) Launch(ctx context.Context, l provisioner.Launch) (provisioner.Machine, error) {
	command, err := p.command(l.Type.Name)
	if err != nil {
		return provisioner.Machine{}, err
	}
	if err := ctx.Err(); err != nil {
		return provisioner.Machine{}, fmt.Errorf("processes: %w: %w", provisioner.ErrUnavailable, err)
	}
	unlock, err := p.lock()
	if err != nil {
		return provisioner.Machine{}, fmt.Errorf("processes: %w: %w", class(err), err)
	}
	defer unlock()
	m := provisioner.Machine{
		ID: machineID(l), Provider: Name, Type: l.Type.Name, Repository: l.Job.Repository, Job: l.Job.ID,
		RunnerName: l.Runner.Name, RunnerID: l.Runner.ID, State: provisioner.MachineAlive, LaunchedAt: time.Now(),
	}
	err = p.root.Mkdir(m.ID, 0o700)
	if errors.Is(err, fs.ErrExist) {
		return p.again(m.ID)
	}
	if err == nil {
		err = p.run(m, l, command)
	}
	if err != nil {
		_ = p.root.RemoveAll(m.ID) // what stays is taken for a machine that is over, and the job gets another registration
		return provisioner.Machine{}, fmt.Errorf("processes: start %s: %w: %w", m.ID, class(err), err)
	}
	return m, nil
}

// again is the launch of a machine whose directory exists. If its process is gone, or the service
// died before it started one, the registration is of no more use.
func (p *Provider) again(id string) (provisioner.Machine, error) {
	m, err := p.read(id)
	switch {
	case errors.Is(err, fs.ErrNotExist) || err == nil && !m.Alive():
		return provisioner.Machine{}, fmt.Errorf("processes: %s: %w", id, provisioner.ErrMachineEnded)
	case err != nil:
		return provisioner.Machine{}, fmt.Errorf("processes: %s exists: %w: %w", id, provisioner.ErrNoAnswer, err)
	}
	return m, nil
}

// Plan implements [provisioner.Planner].
func (p *Provider) Plan(_ context.Context, l provisioner.Launch) (provisioner.ProviderPlan, error) {
	command, err := p.command(l.Type.Name)
	if err != nil {
		return provisioner.ProviderPlan{}, err
	}
	return provisioner.ProviderPlan{
		Request:           map[string]any{"command": command, "directory": filepath.Join(p.root.Name(), machineID(l))},
		UnverifiedBecause: "the program was found; whether it starts is known when it does",
	}, nil
}

// List implements [provisioner.Lister].
func (p *Provider) List(context.Context) ([]provisioner.Machine, error) {
	entries, err := fs.ReadDir(p.root.FS(), ".")
	if err != nil {
		return nil, fmt.Errorf("processes: list: %w", err)
	}
	var all []provisioner.Machine
	for _, e := range entries {
		m, err := p.read(e.Name())
		switch {
		case errors.Is(err, fs.ErrNotExist) || !e.IsDir(): // it is just being launched, or never was
		case err != nil:
			return nil, fmt.Errorf("processes: list: %s: %w", e.Name(), err)
		default:
			all = append(all, m)
		}
	}
	return all, nil
}

// Find implements [provisioner.Finder].
func (p *Provider) Find(ctx context.Context, _ provisioner.RunnerType, j provisioner.Job) (found []provisioner.Machine, err error) {
	all, err := p.List(ctx)
	for _, m := range all {
		if m.Job == j.ID && m.Repository == j.Repository {
			found = append(found, m)
		}
	}
	return found, err
}

// Terminate implements [provisioner.Terminator].
func (p *Provider) Terminate(_ context.Context, m provisioner.Machine) error {
	unlock, err := p.lock() // the process that a launch has started has its number in the file only when that is done
	if err != nil {
		return fmt.Errorf("processes: terminate %s: %w", m.ID, err)
	}
	defer unlock()
	if err := p.kill(m.ID); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("processes: terminate %s: %w", m.ID, err)
	}
	return nil
}

func machineID(l provisioner.Launch) string { return fmt.Sprintf("%s.%d", l.Runner.Name, l.Runner.ID) }

// command is the command of a runner type, whose program exists.
func (p *Provider) command(runnerType string) ([]string, error) {
	command, ok := p.commands[runnerType]
	if !ok {
		return nil, fmt.Errorf("processes: runner type %q has no command: %w", runnerType, provisioner.ErrRefused)
	}
	program, err := exec.LookPath(command[0])
	if err == nil {
		program, err = filepath.Abs(program) // it runs in another directory
	}
	if err != nil {
		return nil, fmt.Errorf("processes: runner type %q: %w: %w", runnerType, provisioner.ErrRefused, err)
	}
	return append([]string{program}, command[1:]...), nil
}

// read returns a machine as its directory tells of it, with the state that its process has.
func (p *Provider) read(id string) (m provisioner.Machine, err error) {
	text, err := p.root.ReadFile(filepath.Join(id, "machine.json"))
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return m, err
	}
	alive, err := p.alive(id)
	if !alive {
		m.State = provisioner.MachineEnded
	}
	return m, err
}
