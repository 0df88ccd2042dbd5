package queue

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// Provisioner is what a [Worker] needs of *provisioner.Provisioner.
type Provisioner interface {
	Provision(ctx context.Context, j provisioner.Job) (provisioner.Outcome, error)
	TypeFor(j provisioner.Job) (provisioner.RunnerType, error)
	Types() []provisioner.RunnerType
}

// Config of a [Worker]. The zero value means the defaults.
type Config struct {
	// Concurrency is the number of attempts in flight at once for each runner type. Defaults to 8.
	Concurrency int
	// AttemptTimeout ends an attempt, which then counts as unanswered. Defaults to 10 min.
	AttemptTimeout time.Duration
	// GiveUpAfter is how long an accepted job may wait. Defaults to 24 h, when GitHub itself gives
	// up a queued job.
	GiveUpAfter time.Duration
	// Drain is how long attempts in flight may take to finish when the worker stops; then they are
	// interrupted. Defaults to 10 s.
	Drain time.Duration
	// NoDeduplication says that the queue does not remember the jobs it accepted, or that other
	// processes work on it: any message may be a job's second one then, so GitHub and the cloud are
	// asked before every attempt.
	NoDeduplication bool
	// Listers count machines against the limits of runner types, by provider. Without one, limits
	// of that provider's types are not kept.
	Listers map[string]provisioner.Lister
	// Logger defaults to nobody.
	Logger *slog.Logger
	// Observer hears what becomes of jobs. Defaults to nobody.
	Observer provisioner.Observer
}

// Worker drains a queue: it has every job provisioned, once the limits and the state of the clouds
// let it, and gives up none without a reason.
type Worker struct {
	queue       Queue
	provisioner Provisioner
	cfg         Config

	typeBreakers   breakers // by runner type
	targetBreakers breakers // by where runners are registered
	bootBreakers   bootBreakers
	capacity       capacity
	ended          recentKeys
	tried          recentKeys // by Attempt
	queued         queuedJobs
	begun          time.Time

	mu         sync.Mutex
	attempting map[string]bool // jobs with an attempt in flight, by key
}

// NewWorker returns a worker on a queue.
func NewWorker(q Queue, p Provisioner, cfg Config) *Worker {
	cfg.Concurrency = cmp.Or(cfg.Concurrency, 8)
	cfg.AttemptTimeout = cmp.Or(cfg.AttemptTimeout, 10*time.Minute)
	cfg.GiveUpAfter = cmp.Or(cfg.GiveUpAfter, 24*time.Hour)
	cfg.Drain = cmp.Or(cfg.Drain, 10*time.Second)
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Worker{queue: q, provisioner: p, cfg: cfg, attempting: make(map[string]bool), begun: time.Now()}
}

// Accept stores a job in its runner type's lane. It is the webhook's way in.
func (w *Worker) Accept(ctx context.Context, runnerType string, j provisioner.Job) (duplicate bool, err error) {
	duplicate, err = w.queue.Send(ctx, runnerType, j)
	if err == nil && !duplicate {
		w.queued.add(j.ID, time.Now())
	}
	return duplicate, err
}

// JobEnded tells the worker that a job ended, so that an attempt for it asks GitHub first. It is a
// hint and nothing relies on it.
func (w *Worker) JobEnded(j provisioner.Job) { w.ended.add(j.Key()) }

// ObserveMachines tells the worker a complete list of a provider's machines that was begun at that
// time, so that it need not ask itself.
func (w *Worker) ObserveMachines(provider string, begun time.Time, machines []provisioner.Machine) {
	w.capacity.update(provider, begun, machines)
	w.queued.observe(machines)
}

// Attempting reports whether an attempt for the job is in flight here.
func (w *Worker) Attempting(j provisioner.Job) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.attempting[j.Key()]
}

// SetBroken stops the launches of a runner type but for one probe every [ProbeEvery], until it is
// called again with false: its machines boot and never register, so that launching more of them
// only burns money.
func (w *Worker) SetBroken(runnerType string, broken bool) { w.bootBreakers.set(runnerType, broken) }

// Run drains the queue until ctx ends. Then it takes nothing new, lets attempts in flight finish
// for a while, and returns nil once none is left: whatever was not finished is back in the queue.
func (w *Worker) Run(ctx context.Context) error {
	attempts, interrupt := context.WithCancel(context.WithoutCancel(ctx))
	defer interrupt()
	var lanes sync.WaitGroup
	for _, lane := range w.lanes() {
		lanes.Go(func() { w.drain(ctx, attempts, lane) })
	}
	<-ctx.Done()
	timer := time.AfterFunc(w.cfg.Drain, interrupt)
	defer timer.Stop()
	lanes.Wait()
	return nil
}

func (w *Worker) lanes() []string {
	lanes := []string{Unsorted}
	for _, t := range w.provisioner.Types() {
		lanes = append(lanes, t.Name)
	}
	return lanes
}

// drain serves one lane: one message at a time waits for its admission, and up to Concurrency are
// tried side by side.
func (w *Worker) drain(ctx, attempts context.Context, lane string) {
	var running sync.WaitGroup
	defer running.Wait()
	slots := make(chan struct{}, w.cfg.Concurrency)
	ready := w.ready(lane)
	for {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		f, err := w.receive(ctx, lane, ready)
		if err != nil {
			<-slots
			if ctx.Err() != nil {
				return
			}
			w.cfg.Logger.ErrorContext(ctx, "the queue can't be read", "type", lane, "error", err)
			_ = sleep(ctx, receivePause)
			continue
		}
		a := w.awaitAdmission(ctx, f)
		if a == nil {
			<-slots
			continue
		}
		running.Go(func() {
			defer func() { <-slots }()
			w.process(attempts, f, a)
		})
	}
}

// receivePause is how long the worker waits when the queue fails.
const receivePause = 2 * time.Second

// ready keeps the jobs of repositories at which GitHub fails or refuses in the queue, so that they
// cost nothing while they wait and hold up no other.
func (w *Worker) ready(lane string) Ready {
	for _, t := range w.provisioner.Types() {
		if t.Name == lane {
			return func(r provisioner.Repository) time.Duration {
				return max(w.targetBreakers.wait(t.Target(r).String()), w.targetBreakers.wait(r.String()))
			}
		}
	}
	return nil
}

func (w *Worker) receive(ctx context.Context, lane string, ready Ready) (*inFlight, error) {
	m, err := w.queue.Receive(ctx, lane, ready)
	if err != nil {
		return nil, err
	}
	return w.keepInFlight(ctx, m), nil
}

// awaitAdmission waits until the message may be tried. nil means that the message needs no attempt
// now, or that ctx ended; it has been dealt with.
func (w *Worker) awaitAdmission(ctx context.Context, f *inFlight) *admission {
	t, err := w.admissible(f.message)
	if err != nil {
		w.reportGivenUp(ctx, &f.message, err)
		f.delete(ctx)
		return nil
	}
	if t.Name != f.message.Lane { // since the catalogue has changed: what holds up one type must hold up no other
		f.move(ctx, t.Name)
		return nil
	}
	for {
		a, r := w.admit(ctx, t, f.message.Job)
		if a != nil {
			return a
		}
		if ctx.Err() != nil {
			f.putBack(ctx, 0)
			return nil
		}
		if r.onlyThisJob {
			f.putBack(ctx, r.wait)
			return nil
		}
		select {
		case <-time.After(r.wait):
		case <-r.sooner:
		case <-ctx.Done():
			f.putBack(ctx, 0)
			return nil
		}
	}
}

// observe tells the observer. What becomes of the job is decided by then, and its panic changes
// nothing about it.
func (w *Worker) observe(ctx context.Context, e provisioner.Event) {
	if w.cfg.Observer == nil {
		return
	}
	err := provisioner.Guard(func() error {
		w.cfg.Observer.Observe(ctx, e)
		return nil
	})
	if err != nil {
		w.cfg.Logger.ErrorContext(ctx, "the observer failed", "job", e.Job.ID, "error", err)
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
