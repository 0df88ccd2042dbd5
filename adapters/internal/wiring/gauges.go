package wiring

import (
	"context"
	"log/slog"
	"maps"
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/datawire/github-runner-provisioner/adapters/internal/config"
	"github.com/datawire/github-runner-provisioner/provisioner/github"
	"github.com/datawire/github-runner-provisioner/provisioner/journal"
	"github.com/datawire/github-runner-provisioner/provisioner/queue"
)

// Gauges adds what is measured at the moment somebody asks (the jobs in the queue, why they wait,
// and what is left of GitHub's rate limit) and the limits that machines are measured by.
func Gauges(m *Metrics, q queue.Queue, j *journal.Journal, gh *github.Client, cfg *config.Config, log *slog.Logger) error {
	most := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: namespace, Name: "machines_max", Help: "The most machines that a runner type may have at once, as the catalogue says; none if it says nothing.",
	}, []string{"type"})
	for _, r := range cfg.Runners {
		if r.Max > 0 {
			most.WithLabelValues(r.Name).Set(float64(r.Max))
		}
	}
	gauges := []prometheus.Collector{
		most, newWaits(j),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: namespace, Name: "github_requests_remaining", Help: "Requests that GitHub's rate limit still allows, as of its last answer.",
		}, func() float64 { return known(gh.Quota().Remaining, gh.Quota().Limit) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: namespace, Name: "github_requests_limit", Help: "GitHub's rate limit for an hour, as of its last answer.",
		}, func() float64 { return known(gh.Quota().Limit, gh.Quota().Limit) }),
	}
	if d, ok := q.(queue.Depth); ok {
		gauges = append(gauges, depth{NewRemembered(d.Depth, depthTimeout, depthMemory), cfg, log, prometheus.NewDesc(
			prometheus.BuildFQName(namespace, "", "queue_jobs"), "Accepted jobs that wait for their machine, by runner type.", []string{"type"}, nil)})
	}
	for _, g := range gauges {
		if err := m.Registry.Register(g); err != nil {
			return err
		}
	}
	return nil
}

// known is a number of a rate limit, or none as long as GitHub has said nothing.
func known(n, limit int) float64 {
	if limit == 0 {
		return math.NaN()
	}
	return float64(n)
}

// depth collects the lengths of the queue's lanes.
type depth struct {
	lanes *Remembered[map[string]int]
	cfg   *config.Config
	log   *slog.Logger
	desc  *prometheus.Desc
}

const (
	// depthTimeout is below what scrapers wait.
	depthTimeout = 2 * time.Second
	// depthMemory keeps strangers who ask for metrics from taking the queue's time, which counts
	// all messages: 0.1 s for 100,000.
	depthMemory = 5 * time.Second
)

// Describe implements prometheus.Collector.
func (d depth) Describe(descs chan<- *prometheus.Desc) { descs <- d.desc }

// Collect implements prometheus.Collector.
func (d depth) Collect(metrics chan<- prometheus.Metric) {
	counted, err := d.lanes.Get(context.Background())
	if err != nil {
		d.log.Warn("the queue can't be counted", "error", err)
		return
	}
	lanes := make(map[string]int, len(counted))
	maps.Copy(lanes, counted)
	for _, r := range d.cfg.Runners {
		lanes[r.Name] += 0 // one that is empty is worth knowing too
	}
	for lane, n := range lanes {
		metrics <- prometheus.MustNewConstMetric(d.desc, prometheus.GaugeValue, float64(n), lane)
	}
}
