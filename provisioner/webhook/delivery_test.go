package webhook_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/webhook"
	"github.com/datawire/github-runner-provisioner/provisioner/webhook/webhooktest"
)

func TestDecodeReadsAllOfGitHubsExamples(t *testing.T) {
	var jobs int
	for _, name := range webhooktest.Examples() {
		event, _, _ := strings.Cut(name, "-")
		d, err := webhook.Decode(event, webhooktest.Example(name))
		if err != nil || d.Event != event {
			t.Errorf("%s: %+v, %v", name, d, err)
		}
		if event == "workflow_job" {
			jobs++
			if !strings.HasSuffix(name, "-"+d.Action) {
				t.Errorf("%s: action %s", name, d.Action)
			}
		}
	}
	if jobs != 8 {
		t.Errorf("%d examples of workflow_job, want 8", jobs)
	}
}

func TestDecode(t *testing.T) {
	for name, want := range map[string]webhook.Delivery{
		"workflow_job-0-in_progress": { // from 2021: neither run_attempt nor created_at nor workflow_name
			Event: "workflow_job", Action: "in_progress", RunnerName: "my runner", RunnerID: 1, StartedAt: time.Date(2021, 6, 15, 19, 22, 27, 0, time.UTC),
			Job: provisioner.Job{
				ID: 2832853555, RunID: 940463255, RunAttempt: 1, Repository: provisioner.Repository{Owner: "octo-org", Name: "example-workflow"}, RepositoryID: 376034443,
				Labels: []string{"gpu", "db-app", "dc-03"}, Name: "Test workflow", HeadSHA: "e3103f8eb03e1ad7f2331c5446b23c070fc54055", URL: "https://github.com/octo-org/example-workflow/runs/2832853555",
			},
		},
		"workflow_job-6-queued": { // its workflow_job.status is waiting
			Event: "workflow_job", Action: "queued", StartedAt: time.Date(2023, 4, 19, 21, 12, 12, 0, time.UTC),
			Job: provisioner.Job{
				ID: 12877621891, RunID: 4747967848, RunAttempt: 1, Repository: provisioner.Repository{Owner: "lineville", Name: "elastic-machines-testing"}, RepositoryID: 591427149,
				Labels: []string{"self-hosted", "k8s"}, Name: "test", Workflow: "Env Test", HeadSHA: "16c5286e8d9a0629956a28938386b36608707a71",
				URL:       "https://github.com/lineville/elastic-machines-testing/actions/runs/4747967848/jobs/8433573014",
				CreatedAt: time.Date(2023, 4, 19, 21, 12, 12, 0, time.UTC),
			},
		},
		"ping-0-none": {Event: "ping"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := webhook.Decode(want.Event, webhooktest.Example(name))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Forges other than GitHub send 0 with jobs that have not begun yet.
func TestAnAttemptThatIsNotCountedIsTheFirst(t *testing.T) {
	for _, edit := range []webhooktest.Edit{webhooktest.Set("workflow_job.run_attempt", 0), webhooktest.Unset("workflow_job.run_attempt")} {
		if d, err := webhook.Decode("workflow_job", webhooktest.Payload(edit)); err != nil || d.Job.RunAttempt != 1 {
			t.Errorf("attempt %d, %v", d.Job.RunAttempt, err)
		}
	}
}

func TestDecodeNamesAllMissingFieldsAtOnce(t *testing.T) {
	_, err := webhook.Decode("workflow_job", []byte(`{"workflow_job":{"run_attempt":-1}}`))
	invalid, ok := errors.AsType[*webhook.InvalidError](err)
	if !ok {
		t.Fatalf("%v is no InvalidError", err)
	}
	for _, path := range []string{
		"action", "workflow_job.id", "workflow_job.run_attempt", "workflow_job.labels", "repository.owner.login", "repository.name",
	} {
		if !strings.Contains(invalid.Reason, path+" is ") {
			t.Errorf("%q does not name %s", invalid.Reason, path)
		}
	}
}

func TestDecodeNeverQuotesThePayload(t *testing.T) {
	for _, body := range []string{`{"action": tell-nobody}`, `{"action":"a","workflow_job":{"id":"tell-nobody"}}`, `tell-nobody`, `["tell-nobody"]`} {
		for _, event := range []string{"workflow_job", "ping"} {
			if _, err := webhook.Decode(event, []byte(body)); err != nil && strings.Contains(err.Error(), "tell") {
				t.Errorf("%v", err)
			}
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, name := range webhooktest.Examples() {
		event, _, _ := strings.Cut(name, "-")
		f.Add(event, webhooktest.Example(name))
	}
	f.Add("workflow_job", []byte(`{"action":"queued","workflow_job":{"id":1,"labels":[null,""]},"repository":{"name":"a","owner":{"login":"b"}}}`))
	f.Fuzz(func(t *testing.T, event string, body []byte) {
		d, err := webhook.Decode(event, body)
		if err != nil {
			if invalid, ok := errors.AsType[*webhook.InvalidError](err); !ok || invalid.Reason == "" || len(invalid.Reason) > 1000 {
				t.Errorf("a strange error: %v", err)
			}
			return
		}
		if d.Event != event || !json.Valid(body) {
			t.Errorf("%q was decoded as %+v", body, d)
		}
		if event == "workflow_job" {
			checkJob(t, d.Job)
		}
	})
}

// checkJob makes sure that a job is fit to be stored, and its repository fit to be part of a URL.
func checkJob(t *testing.T, j provisioner.Job) {
	t.Helper()
	if j.ID <= 0 || j.RunAttempt <= 0 || j.Labels == nil {
		t.Errorf("an unusable job: %+v", j)
	}
	for _, name := range []string{j.Repository.Owner, j.Repository.Name} {
		if strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") != "" || name == "" || name == "." || name == ".." || len(name) > 100 {
			t.Errorf("an unusable repository: %q", j.Repository)
		}
	}
	for _, l := range j.Labels {
		if l == "" {
			t.Errorf("an empty label: %q", j.Labels)
		}
	}
}
