package githubtest

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/datawire/github-runner-provisioner/labels"
	"github.com/datawire/github-runner-provisioner/provisioner"
)

// Runner is a self-hosted runner of a fake GitHub, registered just-in-time and therefore ephemeral.
type Runner struct {
	ID           int64
	Name         string
	Target       provisioner.Target
	Group        int64
	Labels       []string // lower case, in the order of the registration
	Online       bool
	Busy         bool
	Job          int64 // the one it has; 0 if none
	RegisteredAt time.Time

	has    labels.Set
	config string
	seen   time.Time // when it was registered or connected last
	os     string    // unknown until it connects
}

// jitConfig is a just-in-time configuration that was handed out.
type jitConfig struct {
	runner int64
	used   bool
}

// Why a configuration is worth nothing.
var (
	errNoConfig   = errors.New("no such just-in-time configuration")
	errConfigUsed = errors.New("the just-in-time configuration was used before")
)

// Runners returns the runners that are registered, the oldest first. Their Labels are not the
// caller's to change.
func (g *Server) Runners() []Runner {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.catchUp()
	out := make([]Runner, 0, len(g.runners))
	for _, r := range g.runners {
		out = append(out, *r)
	}
	return out
}

// Connect is a machine's runner that comes online with its configuration. It fails if the
// registration is gone or the configuration was used before.
func (g *Server) Connect(jitConfig string) (runnerID int64, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.catchUp()
	c := g.configs[jitConfig]
	switch {
	case c == nil:
		return 0, errNoConfig
	case c.used:
		return 0, fmt.Errorf("runner %d: %w", c.runner, errConfigUsed)
	}
	r := g.runner(c.runner)
	if r == nil {
		return 0, fmt.Errorf("runner %d: the registration is gone", c.runner)
	}
	c.used = true
	r.Online, r.seen, r.os = true, time.Now(), systemOf(r.has)
	return r.ID, nil
}

// systemOf guesses what a machine tells GitHub of itself.
func systemOf(has labels.Set) string {
	switch {
	case has.Contains("macos"):
		return "macOS"
	case has.Contains("windows"):
		return "Windows"
	default:
		return "Linux"
	}
}

// Disconnect is a runner that goes offline. If it runs a job and nobody finishes that, the job
// fails after ten minutes; without one, GitHub keeps the registration for a day. A runner that has
// had its job is removed already.
func (g *Server) Disconnect(runnerID int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.catchUp()
	if r := g.runner(runnerID); r != nil && r.Online {
		r.Online, r.seen = false, time.Now()
	}
}

// add registers a runner.
func (g *Server) add(t provisioner.Target, name string, group int64, with []string) *Runner {
	now := time.Now()
	r := &Runner{ID: g.next(), Name: name, Target: t, Group: group, RegisteredAt: now, seen: now, has: labels.NewSet(with...), os: "unknown"}
	for _, l := range with {
		r.Labels = append(r.Labels, strings.ToLower(l))
	}
	r.config = newJITConfig(r)
	g.runners = append(g.runners, r)
	g.configs[r.config] = &jitConfig{runner: r.ID}
	return r
}

// runner returns the runner of an id, or nil.
func (g *Server) runner(id int64) *Runner {
	if i, ok := g.find(id); ok {
		return g.runners[i]
	}
	return nil
}

func (g *Server) find(id int64) (int, bool) {
	return slices.BinarySearchFunc(g.runners, id, func(r *Runner, id int64) int { return cmp.Compare(r.ID, id) })
}

func (g *Server) remove(r *Runner) {
	if i, ok := g.find(r.ID); ok {
		g.runners = slices.Delete(g.runners, i, i+1)
	}
}
