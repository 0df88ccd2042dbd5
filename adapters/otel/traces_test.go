package main

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/fx/fxtest"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/journal"
	"github.com/datawire/github-runner-provisioner/provisioner/queue"
)

func job(t *testing.T, state journal.State, steps string) journal.Job {
	t.Helper()
	j := journal.Job{
		Job: provisioner.Job{
			ID: 29679449, RunAttempt: 2, RunID: 940463255, Repository: provisioner.Repository{Owner: "octo-org", Name: "app"}, Labels: []string{"ubuntu-arm64"},
			Name: "build", Workflow: "CI", URL: "https://github.com/octo-org/app/actions/runs/940463255/job/29679449", HeadSHA: "c0ffee",
		},
		Type: "ubuntu-arm64", State: state, Runner: "grp-29679449-2", Machine: "i-0abc", Provider: "aws", Timeline: timeline(t, steps),
	}
	for _, s := range j.Timeline {
		j.Since = s.At
		if s.Kind == provisioner.EventEnded {
			j.Ended = s.At
		}
	}
	if state == journal.GivenUp {
		j.Reason = provisioner.Reason{Because: provisioner.BecauseGone, Type: j.Type}
	}
	return j
}

// tell has a process of its own hear of jobs, and end.
func tell(t *testing.T, log *slog.Logger, jobs ...journal.Job) {
	t.Helper()
	traces, err := newTraces(log)
	if err != nil {
		t.Fatal(err)
	}
	life := fxtest.NewLifecycle(t)
	keepTraces(life, traces, journal.New(journal.Config{}), queue.NewMemory(time.Minute), log)
	life.RequireStart()
	for _, j := range jobs {
		if traces.provider != nil && isDue(j) {
			traces.send(t.Context(), j)
		}
	}
	life.RequireStop()
}

var quiet = slog.New(slog.DiscardHandler)

func TestAJobThatIsOverIsOneTrace(t *testing.T) {
	c := newCollector(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", c.url)
	tell(t, quiet, job(t, journal.Ended, "created@0 accepted@1 waits@2 registered@3 launched@4 online@40 started@42 ended@100"))
	got := c.received()
	if names(got) != "job ubuntu-arm64, deliver, wait, launch, boot, take, run" || c.service != "github-runner-provisioner" {
		t.Fatalf("%s sent %s", c.service, names(got))
	}
	root := got[0]
	if root.parent != "" || time.Unix(0, int64(root.StartTimeUnixNano)).UTC() != noon || root.EndTimeUnixNano-root.StartTimeUnixNano != 100e9 {
		t.Errorf("the job: %v", root)
	}
	about := attributesOf(root.Attributes)
	for key, want := range map[string]string{
		"cicd.pipeline.name": "CI", "cicd.pipeline.run.id": "940463255", "cicd.pipeline.task.name": "build", "cicd.pipeline.task.run.id": "29679449",
		"cicd.pipeline.task.run.url.full": "https://github.com/octo-org/app/actions/runs/940463255/job/29679449", "vcs.owner.name": "octo-org", "vcs.repository.name": "app",
		"vcs.ref.head.revision": "c0ffee", "cicd.worker.id": "i-0abc", "cicd.worker.name": "grp-29679449-2", "cicd.pipeline.task.run.result": "ended it was",
		"github.run_attempt": "2", "runner_provisioner.type": "ubuntu-arm64", "runner_provisioner.state": "ended", "runner_provisioner.provider": "aws",
	} {
		if about[key] != want {
			t.Errorf("%s is %q, want %q", key, about[key], want)
		}
	}
	for _, s := range got[1:] {
		if s.trace != root.trace || s.parent != root.id || s.id == root.id {
			t.Errorf("%s is %s of %s in %s, want it in %s of %s", s.Name, s.id, s.parent, s.trace, root.id, root.trace)
		}
	}
	wait := got[2]
	if len(wait.Events) != 1 || wait.Events[0].Name != "waits" || attributesOf(wait.Events[0].Attributes)["runner_provisioner.detail"] != "waits it was" {
		t.Errorf("during the wait: %v", wait.Events)
	}
}

// Whoever has a job's id and attempt finds its trace:
// printf 'github-runner-provisioner job 29679449-2' | sha256sum | cut -c 1-32.
func TestATraceIsFoundByItsJob(t *testing.T) {
	id := identityOf(job(t, journal.Ended, ""))
	if want := "4fdad3373f03026d9b63500e1d39bb5e"; id.trace.String() != want {
		t.Errorf("the trace is %s, want %s", id.trace, want)
	}
	other := job(t, journal.Ended, "")
	other.RunAttempt = 3
	if identityOf(other).trace == id.trace || !id.trace.IsValid() {
		t.Error("another attempt is another trace")
	}
}

// Two processes, one before a restart and one after it, or two replicas.
func TestProcessesWriteIntoOneTrace(t *testing.T) {
	c := newCollector(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", c.url)
	tell(t, quiet, job(t, journal.Ended, "accepted@1 registered@3 launched@4 online@40 machine_lost@50"))
	tell(t, quiet, job(t, journal.Ended, "created@0 started@42 ended@100"))
	got := c.received()
	if names(got) != "job ubuntu-arm64, deliver, wait, launch, boot, run" {
		t.Fatalf("they sent %s", names(got))
	}
	for _, s := range got {
		if s.trace != got[0].trace || s.parent != "" && s.parent != got[0].id {
			t.Errorf("%s is of %s in %s, want it in %s of %s", s.Name, s.parent, s.trace, got[0].id, got[0].trace)
		}
	}
	tell(t, quiet, job(t, journal.Ended, "created@0 started@42 ended@100"))
	ids := map[string]bool{}
	for _, s := range c.received() {
		ids[s.id] = true
	}
	if len(ids) != len(got) {
		t.Errorf("the same spans again are %d, want %d", len(ids), len(got))
	}
}

func TestWhatHasItsTrace(t *testing.T) {
	for name, c := range map[string]struct {
		state       journal.State
		steps, want string
		failed      bool
	}{
		"a job that waits":         {journal.Waiting, "created@0 accepted@1 held@2", "", false},
		"a job that runs":          {journal.Running, "created@0 accepted@1 started@2", "", false},
		"a job of other runners":   {journal.Ignored, "created@0 ignored@1", "", false},
		"a job that was cancelled": {journal.Gone, "created@0 accepted@1 ended@2", "job ubuntu-arm64, deliver, wait", false},
		"a job given up":           {journal.GivenUp, "created@0 accepted@1 given_up@2", "job ubuntu-arm64, deliver, wait", true},
		"and later ended":          {journal.Gone, "created@0 accepted@1 given_up@2 ended@90", "", false},
		"a job that is denied":     {journal.Denied, "created@0 denied@1", "job ubuntu-arm64, deliver", true},
	} {
		t.Run(name, func(t *testing.T) {
			collector := newCollector(t)
			t.Setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", collector.url+"/v1/traces")
			tell(t, quiet, job(t, c.state, c.steps))
			got := collector.received()
			if names(got) != c.want {
				t.Fatalf("sent: %s\nwant: %s", names(got), c.want)
			}
			if c.failed != (len(got) > 0 && got[0].Status.GetCode() == 2) {
				t.Errorf("the job's status is %v", got[0].Status)
			}
		})
	}
}

func TestWhereTracesGo(t *testing.T) {
	for name, c := range map[string]struct {
		env   map[string]string
		fault string
		sends bool
	}{
		"nowhere":               {map[string]string{}, "", false},
		"nowhere, and disabled": {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_SDK_DISABLED": "true"}, "", false},
		"no address":            {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4318"}, "OTEL_EXPORTER_OTLP_ENDPOINT is not an address", false},
		"no address of its own": {map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "s3cret"}, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is not an address", false},
		"an unknown protocol":   {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, `OTEL_EXPORTER_OTLP_PROTOCOL is "grpc"`, false},
		"by the only protocol":  {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, "", true},
		"with half a label":     {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_RESOURCE_ATTRIBUTES": "team"}, "OTEL_RESOURCE_ATTRIBUTES", false},
	} {
		t.Run(name, func(t *testing.T) {
			for k, v := range c.env {
				t.Setenv(k, v)
			}
			traces, err := newTraces(quiet)
			switch {
			case c.fault == "" && (err != nil || (traces.provider != nil) != c.sends):
				t.Errorf("got %v, %v", traces, err)
			case c.fault != "" && (err == nil || !strings.Contains(err.Error(), c.fault) || strings.Contains(err.Error(), "s3cret")):
				t.Errorf("got the error %v", err)
			}
		})
	}
}

func TestTheSDKsOwnVariablesCount(t *testing.T) {
	c := newCollector(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", c.url)
	over := job(t, journal.Ended, "created@0 accepted@1 ended@2")
	t.Setenv("OTEL_TRACES_SAMPLER", "always_off")
	tell(t, quiet, over)
	if got := c.received(); len(got) != 0 {
		t.Errorf("sent %s, although nothing is to be sampled", names(got))
	}
	t.Setenv("OTEL_TRACES_SAMPLER", "always_on")
	t.Setenv("OTEL_SERVICE_NAME", "runners of octo-org")
	tell(t, quiet, over)
	if got := c.received(); len(got) != 3 || c.service != "runners of octo-org" {
		t.Errorf("%s sent %s", c.service, names(got))
	}
}

func TestTheLogSaysOnceThatTracesCantBeSent(t *testing.T) {
	c := newCollector(t)
	c.refuse = http.StatusForbidden
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", c.url)
	t.Setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "1")
	var out bytes.Buffer
	tell(t, slog.New(slog.NewTextHandler(&out, nil)), job(t, journal.Ended, "created@0 accepted@1 registered@2 ended@3"))
	if n := strings.Count(out.String(), "traces can't be sent"); n != 1 || c.requests() != 4 || !strings.Contains(out.String(), "403") {
		t.Errorf("%d requests, and the log:\n%s", c.requests(), &out)
	}
}

// A collector that is down for a while is asked again, and the stop does not wait for it for long.
func TestACollectorThatIsDownDoesNotSpoilTheStop(t *testing.T) {
	c := newCollector(t)
	c.refuse = http.StatusServiceUnavailable
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", c.url)
	var out bytes.Buffer
	begun := time.Now()
	tell(t, slog.New(slog.NewTextHandler(&out, nil)), job(t, journal.Ended, "created@0 ended@1"))
	if took := time.Since(begun); took < lastSend || !strings.Contains(out.String(), "the last traces could not be sent") {
		t.Errorf("it gave up after %s:\n%s", took, &out)
	}
}

// What a process that forgets knows of jobs that are not over is lost unless it is sent.
func TestTheStopSendsWhatNobodyKeeps(t *testing.T) {
	for name, c := range map[string]struct {
		queue queue.Queue
		want  string
	}{
		"a queue that forgets":               {queue.NewMemory(time.Minute), "wait, launch"},
		"a queue that keeps the journal too": {kept{queue.NewMemory(time.Minute)}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			collector := newCollector(t)
			t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
			traces, err := newTraces(quiet)
			if err != nil {
				t.Fatal(err)
			}
			j := journal.New(journal.Config{})
			about := provisioner.Job{ID: 1, Repository: provisioner.Repository{Owner: "octo-org", Name: "app"}}
			for i, kind := range []provisioner.EventKind{provisioner.EventAccepted, provisioner.EventRegistered, provisioner.EventLaunched} {
				j.Observe(t.Context(), provisioner.Event{Kind: kind, Job: about, RunnerType: "linux", At: noon.Add(time.Duration(i) * time.Second)})
			}
			life := fxtest.NewLifecycle(t)
			keepTraces(life, traces, j, c.queue, quiet)
			life.RequireStart().RequireStop()
			if got := names(collector.received()); got != c.want {
				t.Errorf("sent: %s\nwant: %s", got, c.want)
			}
		})
	}
}

type kept struct{ *queue.Memory }

func (kept) SaveJobs(context.Context, map[int64][]byte, []int64) error { return nil }
func (kept) LoadJobs(context.Context) (map[int64][]byte, error)        { return nil, nil }
