package main

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest/fakehttp"
	"github.com/datawire/github-runner-provisioner/provisioner/webhook/webhooktest"
)

// queued is GitHub's delivery of a queued job.
func (c *clouds) queued(body []byte) webhooktest.Case {
	return webhooktest.Case{
		Method: http.MethodPost, Body: body, Times: 1, WantCode: http.StatusAccepted, WantStatus: []string{"queued"}, WantType: "ubuntu-arm64",
		Header: http.Header{
			"Content-Type": {"application/json"}, "User-Agent": {"GitHub-Hookshot/044aadd"}, "X-Github-Event": {"workflow_job"},
			"X-Hub-Signature-256": {webhooktest.Sign(secrets["WEBHOOK_TOKEN"], body)},
		},
	}
}

// TestAnHTTPAPIsFormInBase64IsAccepted sends what an API Gateway HTTP API sends, all of it (payload
// format 2.0 of
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html).
func TestAnHTTPAPIsFormInBase64IsAccepted(t *testing.T) {
	c := newClouds(t)
	f := cold(t, c.env)
	j := c.github.QueueJob(app, "ubuntu-arm64")
	form := []byte(url.Values{"payload": {string(c.github.Payload("queued", j))}}.Encode())
	event := map[string]any{
		"version": "2.0", "routeKey": "POST /webhook", "rawPath": "/prod/webhook", "rawQueryString": "", "cookies": []string{"a=1"},
		"headers": map[string]string{
			"accept": "*/*", "content-length": "1234", "content-type": "application/x-www-form-urlencoded", "host": "abc.execute-api.us-east-1.amazonaws.com",
			"user-agent": "GitHub-Hookshot/044aadd", "x-forwarded-for": "140.82.115.1", "x-github-delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
			"x-github-event": "workflow_job", "x-hub-signature": "sha1=0123456789abcdef0123456789abcdef01234567",
			"x-hub-signature-256": webhooktest.Sign(secrets["WEBHOOK_TOKEN"], form),
		},
		"requestContext": map[string]any{
			"accountId": "123456789012", "apiId": "abc", "domainName": "abc.execute-api.us-east-1.amazonaws.com", "domainPrefix": "abc", "requestId": "r", "routeKey": "POST /webhook",
			"stage": "prod", "time": "12/Mar/2026:19:03:58 +0000", "timeEpoch": 1773342238000, "authentication": nil,
			"http": map[string]any{"method": "POST", "path": "/prod/webhook", "protocol": "HTTP/1.1", "sourceIp": "140.82.115.1", "userAgent": "GitHub-Hookshot/044aadd"},
		},
		"pathParameters": map[string]string{}, "stageVariables": nil, "body": base64.StdEncoding.EncodeToString(form), "isBase64Encoded": true,
	}
	want := c.queued(form)
	want.WantJob = j.ID
	check(t, want, f.invoke(t, encode(t, event)))
	good := event["body"].(string)
	for _, event["body"] = range []string{good[2:], good + "=no base64=", string(form), ""} {
		check(t, webhooktest.Case{WantCode: http.StatusUnauthorized, WantStatus: []string{"unauthorized"}}, f.invoke(t, encode(t, event)))
	}
	if n := len(c.sqs.Messages()); n != 1 {
		t.Errorf("%d messages in the queue, want 1", n)
	}
	c.checkNoSecret(t, f.output())
}

// TestAQueryThatCantBeReadIsInvalid: it may have asked for a dry run, and GitHub's own deliveries
// are in earnest when nobody asks.
func TestAQueryThatCantBeReadIsInvalid(t *testing.T) {
	c := newClouds(t)
	f := cold(t, c.env)
	x := c.queued(c.github.Payload("queued", c.github.QueueJob(app, "ubuntu-arm64")))
	x.WantCode, x.WantStatus, x.WantType, x.WantReason = http.StatusBadRequest, []string{"invalid"}, "", "the query can't be read"
	for _, x.Query = range []string{"dry-run=%zz", "dry-run=true;x=1", "%=1&dry-run=false"} {
		for _, event := range [][]byte{v2(t, x, false), v2(t, x, true), alb(t, x, false), alb(t, x, true)} {
			check(t, x, f.invoke(t, event))
		}
	}
	if n := len(c.sqs.Messages()); n != 0 {
		t.Errorf("%d messages in the queue, want none", n)
	}
}

func TestALoadBalancerIsAnsweredInItsOwnForm(t *testing.T) {
	c := newClouds(t)
	f := cold(t, c.env)
	x := c.queued(c.github.Payload("queued", c.github.QueueJob(app, "ubuntu-arm64")))
	for _, multi := range []bool{false, true} {
		var a map[string]any
		if err := json.Unmarshal(f.invoke(t, alb(t, x, multi)).body, &a); err != nil {
			t.Fatal(err)
		}
		if a["statusDescription"] != "202 Accepted" || a["isBase64Encoded"] != false || (a["headers"] == nil) != multi || (a["multiValueHeaders"] == nil) == multi {
			t.Errorf("many values %t: %v", multi, a)
		}
	}
}

// TestAJobThatCantBeStoredIsRefused before GitHub stops waiting, which is after 10 s: had the
// function waited for as long, SQS would have reacted.
func TestAJobThatCantBeStoredIsRefused(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]fakehttp.Fault{
		"SQS fails":          {Status: http.StatusInternalServerError},
		"SQS refuses":        {Status: http.StatusForbidden, Body: `{"__type":"AccessDeniedException","message":"no"}`},
		"no such queue":      {Status: http.StatusBadRequest, Body: `{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"no"}`},
		"connections break":  {Drop: true},
		"SQS does not react": {Delay: 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newClouds(t)
			f := cold(t, c.env)
			c.sqs.SetFaults(func(string, *http.Request) *fakehttp.Fault { return &fault })
			j := c.github.QueueJob(app, "ubuntu-arm64")
			x := c.queued(c.github.Payload("queued", j))
			x.WantCode, x.WantStatus, x.WantJob = http.StatusServiceUnavailable, []string{"unavailable"}, j.ID
			check(t, x, f.invoke(t, v2(t, x, false)))
			if !strings.Contains(f.output(), `"level":"ERROR"`) && !strings.Contains(f.output(), `"level":"WARN"`) {
				t.Errorf("the log does not say why:\n%s", f.output())
			}
			c.checkNoSecret(t, f.output())
		})
	}
}

// TestNothingRunsAfterTheAnswer stops the process at each answer, as Lambda does, and lets it go on
// for the next event.
func TestNothingRunsAfterTheAnswer(t *testing.T) {
	t.Parallel()
	c := newClouds(t)
	c.env["REPOSITORIES"] = app.String()
	f := cold(t, c.env)
	j := c.github.QueueJob(app, "ubuntu-arm64")
	frozen := func(event []byte) []byte {
		t.Helper()
		r := f.invoke(t, event)
		if err := f.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		if r.error {
			t.Fatalf("%s", r.body)
		}
		return r.body
	}
	thaw := func(what string) {
		t.Helper()
		before := c.calls()
		_ = f.cmd.Process.Signal(syscall.SIGCONT)
		for end := time.Now().Add(200 * time.Millisecond); time.Now().Before(end); { // time to do what should not be done
			f.invoke(t, []byte(`{"no":"event"}`))
		}
		if after := c.calls(); after != before {
			t.Errorf("after the answer to %s there were calls: %s, %s before", what, after, before)
		}
	}
	frozen(request(t, c.github.Payload("queued", j)))
	if n := len(c.sqs.Messages()); n != 1 {
		t.Fatalf("%d messages in the queue at the answer, want 1", n)
	}
	thaw("the webhook")
	frozen(encode(t, c.receive(t)))
	if got := c.served(); len(got) != 1 {
		t.Fatalf("%d machines at the answer, want 1", len(got))
	}
	thaw("the batch")
	frozen(scheduled)
	thaw("the schedule")
}
