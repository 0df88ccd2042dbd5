package reconcile

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// Engine says which runner type serves a job; *provisioner.Provisioner does.
type Engine interface {
	TypeFor(j provisioner.Job) (provisioner.RunnerType, error)
	Types() []provisioner.RunnerType
	Deployment() provisioner.Deployment
	Providers() map[string]provisioner.Provider
}

// Jobs reads the jobs that wait for a runner.
type Jobs interface {
	// QueuedJobs tells the jobs of a repository that wait, as they are known after that look.
	QueuedJobs(ctx context.Context, r provisioner.Repository, l provisioner.Look) (provisioner.Sight, error)
	// JobState tells the state of one job, without the lag of a list.
	JobState(ctx context.Context, j provisioner.Job) (provisioner.JobState, error)
	// RepositoryID returns GitHub's number of the repository that has this name now; 0 if unknown.
	RepositoryID(ctx context.Context, r provisioner.Repository) (int64, error)
}

// Runners reads and ends registrations.
type Runners interface {
	// Runners returns all runners of a target, or an error.
	Runners(ctx context.Context, t provisioner.Target) ([]provisioner.Runner, error)
	// Runner returns the runner of that id, or provisioner.ErrNotFound.
	Runner(ctx context.Context, t provisioner.Target, id int64) (provisioner.Runner, error)
	// Remove ends a registration: nil also if there is none, provisioner.ErrRunnerBusy if it has a
	// job.
	Remove(ctx context.Context, t provisioner.Target, id int64) error
}

// Worker provisions jobs; *queue.Worker does.
type Worker interface {
	// Requeue has jobs provisioned that wait and have no machine, in their turn, and returns those
	// that did not wait for it already.
	Requeue(ctx context.Context, jobs []provisioner.Job) (queued []provisioner.Job, err error)
	// Attempting reports whether an attempt for the job is in flight.
	Attempting(j provisioner.Job) bool
	ObserveMachines(provider string, begun time.Time, machines []provisioner.Machine)
	SetBroken(runnerType string, broken bool)
}

// DeliveryLog is the log of a webhook's deliveries at GitHub.
type DeliveryLog interface {
	// Name identifies the log.
	Name() string
	// Failed returns the failed deliveries after a cursor, oldest first, and the cursor behind
	// them. "" is the oldest that GitHub keeps.
	Failed(ctx context.Context, after string) (ids []int64, cursor string, err error)
	// Redeliver has a delivery processed from its stored payload. provisioner.ErrNotFound says that
	// there is none. It is called for several at once.
	Redeliver(ctx context.Context, id int64) error
}

// Store keeps a little text under a key for good.
type Store interface {
	Get(ctx context.Context, key string) (value string, ok bool, err error)
	Put(ctx context.Context, key, value string) error
}

// Observer hears of every sweep.
type Observer interface {
	Swept(ctx context.Context, r Report)
}

// Config of a [Sweeper]. The zero value means the defaults.
type Config struct {
	// Repositories are known from the start; more become known by [Sweeper.MarkActive] and by their
	// machines.
	Repositories []provisioner.Repository
	// Discover, if set, lists further repositories: those of a GitHub App's installations, or of a
	// token's owner. It is asked every tenth sweep, the first included.
	Discover func(ctx context.Context) ([]provisioner.Repository, error)
	// Allowed limits the repositories that are looked after. Defaults to all.
	Allowed func(r provisioner.Repository) bool
	// Deliveries are read for failed deliveries.
	Deliveries []DeliveryLog
	// Store keeps repositories and delivery cursors over restarts. Defaults to nothing.
	Store Store
	// Quota tells what is left of GitHub's rate limit for the credential that a repository or
	// organisation is asked about with. Under a tenth, sweeps leave what that credential sees alone
	// until the reset, so that launches have it. Limit 0 means unknown.
	Quota func(t provisioner.Target) (remaining, limit int, reset time.Time)
	// Requests counts the requests made to GitHub so far, and how many of them were answered 304
	// and so cost nothing.
	Requests func() (all, unchanged int)
	// BreakAfter is the number of machines in a row that boot and never register after which a
	// runner type is broken. Defaults to 5.
	BreakAfter int
	// Replacements is how many further machines a job gets whose machines did not come up. Defaults
	// to 3.
	Replacements int
	// Concurrency of requests. Defaults to 8.
	Concurrency int
	// Logger and Observer default to nobody.
	Logger   *slog.Logger
	Observer Observer
	// Events hears what becomes of jobs. Defaults to nobody.
	Events provisioner.Observer
}

// Sweeper reconciles. Sweeps run one at a time.
type Sweeper struct {
	engine  Engine
	jobs    Jobs
	runners Runners
	worker  Worker
	cfg     Config

	sweeping     sync.Mutex
	sweeps       int
	garbage      firstSeen // machines and registrations that may have to go
	demand       firstSeen // jobs that may need a machine
	bootFailures bootFailures
	trials       trials
	known        repositories
	cursors      map[string]string // of delivery logs, when there is no store
	backlogs     map[string]*backlog
	registries   map[provisioner.Target]map[int64]provisioner.Runner // as they were read last
	last         time.Time                                           // when the last sweep began
}

// New returns a Sweeper.
func New(engine Engine, jobs Jobs, runners Runners, worker Worker, cfg Config) *Sweeper {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	cfg.BreakAfter = orDefault(cfg.BreakAfter, 5)
	cfg.Replacements = orDefault(cfg.Replacements, 3)
	cfg.Concurrency = orDefault(cfg.Concurrency, 8)
	s := &Sweeper{engine: engine, jobs: jobs, runners: runners, worker: worker, cfg: cfg, cursors: make(map[string]string), backlogs: make(map[string]*backlog)}
	s.registries = make(map[provisioner.Target]map[int64]provisioner.Runner)
	for _, r := range cfg.Repositories {
		s.known.pin(r)
	}
	return s
}

func orDefault(n, d int) int {
	if n <= 0 {
		return d
	}
	return n
}

// MarkActive makes a repository known: a job of it was accepted, started or ended. It is cheap and
// safe to call from anywhere.
func (s *Sweeper) MarkActive(r provisioner.Repository) {
	s.known.markActive(r)
}

// Run sweeps at once and then every interval, until ctx ends.
func (s *Sweeper) Run(ctx context.Context, interval time.Duration) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		err := provisioner.Guard(func() error {
			_, err := s.Sweep(ctx)
			return err
		})
		if err != nil && ctx.Err() == nil {
			s.cfg.Logger.WarnContext(ctx, "the sweep was incomplete; what it could not see is left as it is", "error", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// Sweep compares and corrects once. An error says what could not be read; the report says what was
// done all the same.
func (s *Sweeper) Sweep(ctx context.Context) (Report, error) {
	s.sweeping.Lock()
	defer s.sweeping.Unlock()
	r := newReport()
	all, unchanged := s.requests()
	s.loadRepositories(ctx)
	s.loadTrials(ctx)
	s.readDeliveries(ctx, r)
	snap := s.takeSnapshot(ctx)
	r.Machines, r.PutOff = snap.countMachines(), len(snap.putOff)
	r.Alive, r.Unlisted = snap.alive()
	s.reap(ctx, snap, r)
	s.garbage.endSweep()
	s.supply(ctx, snap, r)
	s.demand.endSweep()
	s.known.settle(snap, s)
	s.last = snap.now
	s.saveRepositories(ctx)
	s.saveTrials(ctx)
	s.sweeps++
	r.Duration = time.Since(r.Begun)
	allNow, unchangedNow := s.requests()
	r.Requests, r.Unchanged = allNow-all, unchangedNow-unchanged
	err := errors.Join(append(r.errs, snap.err())...)
	r.Failed = err != nil
	s.publish(ctx, r)
	return *r, err
}

func (s *Sweeper) publish(ctx context.Context, r *Report) {
	machines := 0
	for _, n := range r.Machines {
		machines += n
	}
	s.cfg.Logger.DebugContext(ctx, "swept", "machines", machines, "reaped", r.Reaped, "requeued", r.Requeued, "took", r.Duration.Round(time.Millisecond),
		"requests", r.Requests, "unchanged", r.Unchanged)
	if s.cfg.Observer != nil {
		s.cfg.Observer.Swept(ctx, *r)
	}
}

// tell reports what became of a job.
func (s *Sweeper) tell(ctx context.Context, e provisioner.Event) {
	if s.cfg.Events != nil {
		s.cfg.Events.Observe(ctx, e)
	}
}

// tellOf reports what became of the machine of a job.
func (s *Sweeper) tellOf(ctx context.Context, m *machine, kind provisioner.EventKind, why provisioner.Reason) {
	s.tell(ctx, provisioner.Event{
		Kind: kind, RunnerType: m.Type, Provider: m.Provider, Machine: m.Machine, Runner: m.runner, Reason: why,
		Job: provisioner.Job{ID: m.Job, Repository: m.Repository, RepositoryID: m.RepositoryID},
	})
}

func (s *Sweeper) requests() (all, unchanged int) {
	if s.cfg.Requests == nil {
		return 0, 0
	}
	return s.cfg.Requests()
}

// quotaLow returns how long a target has to be left alone, because little is left of its
// credential's rate limit.
func (s *Sweeper) quotaLow(t provisioner.Target) time.Duration {
	if s.cfg.Quota == nil {
		return 0
	}
	remaining, limit, reset := s.cfg.Quota(t)
	if limit == 0 || remaining*10 >= limit {
		return 0
	}
	return max(time.Until(reset), 0)
}
