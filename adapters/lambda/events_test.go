package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest/fakehttp"
	"github.com/datawire/github-runner-provisioner/provisioner/webhook/webhooktest"
)

// lower is a header as function URLs and HTTP APIs hand it over: names in lower case, values of one
// name joined.
func lower(h http.Header) map[string]string {
	m := map[string]string{}
	for k, v := range h {
		m[strings.ToLower(k)] = strings.Join(v, ",")
	}
	return m
}

func v2(t *testing.T, c webhooktest.Case, encoded bool) []byte {
	t.Helper()
	e := events.APIGatewayV2HTTPRequest{
		Version: "2.0", RawPath: "/webhook", RawQueryString: c.Query, Headers: lower(c.Header), Body: string(c.Body),
		RequestContext: events.APIGatewayV2HTTPRequestContext{HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{Method: c.Method, Path: "/webhook"}},
	}
	if encoded {
		e.Body, e.IsBase64Encoded = base64.StdEncoding.EncodeToString(c.Body), true
	}
	return encode(t, e)
}

func alb(t *testing.T, c webhooktest.Case, multi bool) []byte {
	t.Helper()
	e := map[string]any{
		"requestContext": map[string]any{"elb": map[string]any{"targetGroupArn": "arn:aws:elasticloadbalancing:us-east-1:0:targetgroup/x"}},
		"httpMethod":     c.Method, "path": "/webhook", "body": base64.StdEncoding.EncodeToString(c.Body), "isBase64Encoded": true,
	}
	single, many := map[string]string{}, map[string][]string{}
	for p := range strings.SplitSeq(c.Query, "&") {
		if k, v, _ := strings.Cut(p, "="); p != "" {
			single[k], many[k] = v, append(many[k], v)
		}
	}
	if multi {
		headers := map[string][]string{}
		for k, v := range c.Header {
			headers[strings.ToLower(k)] = v
		}
		e["multiValueHeaders"], e["multiValueQueryStringParameters"] = headers, many
	} else {
		e["headers"], e["queryStringParameters"] = lower(c.Header), single
	}
	return encode(t, e)
}

// check looks at the answer to a case, in any of the forms.
func check(t *testing.T, c webhooktest.Case, r result) {
	t.Helper()
	if r.error {
		t.Fatalf("the function failed: %s", r.body)
	}
	var a struct {
		StatusCode        int
		Headers           map[string]string
		MultiValueHeaders map[string][]string
		Body              string
	}
	if err := json.Unmarshal(r.body, &a); err != nil {
		t.Fatal(err)
	}
	h := http.Header{}
	for k, v := range a.Headers {
		h.Set(k, v)
	}
	maps.Copy(h, a.MultiValueHeaders)
	c.Check(t, a.StatusCode, h, []byte(a.Body))
}

// TestEveryRowOfTheContract sends the table of deliveries that the HTTP server's tests send, in
// every form that a webhook request can have here.
func TestEveryRowOfTheContract(t *testing.T) {
	t.Parallel()
	c := newClouds(t)
	c.env["REPOSITORIES"] = strings.Join(webhooktest.Repositories(), ",")
	var catalogue strings.Builder
	catalogue.WriteString("runners:\n")
	for _, x := range webhooktest.Types() {
		fmt.Fprintf(&catalogue, "  - {name: %s, labels: [%s], provider: aws, aws: {image: ami-1, instance_types: [t4g.small]}}\n", x.Name, strings.Join(x.Labels, ", "))
	}
	c.env["RUNNERS_FILE"] = filepath.Join(t.TempDir(), "runners.yaml")
	if err := os.WriteFile(c.env["RUNNERS_FILE"], []byte(catalogue.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	forms := map[string]func(webhooktest.Case) []byte{
		"function URL":                   func(x webhooktest.Case) []byte { return v2(t, x, false) },
		"function URL, base64":           func(x webhooktest.Case) []byte { return v2(t, x, true) },
		"load balancer":                  func(x webhooktest.Case) []byte { return alb(t, x, false) },
		"load balancer with many values": func(x webhooktest.Case) []byte { return alb(t, x, true) },
	}
	for _, name := range slices.Sorted(maps.Keys(forms)) {
		t.Run(name, func(t *testing.T) {
			f := cold(t, c.env)
			for _, x := range webhooktest.Cases(secrets["WEBHOOK_TOKEN"]) {
				if len(x.Body) > 4<<20 || name == "load balancer" && !plain(x.Query) {
					continue // more than Lambda lets through; a form that can't carry it
				}
				t.Run(x.Name, func(t *testing.T) {
					if x.QueueFails {
						c.sqs.SetFaults(func(string, *http.Request) *fakehttp.Fault {
							return &fakehttp.Fault{Status: http.StatusForbidden, Body: `{"__type":"AccessDenied"}`}
						})
						defer c.sqs.SetFaults(nil)
					}
					before := len(c.sqs.Messages())
					for range x.Times {
						check(t, x, f.invoke(t, forms[name](x)))
					}
					if stored := len(c.sqs.Messages()) - before; (stored > 0) != x.WantStored {
						t.Errorf("%d messages stored, want some: %t", stored, x.WantStored)
					}
				})
			}
			c.checkNoSecret(t, f.output())
		})
	}
}

// plain reports whether a query has no name twice.
func plain(raw string) bool {
	q, _ := url.ParseQuery(raw)
	for _, v := range q {
		if len(v) > 1 {
			return false
		}
	}
	return true
}

func batchOf(t *testing.T, messages ...events.SQSMessage) []byte {
	t.Helper()
	return encode(t, events.SQSEvent{Records: messages})
}

func failures(t *testing.T, r result) (ids []string) {
	t.Helper()
	var resp events.SQSEventResponse
	if err := json.Unmarshal(r.body, &resp); r.error || err != nil {
		t.Fatalf("%v: %s", err, r.body)
	}
	for _, x := range resp.BatchItemFailures {
		ids = append(ids, x.ItemIdentifier)
	}
	slices.Sort(ids)
	return ids
}

func TestAWebhookBecomesOneMachine(t *testing.T) {
	t.Parallel()
	c := newClouds(t)
	f := cold(t, c.env)
	j := c.github.QueueJob(app, "ubuntu-arm64")
	if r := f.invoke(t, request(t, c.github.Payload("queued", j))); r.error || !strings.Contains(string(r.body), `"statusCode":202`) {
		t.Fatalf("%s", r.body)
	}
	if got := c.served(); len(got) != 0 {
		t.Errorf("accepting alone launched %v", got)
	}
	stored := c.sqs.Messages()
	if len(stored) != 1 {
		t.Fatalf("%d messages in the queue, want 1", len(stored))
	}
	event := batchOf(t, message("m-1", stored[0].Body, 1))
	if failed := failures(t, f.invoke(t, event)); failed != nil {
		t.Errorf("failed: %v\n%s", failed, f.output())
	}
	// SQS may deliver it once more, to this environment or to another.
	if failed := failures(t, f.invoke(t, batchOf(t, message("m-1", stored[0].Body, 2)))); len(failed) != 1 || !strings.Contains(f.output(), "is not up yet: it is looked at again") {
		t.Errorf("a message that finds a machine that is not up is not kept: %v", failed)
	}
	c.boot()
	for range 2 {
		if failed := failures(t, f.invoke(t, batchOf(t, message("m-1", stored[0].Body, 2)))); failed != nil {
			t.Errorf("failed: %v", failed)
		}
		f = cold(t, c.env)
	}
	if got := c.served(); !slices.Equal(got, []string{fmt.Sprint(j.ID)}) {
		t.Errorf("machines for jobs %v, want one for %d", got, j.ID)
	}
	c.checkNoSecret(t, f.output())
}

func TestOfABatchOfTenTheThreeThatFailComeBack(t *testing.T) {
	t.Parallel()
	c := newClouds(t)
	broken := provisioner.Repository{Owner: "octo-org", Name: "broken"}
	c.github.AddRepository(broken.Owner, broken.Name)
	c.github.SetFaults(func(_ string, r *http.Request) *fakehttp.Fault {
		if strings.Contains(r.URL.Path, "/broken/") {
			return &fakehttp.Fault{Status: http.StatusBadGateway}
		}
		return nil
	})
	f := cold(t, c.env)
	var messages []events.SQSMessage
	var want []string
	var good []string
	for n := range 10 {
		r := app
		if n%4 == 1 {
			r = broken
			want = append(want, fmt.Sprintf("m-%d", n))
		}
		j := c.github.QueueJob(r, "ubuntu-arm64")
		if r == app {
			good = append(good, fmt.Sprint(j.ID))
		}
		messages = append(messages, message(fmt.Sprintf("m-%d", n), body(t, j, "ubuntu-arm64"), 1))
	}
	slices.Sort(good)
	if got := failures(t, f.invoke(t, batchOf(t, messages...))); !slices.Equal(got, want) {
		t.Errorf("failed: %v, want %v\n%s", got, want, f.output())
	}
	if got := c.served(); !slices.Equal(got, good) {
		t.Errorf("machines for %v, want %v", got, good)
	}
	if n := c.sqs.Calls()["ChangeMessageVisibility"]; n != len(want) {
		t.Errorf("%d messages were told when to come back, want %d", n, len(want))
	}
}

func TestWhatCantBeReadGoesToTheDeadLetterQueue(t *testing.T) {
	t.Parallel()
	c := newClouds(t)
	c.env["DEAD_LETTER_URL"] = strings.TrimSuffix(c.env["QUEUE_URL"], "jobs") + "dead"
	f := cold(t, c.env)
	if failed := failures(t, f.invoke(t, batchOf(t, message("m-1", "not a job", 1)))); failed != nil {
		t.Errorf("failed: %v", failed)
	}
	if got := c.dead.Messages(); len(got) != 1 || got[0].Body != "not a job" {
		t.Errorf("in the dead-letter queue: %v", got)
	}
	if !strings.Contains(f.output(), "given up") {
		t.Errorf("the log does not say so:\n%s", f.output())
	}
	c.dead.SetFaults(func(string, *http.Request) *fakehttp.Fault {
		return &fakehttp.Fault{Status: http.StatusForbidden, Body: `{}`}
	})
	if failed := failures(t, f.invoke(t, batchOf(t, message("m-2", "not a job", 1)))); !slices.Equal(failed, []string{"m-2"}) {
		t.Errorf("without a dead-letter queue that takes it, failed: %v", failed)
	}
}

func TestAFunctionKilledBetweenReceiveAndDeleteStartsNoSecondMachine(t *testing.T) {
	t.Parallel()
	for _, operation := range []string{"RunInstances", "generate-jitconfig"} {
		t.Run(operation, func(t *testing.T) {
			t.Parallel()
			c := newClouds(t)
			f := cold(t, c.env)
			reached := make(chan struct{}, 100)
			hang := func(op string, _ *http.Request) *fakehttp.Fault {
				if !strings.Contains(op, operation) {
					return nil
				}
				reached <- struct{}{}
				return &fakehttp.Fault{Lose: true}
			}
			c.ec2.SetFaults(hang)
			c.github.SetFaults(hang)
			j := c.github.QueueJob(app, "ubuntu-arm64")
			text := body(t, j, "ubuntu-arm64")
			if _, err := f.send(t.Context(), batchOf(t, message("m-1", text, 1))); err != nil {
				t.Fatal(err)
			}
			select {
			case <-reached:
			case <-time.After(patience):
				t.Fatalf("%s was not called:\n%s", operation, f.output())
			}
			f.kill()
			c.ec2.SetFaults(nil)
			c.github.SetFaults(nil)
			f = cold(t, c.env)
			for n, failed := 2, []string{"m-1"}; failed != nil; n++ {
				if failed = failures(t, f.invoke(t, batchOf(t, message("m-1", text, n)))); n > 5 {
					t.Fatalf("the job is not served:\n%s", f.output())
				}
				c.boot()
			}
			if got := c.served(); !slices.Equal(got, []string{fmt.Sprint(j.ID)}) {
				t.Errorf("machines for jobs %v, want one for %d", got, j.ID)
			}
		})
	}
}

func TestAScheduleSweeps(t *testing.T) {
	t.Parallel()
	c := newClouds(t)
	c.env["REPOSITORIES"] = "octo-org/app"
	c.github.AddRepository(app.Owner, app.Name)
	f := cold(t, c.env)
	if r := f.invoke(t, []byte(`{"version":"0","id":"1","detail-type":"Scheduled Event","source":"aws.events","time":"2026-01-01T00:00:00Z","detail":{}}`)); r.error {
		t.Fatalf("%s\n%s", r.body, f.output())
	}
	if c.ec2.Calls()["DescribeInstances"] == 0 || c.github.Calls()["GET /repos/{owner}/{repo}/actions/runs"] == 0 {
		t.Errorf("the sweep looked at EC2 %v, GitHub %v", c.ec2.Calls(), c.github.Calls())
	}
	if !strings.Contains(f.output(), "swept") {
		t.Errorf("the log does not tell:\n%s", f.output())
	}
}

func TestAnUnknownEventIsAnError(t *testing.T) {
	f := cold(t, newClouds(t).env)
	if r := f.invoke(t, []byte(`{"hello":"world"}`)); !r.error || !strings.Contains(string(r.body), "schedule") {
		t.Errorf("%s", r.body)
	}
}
