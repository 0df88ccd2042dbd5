package wiring

import (
	"context"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/fx"

	"github.com/datawire/github-runner-provisioner/adapters/internal/config"
	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/journal"
	"github.com/datawire/github-runner-provisioner/provisioner/queue"
	"github.com/datawire/github-runner-provisioner/provisioner/reconcile"
)

// Watchers are told what happens: the metrics in any case, and the journal in a process that lives
// long enough to be asked.
type Watchers struct {
	fx.In

	Metrics *Metrics
	Journal *journal.Journal `optional:"true"`
}

var (
	_ provisioner.Observer = Watchers{}
	_ reconcile.Observer   = Watchers{}
)

// jobs is who hears what becomes of jobs outside of attempts, which the metrics count elsewhere.
func (w Watchers) jobs() provisioner.Observer {
	if w.Journal == nil {
		return nil
	}
	return w.Journal
}

// Observe implements provisioner.Observer.
func (w Watchers) Observe(ctx context.Context, e provisioner.Event) {
	w.Metrics.Observe(ctx, e)
	if w.Journal != nil {
		w.Journal.Observe(ctx, e)
	}
}

// Swept implements reconcile.Observer.
func (w Watchers) Swept(ctx context.Context, r reconcile.Report) {
	w.Metrics.Swept(ctx, r)
	if w.Journal == nil {
		return
	}
	alive := make([]journal.Machine, len(r.Alive))
	for i, m := range r.Alive {
		alive[i] = journal.Machine{Machine: m.Machine, State: machineStates[m.State]}
	}
	w.Journal.Swept(r.Begun, alive, r.Unlisted)
}

var machineStates = map[reconcile.State]journal.MachineState{
	reconcile.Booting: journal.MachineBooting, reconcile.Idle: journal.MachineReady, reconcile.Busy: journal.MachineRunning,
	reconcile.Dead: journal.MachineEnding, reconcile.Unknown: journal.MachineUnknown,
}

// Listener hears of every change of a job, as [journal.Config.Changed] does. A binary may provide
// some, in the group "listeners".
type Listener func(ctx context.Context, j journal.Job)

// Listeners are those that are provided.
type Listeners struct {
	fx.In

	All []Listener `group:"listeners"`
}

// NewJournal returns the journal of a process that [KeepJournal] lets run.
func NewJournal(cfg *config.Config, q queue.Queue, m *Metrics, others Listeners, log *slog.Logger) *journal.Journal {
	c := journal.Config{Types: runnerTypes(cfg), Logger: log, Changed: func(ctx context.Context, j journal.Job) {
		switch j.State {
		case journal.Waiting:
			logWait(ctx, log, j)
		case journal.Running:
			m.started(j)
		default: // the log has lines of its own for these
		}
		for _, hear := range others.All {
			hear(ctx, j)
		}
	}}
	c.Store, _ = q.(journal.Store)
	return journal.New(c)
}

// logWait writes the one line that there is for each reason for which a job waits.
func logWait(ctx context.Context, log *slog.Logger, j journal.Job) {
	level := slog.LevelInfo
	if j.Reason.System != "" || j.Reason.Because == provisioner.BecauseBootFailures {
		level = slog.LevelWarn
	}
	attrs := []slog.Attr{
		slog.Int64("job", j.ID), slog.String("repository", j.Repository.String()), slog.String("type", j.Type), slog.String("because", string(j.Reason.Because)),
	}
	if j.Reason.System != "" {
		attrs = append(attrs, slog.String("system", j.Reason.System))
	}
	if !j.Reason.Until.IsZero() {
		attrs = append(attrs, slog.Time("until", j.Reason.Until))
	}
	log.LogAttrs(ctx, level, "job waits", append(attrs, slog.String("reason", j.Because()))...)
}

// waitingQueue is a queue that can tell which jobs wait.
type waitingQueue interface {
	Waiting(ctx context.Context, limit int) ([]queue.Message, error)
}

// mostWaiting is how many of the jobs that wait at the start the journal learns.
const mostWaiting = 10_000

// KeepJournal has the journal know what an earlier process knew, ask the worker what holds jobs
// back, and run from the service's start to its end.
func KeepJournal(life fx.Lifecycle, j *journal.Journal, q queue.Queue, w *queue.Worker, log *slog.Logger) {
	j.Ask(w)
	life.Append(fx.StartHook(func(ctx context.Context) {
		if err := j.Load(ctx); err != nil {
			log.WarnContext(ctx, "the history of earlier jobs is left out", "error", err)
		}
		waiting, ok := q.(waitingQueue)
		if !ok {
			return
		}
		messages, err := waiting.Waiting(ctx, mostWaiting)
		if err != nil {
			log.WarnContext(ctx, "the jobs that wait become known only as they are tried", "error", err)
		}
		for _, x := range messages {
			if j.Knows(x.Job.ID) {
				continue
			}
			j.Observe(ctx, provisioner.Event{Kind: provisioner.EventAccepted, Job: x.Job, RunnerType: x.Lane, At: x.Accepted})
		}
	}))
	background(life, j.Run)
}

func newWaits(j *journal.Journal) waits {
	return waits{j, prometheus.NewDesc(
		prometheus.BuildFQName(namespace, "", "jobs_waiting"), "Jobs that wait for their machine, by runner type and the reason for which they do.", []string{"type", "because"}, nil)}
}

// waits collects the reasons for which jobs wait.
type waits struct {
	journal *journal.Journal
	desc    *prometheus.Desc
}

// Describe implements prometheus.Collector.
func (w waits) Describe(descs chan<- *prometheus.Desc) { descs <- w.desc }

// Collect implements prometheus.Collector.
func (w waits) Collect(metrics chan<- prometheus.Metric) {
	for wait, n := range w.journal.Waits() {
		metrics <- prometheus.MustNewConstMetric(w.desc, prometheus.GaugeValue, float64(n), wait.Type, string(wait.Because))
	}
}
