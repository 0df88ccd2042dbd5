package reconcile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// world is what one sweep knows.
type world struct {
	now      time.Time
	types    map[string]provisioner.RunnerType
	machines []*machine
	registry map[provisioner.Target]map[int64]provisioner.Runner
	classes  map[class]*pool

	mu      sync.Mutex
	blind   map[string]error             // providers whose machines could not be listed
	mute    map[string]bool              // providers that can't list machines at all: nothing is judged or started there
	dark    map[provisioner.Target]error // targets whose jobs or runners could not be read
	refused map[provisioner.Target]error // targets that GitHub refuses us
}

// class is what supply and demand are counted by.
type class struct {
	runnerType string
	target     provisioner.Target
}

// pool is the supply and demand of a class.
type pool struct {
	t       provisioner.RunnerType
	jobs    []provisioner.Job // waiting, oldest first
	free    []*machine        // booting or idle
	pending map[int64]bool    // jobs whose registration is on its way to a machine, as far as can be known
}

// machine is a machine and what GitHub says of its registration.
type machine struct {
	provisioner.Machine
	t        provisioner.RunnerType
	known    bool // its runner type is in the catalogue
	runner   provisioner.Runner
	listed   bool // its registration is
	state    State
	terminal provisioner.Terminator
}

func (m *machine) target() provisioner.Target { return m.t.Target(m.Repository) }

// err joins what kept the sweep from seeing everything.
func (w *world) err() error {
	var errs []error
	for name, err := range w.blind {
		errs = append(errs, fmt.Errorf("list the machines of %s: %w", name, err))
	}
	for t, err := range w.dark {
		errs = append(errs, fmt.Errorf("read %s: %w", t, err))
	}
	slices.SortFunc(errs, func(a, b error) int { return cmp.Compare(a.Error(), b.Error()) })
	return errors.Join(errs...)
}

// counts reports whether the machines of a provider are known.
func (w *world) counts(provider string) bool { return w.blind[provider] == nil && !w.mute[provider] }

// sees reports whether everything about a target is known.
func (w *world) sees(t provisioner.Target) bool { return w.dark[t] == nil && w.refused[t] == nil }

func (w *world) pool(t provisioner.RunnerType, target provisioner.Target) *pool {
	c := class{t.Name, target}
	if w.classes[c] == nil {
		w.classes[c] = &pool{t: t, pending: map[int64]bool{}}
	}
	return w.classes[c]
}

// look reads the world: machines first, then jobs, and the registrations last, so that a machine's registration is in its list unless it is gone.
func (s *Sweeper) look(ctx context.Context) *world {
	w := &world{
		now: time.Now(), types: map[string]provisioner.RunnerType{}, registry: map[provisioner.Target]map[int64]provisioner.Runner{},
		classes: map[class]*pool{}, blind: map[string]error{}, mute: map[string]bool{}, dark: map[provisioner.Target]error{}, refused: map[provisioner.Target]error{},
	}
	for _, t := range s.engine.Types() {
		w.types[t.Name] = t
	}
	s.lookAtMachines(ctx, w)
	s.lookAtJobs(ctx, w)
	s.lookAtRunners(ctx, w)
	s.match(w)
	return w
}

func (s *Sweeper) lookAtMachines(ctx context.Context, w *world) {
	providers := s.engine.Providers()
	names := make([]string, 0, len(providers))
	for name := range providers {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		lister, ok := providers[name].(provisioner.Lister)
		if !ok {
			w.mute[name] = true
			continue
		}
		terminator, _ := providers[name].(provisioner.Terminator)
		begun := time.Now()
		list, err := lister.List(ctx)
		if err != nil {
			w.blind[name] = err
			continue
		}
		s.worker.Machines(name, begun, list)
		for _, m := range list {
			t, known := w.types[m.Type]
			if !known {
				t = provisioner.RunnerType{Name: m.Type, Provider: name, Scope: provisioner.ScopeRepository, MaxLifetime: retiredLifetime}
			}
			w.machines = append(w.machines, &machine{Machine: m, t: t, known: known, terminal: terminator})
			s.known.add(m.Repository)
		}
	}
	slices.SortFunc(w.machines, func(a, b *machine) int {
		return cmp.Or(a.LaunchedAt.Compare(b.LaunchedAt), cmp.Compare(a.ID, b.ID))
	})
}

// retiredLifetime is the lifetime of machines whose runner type is not in the catalogue any more.
const retiredLifetime = 6 * time.Hour

// fullLookEvery is how many sweeps go by between looks at what a quick look may miss: long-running workflow runs, and registrations in quiet repositories.
const fullLookEvery = 10

func (s *Sweeper) fullLook() bool { return s.sweeps%fullLookEvery == 0 }

func (s *Sweeper) lookAtJobs(ctx context.Context, w *world) {
	var g errgroup.Group
	g.SetLimit(s.cfg.Concurrency)
	for _, r := range s.known.list() {
		if s.cfg.Allowed != nil && !s.cfg.Allowed(r) {
			continue
		}
		g.Go(func() error {
			jobs, _, err := s.jobs.QueuedJobs(ctx, r, s.fullLook())
			w.mu.Lock()
			defer w.mu.Unlock()
			if err != nil {
				w.fail(provisioner.Target{Owner: r.Owner, Repo: r.Name}, err)
				return nil
			}
			for _, j := range jobs {
				t, err := s.engine.TypeFor(j)
				if err != nil {
					continue
				}
				p := w.pool(t, t.Target(r))
				p.jobs = append(p.jobs, j)
			}
			return nil
		})
	}
	_ = g.Wait()
	for _, p := range w.classes {
		slices.SortFunc(p.jobs, func(a, b provisioner.Job) int {
			return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
		})
	}
}

// fail notes why a target could not be read: what GitHub refuses is that target's own affair, anything else leaves the sweep incomplete.
func (w *world) fail(t provisioner.Target, err error) {
	var registration *provisioner.RegistrationError
	if errors.As(err, &registration) && errors.Is(err, provisioner.ErrRefused) {
		w.refused[t] = err
		return
	}
	w.dark[t] = err
}

// lookAtRunners reads the registrations of every target that has machines, jobs or, as far as is known, registrations of ours; now and then, of all.
func (s *Sweeper) lookAtRunners(ctx context.Context, w *world) {
	targets := map[provisioner.Target]bool{} // true where a registration may be on its way
	for _, r := range s.known.unsettled(s.fullLook()) {
		for _, t := range w.types {
			targets[t.Target(r)] = false
		}
	}
	for _, m := range w.machines {
		if m.Alive() && m.known {
			targets[m.target()] = true
		}
	}
	for c, p := range w.classes {
		if len(p.jobs) > 0 {
			targets[c.target] = true
		}
	}
	maps.DeleteFunc(targets, func(t provisioner.Target, _ bool) bool { return !w.sees(t) })
	var g errgroup.Group
	g.SetLimit(s.cfg.Concurrency)
	for t, alive := range targets {
		g.Go(func() error {
			list, err := s.runners.Runners(ctx, t)
			w.mu.Lock()
			defer w.mu.Unlock()
			if err != nil {
				w.fail(t, err)
				return nil
			}
			byID := make(map[int64]provisioner.Runner, len(list))
			for _, r := range list {
				byID[r.ID] = r
				alive = alive || provisioner.IsRunnerName(r.Name)
			}
			w.registry[t] = byID
			s.known.settle(t, !alive)
			return nil
		})
	}
	_ = g.Wait()
}

// match gives every machine its registration and every class its supply.
func (s *Sweeper) match(w *world) {
	for _, m := range w.machines {
		if !m.Alive() {
			continue
		}
		registry, read := w.registry[m.target()]
		if !m.known || !read {
			m.state = Unknown
			continue
		}
		m.runner, m.listed = registry[m.RunnerID]
		switch {
		case !m.listed:
			m.state = Dead
		case m.runner.Busy:
			m.state = Busy
		case m.runner.Online:
			m.state = Idle
		case w.now.Sub(m.LaunchedAt) < m.t.BootDeadline:
			m.state = Booting
		default:
			m.state = Dead
		}
		if m.state == Idle || m.state == Booting {
			p := w.pool(m.t, m.target())
			p.free = append(p.free, m)
		}
	}
}

func (w *world) census() map[MachineKind]int {
	n := map[MachineKind]int{}
	for _, m := range w.machines {
		if m.Alive() {
			n[MachineKind{m.Type, m.state}]++
		}
	}
	return n
}
