package webhook_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/webhook"
	"github.com/datawire/github-runner-provisioner/provisioner/webhook/webhooktest"
)

func linux(edits ...webhooktest.Edit) []byte {
	return webhooktest.Payload(append([]webhooktest.Edit{webhooktest.Set("workflow_job.labels", []string{"linux"})}, edits...)...)
}

func TestADryRunLeavesNoTraceAndTheJobIsServedAfterwards(t *testing.T) {
	w := newWorld(t)
	c := find(t, "a job")
	c.Query = "dry-run=true"
	for range 2 {
		if got := w.receive(t, c); got.Body.Status != webhook.StatusPlanned || len(w.stored) != 0 {
			t.Fatalf("%s, stored %v", got.JSON(), w.stored)
		}
	}
	c.Query = ""
	if got := w.receive(t, c); got.Body.Status != webhook.StatusQueued || len(w.stored) != 1 {
		t.Errorf("%s, stored %v", got.JSON(), w.stored)
	}
	if got := w.receive(t, c); got.Body.Status != webhook.StatusDuplicate {
		t.Errorf("%s", got.JSON())
	}
}

func TestAPlanIsAnsweredWhateverThePlannerDoes(t *testing.T) {
	for name, test := range map[string]struct {
		planning func(context.Context, provisioner.Job) (provisioner.Plan, error)
		want     provisioner.Plan
	}{
		"it fails": {
			func(context.Context, provisioner.Job) (provisioner.Plan, error) {
				return provisioner.Plan{}, errors.New("the catalogue has no such type")
			},
			provisioner.Plan{UnverifiedBecause: "the catalogue has no such type", Request: json.RawMessage("null")},
		},
		"it fails halfway": {
			func(context.Context, provisioner.Job) (provisioner.Plan, error) {
				return provisioner.Plan{Provider: "aws", Verified: true}, errors.New("no such subnet")
			},
			provisioner.Plan{Provider: "aws", UnverifiedBecause: "no such subnet", Request: json.RawMessage("null")},
		},
		"its request can't be shown": {
			func(context.Context, provisioner.Job) (provisioner.Plan, error) {
				return provisioner.Plan{Provider: "aws", Verified: true, Request: math.Inf(1)}, nil
			},
			provisioner.Plan{Provider: "aws", UnverifiedBecause: "the request can't be shown: json: unsupported value: +Inf"},
		},
		"its request holds a script": {
			func(context.Context, provisioner.Job) (provisioner.Plan, error) {
				return provisioner.Plan{Provider: "aws", Verified: true, Request: "a && b > c"}, nil
			},
			provisioner.Plan{Provider: "aws", Verified: true, Request: json.RawMessage(`"a && b > c"`)},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.planning = test.planning
			got := w.receive(t, find(t, "a dry run by hand"))
			if got.Code != 200 || got.Body.Status != webhook.StatusPlanned || got.Body.RunnerType != "ubuntu-arm64" || got.Body.Plan == nil {
				t.Fatalf("%d %s", got.Code, got.JSON())
			}
			test.want.RunnerType = "ubuntu-arm64"
			test.want.RunnerName = got.Body.Plan.RunnerName
			if !strings.HasPrefix(test.want.RunnerName, "grp-ubuntu-arm64-7") {
				t.Errorf("runner name %q", test.want.RunnerName)
			}
			if diff := cmp.Diff(&test.want, got.Body.Plan); diff != "" {
				t.Error(diff)
			}
			if request, ok := test.want.Request.(json.RawMessage); ok && !strings.Contains(string(got.JSON()), string(request)) {
				t.Errorf("%s lacks %s", got.JSON(), request)
			}
		})
	}
}

func TestAPanicIsAnAnswer(t *testing.T) {
	w := newWorld(t)
	w.planning = func(context.Context, provisioner.Job) (provisioner.Plan, error) { panic("a defect") }
	got := w.receive(t, find(t, "a dry run by hand"))
	if got.Code != 500 || got.Body.Status != webhook.StatusFailed || strings.Contains(string(got.JSON()), "panic") {
		t.Errorf("%d %s", got.Code, got.JSON())
	}
	if line := w.logs(t)[0]; line["level"] != "ERROR" || !strings.Contains(line["error"].(string), "panic: a defect\n") {
		t.Errorf("logged %v", line)
	}
	if got := w.receive(t, find(t, "a job")); got.Code != 202 {
		t.Errorf("afterwards: %s", got.JSON())
	}
}

func TestAQueueThatHangsIsAnsweredBeforeGitHubHangsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		hang := webhook.AccepterFunc(func(ctx context.Context, _ string, _ provisioner.Job) (bool, error) {
			<-ctx.Done()
			return false, ctx.Err()
		})
		receiver, err := webhook.New(provisioner.NewSecret(secret), types(t), hang, w, webhook.Config{})
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		got := receiver.Receive(t.Context(), signed("workflow_job", linux()))
		if got.Code != 503 || time.Since(start) != 8*time.Second {
			t.Errorf("%d after %s, want 503 after 8s", got.Code, time.Since(start))
		}
	})
}

func TestTheSenderIsNotToldWhyTheQueueFails(t *testing.T) {
	w := newWorld(t)
	w.broken = errors.New("/var/lib/queue.db: disk full")
	got := w.receive(t, find(t, "a queue that can't store"))
	if got.Code != 503 || strings.Contains(string(got.JSON()), "queue.db") {
		t.Errorf("%d %s", got.Code, got.JSON())
	}
	if line := w.logs(t)[0]; line["level"] != "ERROR" || !strings.Contains(line["error"].(string), "disk full") {
		t.Errorf("logged %v", line)
	}
}

func TestReceiveStoresTheWholeJob(t *testing.T) {
	w := newWorld(t)
	created := time.Now().UTC().Truncate(time.Second)
	got := w.receiver.Receive(t.Context(), signed("workflow_job", linux(
		webhooktest.Set("workflow_job.id", 5), webhooktest.Set("workflow_job.run_attempt", 3), webhooktest.Set("workflow_job.created_at", created.Format(time.RFC3339)),
		webhooktest.Set("workflow_job.name", "build"), webhooktest.Set("workflow_job.workflow_name", "CI"), webhooktest.Set("workflow_job.html_url", "https://github.com/x"),
	)))
	want := stored{runnerType: "ubuntu-arm64", deadline: true, job: provisioner.Job{
		ID: 5, RunID: 2202229078, RunAttempt: 3, Repository: provisioner.Repository{Owner: "Octocoders", Name: "Hello-World"}, RepositoryID: 186853002, Labels: []string{"linux"},
		Name: "build", Workflow: "CI", URL: "https://github.com/x", HeadSHA: "3484a3fb816e0859fd6e1cea078d76385ff50625", CreatedAt: created,
	}}
	if diff := cmp.Diff(want, w.stored[5], cmp.AllowUnexported(stored{})); diff != "" || got.Body.Status != webhook.StatusQueued {
		t.Errorf("%s %s", got.JSON(), diff)
	}
}

func TestRecordedChanges(t *testing.T) {
	w := newWorld(t)
	w.receiver.Receive(t.Context(), signed("workflow_job", linux(webhooktest.Set("action", "completed"), webhooktest.Set("workflow_job.id", 5),
		webhooktest.Set("workflow_job.runner_name", "grp-x"), webhooktest.Set("workflow_job.conclusion", "cancelled"))))
	if len(w.recorded) != 1 {
		t.Fatalf("%d changes", len(w.recorded))
	}
	got := w.recorded[0]
	if got.Job.ID != 5 || got.Action != "completed" || got.RunnerType != "ubuntu-arm64" || got.RunnerName != "grp-x" || got.Conclusion != "cancelled" {
		t.Errorf("%+v", got)
	}
}

func TestHandleServesDeliveriesOfTheLog(t *testing.T) {
	w := newWorld(t)
	d, err := webhook.Decode("workflow_job", linux(webhooktest.Set("workflow_job.id", 5)))
	if err != nil {
		t.Fatal(err)
	}
	d.ID = "guid-7"
	if got := w.receiver.Handle(t.Context(), d); got.Code != 202 || got.Body.DryRunDefaulted != nil {
		t.Errorf("%s", got.JSON())
	}
	if got := w.stored[5]; !got.job.Repeated || got.runnerType != "ubuntu-arm64" {
		t.Errorf("stored %+v, want it repeated", got)
	}
	line := w.logs(t)[0]
	if line["delivery"] != "guid-7" || line["dry_run"] != false {
		t.Errorf("logged %v", line)
	}
	if got := w.receiver.Handle(t.Context(), d); got.Body.Status != webhook.StatusDuplicate {
		t.Errorf("again: %s", got.JSON())
	}
}

func TestHandleAppliesTheSameRules(t *testing.T) {
	job := provisioner.Job{ID: 1, RunAttempt: 1, Labels: []string{"linux"}, Repository: provisioner.Repository{Owner: "octo-org", Name: "example-a"}}
	with := func(edit func(*webhook.Delivery)) webhook.Delivery {
		d := webhook.Delivery{Event: "workflow_job", Action: "queued", Job: job}
		edit(&d)
		return d
	}
	for name, test := range map[string]struct {
		delivery webhook.Delivery
		want     webhook.Status
	}{
		"a ping":            {webhook.Delivery{Event: "ping"}, webhook.StatusIgnored},
		"a queued job":      {with(func(*webhook.Delivery) {}), webhook.StatusQueued},
		"a waiting job":     {with(func(d *webhook.Delivery) { d.Action = "waiting" }), webhook.StatusIgnored},
		"a completed job":   {with(func(d *webhook.Delivery) { d.Action = "completed" }), webhook.StatusRecorded},
		"other labels":      {with(func(d *webhook.Delivery) { d.Job.Labels = []string{"windows"} }), webhook.StatusIgnored},
		"other repository":  {with(func(d *webhook.Delivery) { d.Job.Repository.Owner = "x" }), webhook.StatusDenied},
		"no job":            {with(func(d *webhook.Delivery) { d.Job.ID = 0 }), webhook.StatusInvalid},
		"no attempt":        {with(func(d *webhook.Delivery) { d.Job.RunAttempt = 0 }), webhook.StatusInvalid},
		"a path for a name": {with(func(d *webhook.Delivery) { d.Job.Repository.Name = ".." }), webhook.StatusInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			if got := w.receiver.Handle(t.Context(), test.delivery); got.Body.Status != test.want {
				t.Errorf("%s, want %s", got.JSON(), test.want)
			}
			if stored := len(w.stored) == 1; stored != (test.want == webhook.StatusQueued) {
				t.Errorf("stored: %v", w.stored)
			}
		})
	}
}

func TestADryRunParameterWithoutValuesIsInvalid(t *testing.T) {
	w := newWorld(t)
	q := signed("workflow_job", linux())
	q.Query = url.Values{"dry-run": nil}
	if got := w.receiver.Receive(t.Context(), q); got.Code != 400 {
		t.Errorf("%s", got.JSON())
	}
}
