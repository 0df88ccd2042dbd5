package wiring

import (
	"context"
	"math"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/journal"
	"github.com/datawire/github-runner-provisioner/provisioner/reconcile"
	"github.com/datawire/github-runner-provisioner/provisioner/webhook"
)

const namespace = "runner_provisioner"

// Metrics turns what happens into Prometheus metrics. It observes the engine, the worker and the
// webhook.
type Metrics struct {
	Registry *prometheus.Registry

	deliveries *prometheus.CounterVec
	jobs       *prometheus.CounterVec
	held       *prometheus.CounterVec
	errors     *prometheus.CounterVec
	launches   *prometheus.HistogramVec
	waits      *prometheus.HistogramVec
	stages     *prometheus.HistogramVec

	sweeps   *prometheus.HistogramVec
	machines *prometheus.GaugeVec
	reaped   *prometheus.CounterVec
	found    *prometheus.CounterVec
	requests *prometheus.CounterVec

	githubUp prometheus.Gauge
	up       atomic.Pointer[bool] // the same; nil until it was asked
}

func newMetrics() *Metrics {
	m := &Metrics{
		Registry: prometheus.NewRegistry(),
		deliveries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "deliveries_total", Help: "Webhook deliveries by the status they were answered with.",
		}, []string{"status"}),
		jobs: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "jobs_total", Help: "Accepted jobs that need nothing more, by runner type and outcome (launched, served, gone, failed).",
		}, []string{"type", "outcome"}),
		held: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "jobs_held_total", Help: "Attempts after which an accepted job waits for another one, by runner type, the side that failed (github, or the provider) and class of error, or not_up for a machine that another attempt launched.",
		}, []string{"type", "system", "class"}),
		errors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "errors_total", Help: "Failed attempts by the side that failed (github, or the provider) and class of error.",
		}, []string{"system", "class"}),
		launches: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Name: "launch_duration_seconds", Help: "Time from the launch call to the cloud's yes.",
			Buckets: []float64{.1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300},
		}, []string{"type", "provider"}),
		waits: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Name: "job_wait_seconds", Help: "Time from accepting a job to its being settled.",
			Buckets: []float64{.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 14400, 86400},
		}, []string{"type"}),
		stages: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Name: "job_stage_seconds", Help: "Time that started jobs took to reach a stage: registered (since accepted), launched (since registered), online (since launched, as the reconciler saw it), started (since launched, as GitHub says).",
			Buckets: []float64{.1, .5, 1, 2.5, 5, 10, 20, 30, 45, 60, 90, 120, 300, 900, 3600},
		}, []string{"type", "stage"}),
		sweeps: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Name: "sweep_duration_seconds", Help: "Time of the reconciler's sweeps, by result: ok, failed (something could not be read or done), put_off (repositories were left alone, because little is left of their credential's rate limit).",
			Buckets: []float64{.1, .5, 1, 2.5, 5, 10, 30, 60, 300},
		}, []string{"result"}),
		machines: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: namespace, Name: "machines", Help: "Machines alive at the last sweep, by runner type and state (booting, idle, busy, dead, unknown).",
		}, []string{"type", "state"}),
		reaped: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "reaped_total", Help: "Machines and registrations that the reconciler removed, by reason.",
		}, []string{"reason"}),
		found: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "reconciled_jobs_total", Help: "Jobs that the reconciler took up: started (no webhook came), replaced (their machine served another job or did not come up), recovered (from the delivery log), given_up.",
		}, []string{"how"}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "sweep_requests_total", Help: "The reconciler's requests to GitHub; those answered 304 cost no rate limit.",
		}, []string{"answer"}),
	}
	m.githubUp = prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: namespace, Name: "github_up", Help: "1 while GitHub answers and accepts the service's credential, as of the last minute; 0 while it does not.",
	})
	m.githubUp.Set(math.NaN()) // until it was asked
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: namespace, Name: "build_info", Help: "Always 1; its labels are the versions of the service and of Go.",
	}, []string{"version", "go"})
	build.WithLabelValues(Version(), runtime.Version()).Set(1)
	m.Registry.MustRegister(build, m.githubUp, m.deliveries, m.jobs, m.held, m.errors, m.launches, m.waits, m.stages, m.sweeps, m.machines, m.reaped, m.found, m.requests,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *Metrics) setGitHubUp(up bool) {
	m.up.Store(&up)
	m.githubUp.Set(map[bool]float64{true: 1}[up])
}

// GitHubUp reports whether GitHub accepts the service's credential, as of the last minute; nil if
// it has not been asked yet.
func (m *Metrics) GitHubUp() *bool { return m.up.Load() }

var (
	_ provisioner.Observer = (*Metrics)(nil)
	_ webhook.Observer     = (*Metrics)(nil)
	_ reconcile.Observer   = (*Metrics)(nil)
)

// Delivered implements webhook.Observer.
func (m *Metrics) Delivered(_ context.Context, o webhook.Outcome) {
	m.deliveries.WithLabelValues(string(o.Status)).Inc()
}

// Observe implements provisioner.Observer.
func (m *Metrics) Observe(_ context.Context, e provisioner.Event) {
	switch e.Kind {
	case provisioner.EventLaunched:
		m.launches.WithLabelValues(e.RunnerType, e.Provider).Observe(e.Took.Seconds())
	case provisioner.EventFailed:
		m.errors.WithLabelValues(provisioner.System(e.Err, e.Provider), provisioner.Class(e.Err)).Inc()
	case provisioner.EventSettled:
		m.jobs.WithLabelValues(e.RunnerType, string(e.Status)).Inc()
		m.waits.WithLabelValues(e.RunnerType).Observe(e.Took.Seconds())
	case provisioner.EventHeld:
		m.held.WithLabelValues(e.RunnerType, e.Reason.System, heldBy(e)).Inc()
	case provisioner.EventGivenUp:
		m.jobs.WithLabelValues(e.RunnerType, "failed").Inc()
	default: // the other steps are for logs
	}
}

// heldBy is the class of the error that left a job waiting, or the reason if there was none.
func heldBy(e provisioner.Event) string {
	if e.Err == nil {
		return string(e.Reason.Because)
	}
	return provisioner.Class(e.Err)
}

// started books how long a job that has just started took for each stage on its way.
func (m *Metrics) started(j journal.Job) {
	for _, stage := range []struct {
		name     string
		from, to time.Time
	}{
		{"registered", j.Accepted, j.Registered}, {"launched", j.Registered, j.Launched}, {"online", j.Launched, j.Online}, {"started", j.Launched, j.Started},
	} {
		if !stage.from.IsZero() && !stage.to.IsZero() {
			m.stages.WithLabelValues(j.Type, stage.name).Observe(max(stage.to.Sub(stage.from), 0).Seconds())
		}
	}
}

// Swept implements reconcile.Observer.
func (m *Metrics) Swept(_ context.Context, r reconcile.Report) {
	result := "ok"
	switch {
	case r.Failed:
		result = "failed"
	case r.PutOff > 0:
		result = "put_off"
	}
	m.sweeps.WithLabelValues(result).Observe(r.Duration.Seconds())
	m.machines.Reset()
	for kind, n := range r.Machines {
		m.machines.WithLabelValues(kind.Type, string(kind.State)).Set(float64(n))
	}
	for reason, n := range r.Reaped {
		m.reaped.WithLabelValues(string(reason)).Add(float64(n))
	}
	for how, n := range map[string]int{"started": r.Requeued - r.Replaced, "replaced": r.Replaced, "recovered": r.Recovered, "given_up": r.GivenUp} {
		m.found.WithLabelValues(how).Add(float64(n))
	}
	m.requests.WithLabelValues("304").Add(float64(r.Unchanged))
	m.requests.WithLabelValues("other").Add(float64(r.Requests - r.Unchanged))
}
