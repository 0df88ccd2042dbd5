package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest/fakehttp"
)

// scheduled is the event of an EventBridge rule, later that of EventBridge Scheduler.
var scheduled = []byte(`{"version":"0","id":"53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa","detail-type":"Scheduled Event","source":"aws.events","account":"123456789012",
	"time":"2026-10-08T16:53:06Z","region":"us-east-1","resources":["arn:aws:events:us-east-1:123456789012:rule/sweep"],"detail":{}}`)

func TestTheSecondSweepStartsTheJobsWhoseWebhookNeverCame(t *testing.T) {
	c := newClouds(t)
	c.env["REPOSITORIES"] = app.String()
	var jobs []string
	for _, j := range c.github.QueueJobs(app, 2, "ubuntu-arm64") {
		jobs = append(jobs, fmt.Sprint(j.ID))
	}
	f := cold(t, c.env)
	for n, event := range []string{string(scheduled), strings.ReplaceAll(string(scheduled), "aws.events", "aws.scheduler"), string(scheduled)} {
		if r := f.invoke(t, []byte(event)); r.error || string(r.body) != "null" {
			t.Fatalf("%s\n%s", r.body, f.output())
		}
		if got := c.served(); len(got) != 0 && n < 2 {
			t.Errorf("sweep %d made machines for %v; that is the worker's affair", n+1, got)
		}
		want := jobs
		switch n {
		case 0:
			want = nil // one look is not enough
		case 1:
			if failed := c.deliver(t, f); failed != nil {
				t.Errorf("failed: %v", failed)
			}
		}
		if got := c.served(); !slices.Equal(got, want) {
			t.Errorf("after %d sweeps machines for %v, want %v", n+1, got, want)
		}
	}
	if !strings.Contains(f.output(), `"msg":"swept","machines":2`) {
		t.Errorf("the log does not count the machines:\n%s", f.output())
	}
	c.checkNoSecret(t, f.output())
}

// TestASweepLooksAfterTheRepositoriesOfEarlierBatches of the same process, where one function does
// both.
func TestASweepLooksAfterTheRepositoriesOfEarlierBatches(t *testing.T) {
	c := newClouds(t)
	f := cold(t, c.env)
	cancelled := c.github.QueueJob(app, "ubuntu-arm64") // makes no machine, whose tags would tell
	cancelled.Repeated = true
	c.github.CancelJob(cancelled.ID)
	c.put(t, time.Now(), cancelled)
	if failed := c.deliver(t, f); failed != nil || len(c.served()) != 0 {
		t.Fatalf("failed: %v, machines for %v", failed, c.served())
	}
	missed := c.github.QueueJob(app, "ubuntu-arm64")
	for range 2 {
		f.invoke(t, scheduled)
	}
	if failed := c.deliver(t, f); failed != nil {
		t.Errorf("failed: %v", failed)
	}
	if got := c.served(); !slices.Equal(got, []string{fmt.Sprint(missed.ID)}) {
		t.Errorf("machines for %v, want one for %d\n%s", got, missed.ID, f.output())
	}
}

func TestAnIncompleteSweepIsAFailedInvocation(t *testing.T) {
	c := newClouds(t)
	c.env["REPOSITORIES"] = app.String()
	c.github.AddRepository(app.Owner, app.Name)
	c.ec2.SetFaults(func(string, *http.Request) *fakehttp.Fault {
		return &fakehttp.Fault{Status: http.StatusForbidden, Body: `<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>no</Message></Error></Errors></Response>`}
	})
	f := cold(t, c.env)
	if r := f.invoke(t, scheduled); !r.error || !strings.Contains(string(r.body), "UnauthorizedOperation") {
		t.Errorf("%s", r.body)
	}
	if !strings.Contains(f.output(), "what it could not see is left as it is") {
		t.Errorf("the log does not say so:\n%s", f.output())
	}
	c.ec2.SetFaults(nil)
	if r := f.invoke(t, scheduled); r.error {
		t.Errorf("and after that: %s", r.body)
	}
}

func TestAScheduleDoesNothingWhenTheReconcilerIsOff(t *testing.T) {
	c := newClouds(t)
	c.env["REPOSITORIES"], c.env["RECONCILE_INTERVAL"] = app.String(), "0"
	f := cold(t, c.env)
	before := c.calls()
	if r := f.invoke(t, scheduled); r.error {
		t.Errorf("%s", r.body)
	}
	if after := c.calls(); after != before || !strings.Contains(f.output(), "RECONCILE_INTERVAL=0") {
		t.Errorf("calls %s\n%s", after, f.output())
	}
}

func TestAfterEventsThatNobodyServesTheFunctionGoesOn(t *testing.T) {
	c := newClouds(t)
	f := cold(t, c.env)
	for _, event := range []string{
		`{}`, `[]`, `null`, `"text"`, `{"Records":[]}`, `{"Records":[{"eventSource":"aws:s3"}]}`, `{"source":"aws.ec2"}`,
		`{"version":"1.0","httpMethod":"POST","path":"/webhook","requestContext":{"httpMethod":"POST"}}`, // payload format 1.0
	} {
		if r := f.invoke(t, []byte(event)); !r.error || !strings.Contains(string(r.body), "payload format 2.0") {
			t.Errorf("%s: %s", event, r.body)
		}
	}
	if r := f.invoke(t, request(t, c.github.Payload("queued", c.github.QueueJob(app, "ubuntu-arm64")))); r.error || len(c.sqs.Messages()) != 1 {
		t.Errorf("%s", r.body)
	}
}
