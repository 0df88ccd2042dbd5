package reconcile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// snapshot is what one sweep knows of GitHub and the clouds.
type snapshot struct {
	now      time.Time
	types    map[string]provisioner.RunnerType
	machines []*machine
	registry map[provisioner.Target]map[int64]provisioner.Runner
	classes  map[classKey]*class

	mu         sync.Mutex
	listErrors map[string]error // providers whose machines could not be listed
	// unlistable are providers that can't list machines at all: nothing is judged or started there.
	unlistable map[string]bool
	readErrors map[provisioner.Target]error // targets whose jobs or runners could not be read
	refused    map[provisioner.Target]error // targets that GitHub refuses us
	putOff     map[provisioner.Target]bool  // targets whose credential has little left of its limit
	partial    map[provisioner.Target]bool  // targets that have workflow runs which are still to be read

	visits map[provisioner.Repository]visit
}

// classKey is what supply and demand are counted by.
type classKey struct {
	runnerType string
	target     provisioner.Target
}

// class is a runner type at one target, with its demand (jobs) and its supply (machines).
type class struct {
	t         provisioner.RunnerType
	jobs      []provisioner.Job // waiting, oldest first
	available []*machine        // booting or idle
	// pending are jobs whose registration is on its way to a machine, as far as can be known.
	pending map[int64]bool
}

// machine is a machine and what GitHub says of its registration.
type machine struct {
	provisioner.Machine
	t          provisioner.RunnerType
	known      bool // its runner type is in the catalogue
	runner     provisioner.Runner
	listed     bool // its registration is
	state      State
	terminator provisioner.Terminator
}

// tooOld reports whether the machine's lifetime is over.
func (snap *snapshot) tooOld(m *machine) bool { return m.Age(snap.now) > m.t.MaxLifetime }

func (m *machine) target() provisioner.Target { return m.t.Target(m.Repository) }

// err joins what kept the sweep from seeing everything.
func (snap *snapshot) err() error {
	var errs []error
	for name, err := range snap.listErrors {
		errs = append(errs, fmt.Errorf("list the machines of %s: %w", name, err))
	}
	for t, err := range snap.readErrors {
		errs = append(errs, fmt.Errorf("read %s: %w", t, err))
	}
	slices.SortFunc(errs, func(a, b error) int { return cmp.Compare(a.Error(), b.Error()) })
	return errors.Join(errs...)
}

// canCount reports whether the machines of a provider are known.
func (snap *snapshot) canCount(provider string) bool {
	return snap.listErrors[provider] == nil && !snap.unlistable[provider]
}

// canRead reports whether everything about a target is known.
func (snap *snapshot) canRead(t provisioner.Target) bool {
	return snap.readErrors[t] == nil && snap.refused[t] == nil && !snap.putOff[t]
}

// seesJobs reports whether all jobs are known that a target's machines may serve: an organisation's
// serve those of all its repositories. One that GitHub refuses us is no reason to keep machines
// for.
func (snap *snapshot) seesJobs(t provisioner.Target) bool {
	if t.Repo != "" {
		return snap.canRead(t) && !snap.partial[t]
	}
	for unread := range snap.readErrors {
		if unread.Owner == t.Owner {
			return false
		}
	}
	for _, unread := range []map[provisioner.Target]bool{snap.putOff, snap.partial} {
		for u := range unread {
			if u.Owner == t.Owner {
				return false
			}
		}
	}
	return true
}

func (snap *snapshot) class(t provisioner.RunnerType, target provisioner.Target) *class {
	key := classKey{t.Name, target}
	if snap.classes[key] == nil {
		snap.classes[key] = &class{t: t, pending: map[int64]bool{}}
	}
	return snap.classes[key]
}

// takeSnapshot reads machines first, then jobs, and the registrations last, so that a machine's
// registration is in its list unless it is gone.
func (s *Sweeper) takeSnapshot(ctx context.Context) *snapshot {
	snap := &snapshot{
		now: time.Now(), types: map[string]provisioner.RunnerType{}, registry: map[provisioner.Target]map[int64]provisioner.Runner{},
		classes: map[classKey]*class{}, listErrors: map[string]error{}, unlistable: map[string]bool{},
		readErrors: map[provisioner.Target]error{}, refused: map[provisioner.Target]error{}, putOff: map[provisioner.Target]bool{}, partial: map[provisioner.Target]bool{},
	}
	for _, t := range s.engine.Types() {
		snap.types[t.Name] = t
	}
	s.readMachines(ctx, snap)
	alive := map[provisioner.Repository][]string{}
	for _, m := range snap.machines {
		if m.Alive() {
			alive[m.Repository] = append(alive[m.Repository], m.ID)
		}
	}
	snap.visits = s.known.plan(s.sweeps, snap.now, alive)
	s.readJobs(ctx, snap)
	s.readRegistrations(ctx, snap)
	s.match(snap)
	return snap
}

func (s *Sweeper) readMachines(ctx context.Context, snap *snapshot) {
	providers := s.engine.Providers()
	names := make([]string, 0, len(providers))
	for name := range providers {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		lister, ok := providers[name].(provisioner.Lister)
		if !ok {
			snap.unlistable[name] = true
			continue
		}
		terminator, _ := providers[name].(provisioner.Terminator)
		begun := time.Now()
		var list []provisioner.Machine
		err := provisioner.Guard(func() (err error) {
			list, err = lister.List(ctx)
			return err
		})
		if err != nil {
			snap.listErrors[name] = err
			continue
		}
		s.worker.ObserveMachines(name, begun, list)
		for _, m := range list {
			t, known := snap.types[m.Type]
			if !known {
				t = provisioner.RunnerType{Name: m.Type, Provider: name, Scope: provisioner.ScopeRepository, MaxLifetime: retiredLifetime}
			}
			snap.machines = append(snap.machines, &machine{Machine: m, t: t, known: known, terminator: terminator})
			s.known.add(m.Repository)
		}
	}
	slices.SortFunc(snap.machines, func(a, b *machine) int {
		return cmp.Or(a.LaunchedAt.Compare(b.LaunchedAt), cmp.Compare(a.ID, b.ID))
	})
}

// retiredLifetime is the lifetime of machines whose runner type is not in the catalogue any more.
const retiredLifetime = 6 * time.Hour

// fullSweepEvery is how many sweeps go by between those that look at what a quick one may miss:
// workflow runs behind the latest hundred, and the credential's repositories.
const fullSweepEvery = 10

func (s *Sweeper) fullSweep() bool { return s.sweeps%fullSweepEvery == 0 }

func (s *Sweeper) readJobs(ctx context.Context, snap *snapshot) {
	var g errgroup.Group
	g.SetLimit(s.cfg.Concurrency)
	for r, v := range maps.Clone(snap.visits) {
		t := targetOf(r)
		if s.cfg.Allowed != nil && !s.cfg.Allowed(r) || s.putOff(ctx, snap, t) {
			continue
		}
		if v.refused != nil {
			snap.mu.Lock()
			snap.fail(t, v.refused)
			snap.mu.Unlock()
			continue
		}
		if !v.asks() {
			continue
		}
		g.Go(func() error {
			seen, err := s.jobs.QueuedJobs(ctx, r, v.look)
			s.known.answered(r, err, snap.now)
			snap.mu.Lock()
			defer snap.mu.Unlock()
			if err != nil {
				snap.fail(t, err)
				return nil
			}
			if !seen.Complete {
				snap.partial[t] = true
			}
			if seen.Changed {
				v.runners = true
				snap.visits[r] = v
			}
			for _, j := range seen.Jobs {
				t, err := s.engine.TypeFor(j)
				if err != nil {
					continue
				}
				c := snap.class(t, t.Target(r))
				c.jobs = append(c.jobs, j)
			}
			return nil
		})
	}
	_ = g.Wait()
	for _, c := range snap.classes {
		slices.SortFunc(c.jobs, func(a, b provisioner.Job) int {
			return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
		})
	}
}

// putOff reports whether a target has to be left alone, and notes it.
func (s *Sweeper) putOff(ctx context.Context, snap *snapshot, t provisioner.Target) bool {
	wait := s.quotaLow(t)
	if wait <= 0 {
		return false
	}
	snap.mu.Lock()
	defer snap.mu.Unlock()
	if !snap.putOff[t] {
		s.cfg.Logger.WarnContext(ctx, "the sweep leaves out what this credential sees: little is left of its rate limit at GitHub, and launches need it",
			"repository", t.String(), "reset_in", wait.Round(time.Second))
	}
	snap.putOff[t] = true
	return true
}

// fail notes why a target could not be read: what GitHub refuses is that target's own affair,
// anything else leaves the sweep incomplete.
func (snap *snapshot) fail(t provisioner.Target, err error) {
	if errors.Is(err, provisioner.ErrRefused) {
		snap.refused[t] = err
		return
	}
	snap.readErrors[t] = err
}

// match gives every machine its registration and every class its supply.
func (s *Sweeper) match(snap *snapshot) {
	for _, m := range snap.machines {
		if !m.Alive() {
			continue
		}
		registry, read := snap.registry[m.target()]
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
		case m.Age(snap.now) < m.t.BootDeadline:
			m.state = Booting
		default:
			m.state = Dead
		}
		if m.state == Idle || m.state == Booting {
			c := snap.class(m.t, m.target())
			c.available = append(c.available, m)
		}
	}
}

func (snap *snapshot) countMachines() map[MachineKind]int {
	n := map[MachineKind]int{}
	for _, m := range snap.machines {
		if m.Alive() {
			n[MachineKind{m.Type, m.state}]++
		}
	}
	return n
}

// alive returns the machines that have not ended, and the providers that could not be asked.
func (snap *snapshot) alive() (machines []Machine, unlisted []string) {
	for _, m := range snap.machines {
		if m.Alive() {
			machines = append(machines, Machine{m.Machine, m.state})
		}
	}
	for _, missing := range []iter.Seq[string]{maps.Keys(snap.listErrors), maps.Keys(snap.unlistable)} {
		unlisted = slices.AppendSeq(unlisted, missing)
	}
	slices.Sort(unlisted)
	return machines, unlisted
}
