package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"slices"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/fx"
	"golang.org/x/time/rate"

	"github.com/datawire/github-runner-provisioner/adapters/internal/wiring"
	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/journal"
	"github.com/datawire/github-runner-provisioner/provisioner/queue"
)

// traces sends traces of jobs.
type traces struct {
	provider *sdktrace.TracerProvider // nil if nobody wants any
	journal  *journal.Journal         // from the start on
	tracer   trace.Tracer
}

const (
	// complainEvery is how often the log says that traces can't be sent.
	complainEvery = time.Minute
	// lastSend is the time for sending what is left at the end. The service's stop has 8 s for what
	// comes after the work.
	lastSend = 4 * time.Second
)

func newTraces(log *slog.Logger) (*traces, error) {
	to, err := endpoint()
	if err != nil || to == "" {
		return &traces{}, err
	}
	ctx := context.Background() // nothing is asked yet
	complaints := rate.Sometimes{First: 1, Interval: complainEvery}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		complaints.Do(func() { log.Warn("traces can't be sent, or some of them", "error", err) })
	}))
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_ENDPOINT: %w", err)
	}
	about, err := resource.New(ctx,
		resource.WithAttributes(semconv.ServiceName("github-runner-provisioner"), semconv.ServiceVersion(wiring.Version())),
		resource.WithTelemetrySDK(), resource.WithHost(), resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	log.Info("a trace is sent of every job that is over", "to", to)
	p := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(about), sdktrace.WithIDGenerator(identities{}))
	return &traces{provider: p, tracer: p.Tracer("github.com/datawire/github-runner-provisioner")}, nil
}

// endpoint is where traces go; empty if nowhere. The exporter would take one that it does not
// understand for one on this machine.
func endpoint() (to string, err error) {
	if os.Getenv("OTEL_SDK_DISABLED") == "true" {
		return "", nil
	}
	for _, name := range []string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"} {
		value := os.Getenv(name)
		if value == "" {
			continue
		}
		u, err := url.Parse(value)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			return "", fmt.Errorf("%s is not an address like https://collector.example.com:4318", name)
		}
		if p := cmp.Or(os.Getenv("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"), os.Getenv("OTEL_EXPORTER_OTLP_PROTOCOL")); p != "" && p != "http/protobuf" {
			return "", fmt.Errorf("OTEL_EXPORTER_OTLP_PROTOCOL is %q, and only http/protobuf is spoken here", p)
		}
		return u.Redacted(), nil
	}
	return "", nil
}

// keepTraces gives the traces their journal, and sends what is left when the service stops. What
// the journal keeps over the restart is sent whole by the next process.
func keepTraces(life fx.Lifecycle, t *traces, j *journal.Journal, q queue.Queue, log *slog.Logger) {
	t.journal = j
	if t.provider == nil {
		return
	}
	life.Append(fx.StopHook(func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, lastSend)
		defer cancel()
		if _, kept := q.(journal.Store); !kept {
			for _, at := range j.Jobs(func(x journal.Job) bool { return x.State == journal.Booting || x.State == journal.Running }) {
				if x, ok := j.Explain(at.ID); ok {
					t.send(ctx, x)
				}
			}
		}
		if err := t.provider.Shutdown(ctx); err != nil {
			log.WarnContext(ctx, "the last traces could not be sent", "error", err)
		}
	}))
}

// listener has a job's trace sent when the job is over.
func (t *traces) listener() wiring.Listener {
	return func(ctx context.Context, j journal.Job) {
		if t.provider == nil || !j.State.Over() {
			return
		}
		if x, ok := t.journal.Explain(j.ID); ok && isDue(x) { // with its timeline
			t.send(ctx, x)
		}
	}
}

// isDue reports whether a job's trace is to be sent. GitHub's word that it ended may come after
// what the reconciler saw, and then the same spans are sent again, with the one that was missing;
// but what was denied or given up has had its trace.
func isDue(j journal.Job) bool {
	toldBefore := func(s journal.Step) bool { return ends[s.Kind] && j.State == journal.Gone }
	return j.State.Over() && j.State != journal.Ignored && !slices.ContainsFunc(j.Timeline, toldBefore)
}

// send sends the stages of a job that are over, and the job's own span once its end is certain.
func (t *traces) send(ctx context.Context, j journal.Job) {
	if len(j.Timeline) == 0 {
		return
	}
	id := identityOf(j)
	begun := j.Timeline[0].At
	ctx, job := t.tracer.Start(id.as(ctx, "job", time.Time{}), "job "+j.Type, trace.WithNewRoot(), trace.WithTimestamp(begun), trace.WithAttributes(attributes(j)...))
	for _, s := range stages(j.Timeline) {
		if s.to.IsZero() {
			continue
		}
		_, span := t.tracer.Start(id.as(ctx, s.kind.String(), s.from), s.kind.String(), trace.WithTimestamp(s.from), trace.WithAttributes(outcomeKey.String(s.outcome)))
		for _, step := range s.during {
			span.AddEvent(string(step.Kind), trace.WithTimestamp(step.At), trace.WithAttributes(detailKey.String(step.Detail), timesKey.Int(max(step.Times, 1))))
		}
		if s.failed {
			span.SetStatus(codes.Error, s.outcome)
		}
		span.End(trace.WithTimestamp(s.to))
	}
	switch {
	case j.State == journal.GivenUp, j.State == journal.Denied:
		job.SetStatus(codes.Error, j.Because())
		job.End(trace.WithTimestamp(j.Since))
	case !j.Ended.IsZero():
		job.End(trace.WithTimestamp(j.Ended))
	}
}

// What OpenTelemetry has no word for.
const (
	typeKey     attribute.Key = "runner_provisioner.type"
	stateKey    attribute.Key = "runner_provisioner.state"
	providerKey attribute.Key = "runner_provisioner.provider"
	outcomeKey  attribute.Key = "runner_provisioner.outcome" // of a stage
	detailKey   attribute.Key = "runner_provisioner.detail"  // of an event
	timesKey    attribute.Key = "runner_provisioner.times"   // of an event, in a row
	attemptKey  attribute.Key = "github.run_attempt"
	labelsKey   attribute.Key = "github.labels"
)

// attributes say what a job is, in the words of OpenTelemetry's conventions for CI/CD.
func attributes(j journal.Job) []attribute.KeyValue {
	all := []attribute.KeyValue{
		semconv.CICDPipelineTaskRunID(fmt.Sprint(j.ID)), semconv.VCSOwnerName(j.Repository.Owner), semconv.VCSRepositoryName(j.Repository.Name),
		attemptKey.Int(max(j.RunAttempt, 1)), labelsKey.StringSlice(j.Labels), typeKey.String(j.Type), stateKey.String(string(j.State)),
	}
	for key, value := range map[attribute.Key]string{
		semconv.CICDPipelineNameKey: j.Workflow, semconv.CICDPipelineTaskNameKey: j.Name, semconv.CICDPipelineTaskRunURLFullKey: j.URL, semconv.VCSRefHeadRevisionKey: j.HeadSHA,
		semconv.CICDWorkerIDKey: j.Machine, semconv.CICDWorkerNameKey: j.Runner, providerKey: j.Provider, semconv.CICDPipelineTaskRunResultKey: result(j),
	} {
		if value != "" {
			all = append(all, key.String(value))
		}
	}
	if j.RunID != 0 {
		all = append(all, semconv.CICDPipelineRunID(fmt.Sprint(j.RunID)))
	}
	return all
}

// result is how a job ended, as the conventions call it.
func result(j journal.Job) string {
	for _, s := range slices.Backward(j.Timeline) {
		if s.Kind != provisioner.EventEnded {
			continue
		}
		named := map[string]attribute.KeyValue{
			"cancelled": semconv.CICDPipelineTaskRunResultCancellation, "timed_out": semconv.CICDPipelineTaskRunResultTimeout,
			"skipped": semconv.CICDPipelineTaskRunResultSkip, "startup_failure": semconv.CICDPipelineTaskRunResultError,
		}
		if r, ok := named[s.Detail]; ok {
			return r.Value.AsString()
		}
		return s.Detail // success, failure
	}
	return ""
}
