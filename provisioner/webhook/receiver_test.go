package webhook_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/datawire/github-runner-provisioner/labels"
	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/webhook"
	"github.com/datawire/github-runner-provisioner/provisioner/webhook/webhooktest"
)

func TestNewReportsAllFaultsAtOnce(t *testing.T) {
	_, err := webhook.New(provisioner.Secret{}, nil, nil, nil, webhook.Config{PreviousSecret: provisioner.NewSecret("old-secret"), Repositories: []string{"*", "a/[", "a/b/c", "", "octo-org/*"}, MaxBody: -1})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"the secret is empty", "no matcher", "no accepter", "no planner", `"*"`, `"a/["`, `"a/b/c"`, `""`, "MaxBody is -1"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %s: %v", want, err)
		}
	}
	if strings.Contains(err.Error(), `glob "octo-org/*"`) || strings.Contains(err.Error(), "old-secret") {
		t.Errorf("the error says too much: %v", err)
	}
}

func TestTheSecretIsRefusedWhenEmptyEvenWithAPreviousOne(t *testing.T) {
	w := newWorld(t)
	if _, err := webhook.New(provisioner.Secret{}, types(t), w, w, webhook.Config{PreviousSecret: provisioner.NewSecret(secret)}); err == nil {
		t.Error("no error")
	}
}

func TestBothSecretsAreAcceptedDuringRotation(t *testing.T) {
	w := newWorld(t, func(c *webhook.Config) { c.PreviousSecret = provisioner.NewSecret("the previous one") })
	for key, want := range map[string]int{secret: 202, "the previous one": 202, "a third one": 401, "": 401} {
		q := signed("workflow_job", webhooktest.Payload(webhooktest.Set("workflow_job.labels", []string{"linux"})))
		q.Header.Set("X-Hub-Signature-256", webhooktest.Sign(key, q.Body))
		if got := w.receiver.Receive(t.Context(), q); got.Code != want {
			t.Errorf("signed with %q: %d, want %d", key, got.Code, want)
		}
	}
}

func TestRepositories(t *testing.T) {
	for _, test := range []struct {
		globs      []string
		repository string
		allowed    bool
	}{
		{nil, "anybody/anything", true},
		{[]string{"octo-org/hello"}, "octo-org/hello", true},
		{[]string{"octo-org/hello"}, "octo-org/hello2", false},
		{[]string{"octo-org/*"}, "octo-org/anything", true},
		{[]string{"octo-org/*"}, "octo-org2/anything", false},
		{[]string{"Octo-Org/Hello*"}, "octo-ORG/HELLO-world", true},
		{[]string{" octo-org/* "}, "octo-org/x", true},
		{[]string{"*/*"}, "anybody/anything", true},
		{[]string{"a/*", "b/[c-d]?"}, "b/d1", true},
		{[]string{"a/*", "b/[c-d]?"}, "b/e1", false},
	} {
		t.Run(fmt.Sprint(test.globs, " ", test.repository), func(t *testing.T) {
			w := newWorld(t, func(c *webhook.Config) { c.Repositories = test.globs })
			owner, name, _ := strings.Cut(test.repository, "/")
			q := signed("workflow_job", webhooktest.Payload(webhooktest.Set("workflow_job.labels", []string{"linux"}),
				webhooktest.Set("repository.owner.login", owner), webhooktest.Set("repository.name", name)))
			want := map[bool]webhook.Status{true: webhook.StatusQueued, false: webhook.StatusDenied}[test.allowed]
			if got := w.receiver.Receive(t.Context(), q); got.Body.Status != want {
				t.Errorf("%s, want %s", got.JSON(), want)
			}
		})
	}
}

func TestAReceiverNeedsNoConfig(t *testing.T) {
	w := newWorld(t)
	receiver, err := webhook.New(provisioner.NewSecret(secret), types(t), w, w, webhook.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a job", "a job that started", "a request by hand", "no signature"} {
		c := find(t, name)
		if got := receiver.Receive(t.Context(), webhook.Request{Method: c.Method, Header: c.Header, Body: c.Body}); got.Code != c.WantCode {
			t.Errorf("%s: %s", name, got.JSON())
		}
	}
}

// planner stands for a provisioner.Provisioner.
type planner struct{}

func (planner) Plan(_ context.Context, j provisioner.Job) (provisioner.Plan, error) {
	return provisioner.Plan{Provider: "aws", RunnerName: provisioner.RunnerName("ubuntu-arm64", j), UnverifiedBecause: "no credentials"}, nil
}

func ExampleNew() {
	table, err := labels.NewTable(labels.Entry{Name: "ubuntu-arm64", Labels: []string{"self-hosted", "linux", "arm64", "ubuntu-arm64"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	store := webhook.AccepterFunc(func(_ context.Context, runnerType string, j provisioner.Job) (duplicate bool, err error) {
		fmt.Printf("stored job %s for a machine of type %s\n", j.Key(), runnerType)
		return false, nil
	})
	receiver, err := webhook.New(provisioner.NewSecret("FAKE_TOKEN"), table, store, planner{}, webhook.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}

	body := []byte(`{"action":"queued","workflow_job":{"id":7,"labels":["ubuntu-arm64"]},"repository":{"name":"hello","owner":{"login":"octo-org"}}}`)
	request := webhook.Request{Method: "POST", Body: body, Header: map[string][]string{
		"Content-Type": {"application/json"}, "X-Github-Event": {"workflow_job"}, "X-Hub-Signature-256": {webhooktest.Sign("FAKE_TOKEN", body)},
	}}
	fmt.Printf("%s", receiver.Receive(context.Background(), request).JSON()) // by hand: a dry run
	request.Header.Set("User-Agent", "GitHub-Hookshot/044aadd")
	fmt.Printf("%s", receiver.Receive(context.Background(), request).JSON())
	// Output:
	// {"status":"planned","job_id":7,"runner_type":"ubuntu-arm64","dry_run_defaulted":true,"plan":{"provider":"aws","runner_name":"grp-ubuntu-arm64-7-1","labels":null,"request":null,"verified":false,"unverified_because":"no credentials"}}
	// stored job 7-1 for a machine of type ubuntu-arm64
	// {"status":"queued","job_id":7,"runner_type":"ubuntu-arm64"}
}
