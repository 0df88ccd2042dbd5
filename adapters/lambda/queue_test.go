package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest/fakehttp"
	"github.com/datawire/github-runner-provisioner/provisioner/queue"
)

// lambdas is what Lambda uses of SQS itself.
func (c *clouds) lambdas() *sqs.Client {
	return sqs.New(sqs.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(c.env["AWS_ENDPOINT_URL_SQS"]), Credentials: credentials.NewStaticCredentialsProvider("AKIDLAMBDA", "FAKE", ""),
	})
}

// put stores jobs as the webhook does, accepted at that time.
func (c *clouds) put(t *testing.T, accepted time.Time, jobs ...provisioner.Job) {
	t.Helper()
	for _, j := range jobs {
		b, err := queue.Encode("ubuntu-arm64", j, accepted)
		if err != nil {
			t.Fatal(err)
		}
		c.putBody(t, string(b))
	}
}

func (c *clouds) putBody(t *testing.T, body string) {
	t.Helper()
	in := &sqs.SendMessageInput{QueueUrl: aws.String(c.env["QUEUE_URL"]), MessageBody: &body}
	if strings.HasSuffix(*in.QueueUrl, ".fifo") {
		in.MessageGroupId, in.MessageDeduplicationId = &body, aws.String(fmt.Sprint(time.Now().UnixNano()))
	}
	if _, err := c.lambdas().SendMessage(t.Context(), in); err != nil {
		t.Fatal(err)
	}
}

// receive takes up to ten messages from the queue, as Lambda does, for the 12 minutes of the
// template.
func (c *clouds) receive(t *testing.T) events.SQSEvent {
	t.Helper()
	out, err := c.lambdas().ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{
		QueueUrl: aws.String(c.env["QUEUE_URL"]), MaxNumberOfMessages: 10, VisibilityTimeout: 720,
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
	})
	if err != nil {
		t.Fatal(err)
	}
	var e events.SQSEvent
	for _, m := range out.Messages {
		e.Records = append(e.Records, events.SQSMessage{
			MessageId: *m.MessageId, ReceiptHandle: *m.ReceiptHandle, Body: *m.Body, Attributes: m.Attributes, EventSource: "aws:sqs",
			EventSourceARN: "arn:aws:sqs:us-east-1:000000000000:jobs", AWSRegion: "us-east-1",
		})
	}
	return e
}

// deliver gives the function a batch of the queue, and deletes what it did not report as failed,
// which it returns.
func (c *clouds) deliver(t *testing.T, f *function) (failed []string) {
	t.Helper()
	e := c.receive(t)
	if len(e.Records) == 0 {
		t.Fatal("nothing can be received")
	}
	failed = failures(t, f.invoke(t, encode(t, e)))
	for _, m := range e.Records {
		if slices.Contains(failed, m.MessageId) {
			continue
		}
		in := &sqs.DeleteMessageInput{QueueUrl: aws.String(c.env["QUEUE_URL"]), ReceiptHandle: aws.String(m.ReceiptHandle)}
		if _, err := c.lambdas().DeleteMessage(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	return failed
}

// calls are all calls to all clouds so far, as text to compare.
func (c *clouds) calls() string {
	return fmt.Sprint(c.github.Calls(), c.ec2.Calls(), c.codemagic.Calls(), c.sqs.Calls(), c.dead.Calls())
}

func TestAJobGoesFromTheWebhookThroughTheQueueToOneMachine(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"standard", "FIFO"} {
		t.Run(kind, func(t *testing.T) {
			c := newClouds(t)
			if kind == "FIFO" {
				c.env["QUEUE_URL"] += ".fifo"
			}
			front, back := cold(t, c.env), cold(t, c.env)
			var want []string
			for range 3 {
				j := c.github.QueueJob(app, "ubuntu-arm64")
				want = append(want, fmt.Sprint(j.ID))
				for range 2 { // GitHub may deliver more than once
					x := c.queued(c.github.Payload("queued", j))
					x.WantJob = j.ID
					check(t, x, front.invoke(t, v2(t, x, true)))
				}
			}
			if stored := len(c.sqs.Messages()); kind == "FIFO" && stored != 3 || kind == "standard" && stored != 6 {
				t.Errorf("%d messages in the %s queue", stored, kind)
			}
			for len(c.sqs.Messages()) > 0 {
				failed := c.deliver(t, back)
				c.boot()
				for _, id := range failed { // the second of two messages for one job waits for the first's machine
					c.show(t, id)
				}
			}
			if got := c.served(); !slices.Equal(got, want) {
				t.Errorf("machines for the jobs %v, want one for each of %v", got, want)
			}
			for _, f := range []*function{front, back} {
				c.checkNoSecret(t, f.output())
			}
			if slices.Contains(slices.Collect(maps.Keys(c.github.Calls())), "GET /repos/{owner}/{repo}/actions/runs") {
				t.Error("nobody asked for a sweep")
			}
		})
	}
}

// boot lets every machine's runner come online. Until then a message that finds its job's machine
// launched by somebody else is kept.
func (c *clouds) boot() {
	for _, i := range c.ec2.Instances() {
		_, after, _ := strings.Cut(i.UserData, "\nconfiguration='")
		configuration, _, _ := strings.Cut(after, "'")
		_, _ = c.github.Connect(configuration) // one that has connected already is told so
	}
}

// show makes a message visible now, as if its time had passed.
func (c *clouds) show(t *testing.T, id string) {
	t.Helper()
	for _, m := range c.sqs.Messages() {
		if m.ID != id {
			continue
		}
		in := &sqs.ChangeMessageVisibilityInput{
			QueueUrl: aws.String(c.env["QUEUE_URL"]), ReceiptHandle: aws.String(fmt.Sprintf("AQEB-%s-%d", m.ID, m.Receives)), VisibilityTimeout: 0,
		}
		if _, err := c.lambdas().ChangeMessageVisibility(t.Context(), in); err != nil && m.Visible.After(time.Now()) {
			t.Fatal(err)
		}
	}
}

func TestAMessageComesBackWhenTheHintSaysSo(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		name        string
		fault       fakehttp.Fault
		from, until time.Duration
	}{
		{"a rate limit", fakehttp.Fault{
			Status: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {"240"}}, Body: `{"message":"You have exceeded a secondary rate limit","documentation_url":"x"}`,
		}, 4 * time.Minute, 4*time.Minute + 5*time.Second},
		{"a failing API", fakehttp.Fault{Status: http.StatusBadGateway, Body: `{}`}, 0, 30 * time.Second},
	} {
		for _, kind := range []string{"jobs", "jobs.fifo"} {
			t.Run(x.name+", "+kind, func(t *testing.T) {
				t.Parallel()
				c := newClouds(t)
				c.env["QUEUE_URL"] = strings.TrimSuffix(c.env["QUEUE_URL"], "jobs") + kind
				c.github.SetFaults(func(operation string, _ *http.Request) *fakehttp.Fault {
					if !strings.Contains(operation, "generate-jitconfig") {
						return nil
					}
					return &x.fault
				})
				f := cold(t, c.env)
				c.put(t, time.Now(), c.github.QueueJob(app, "ubuntu-arm64"))
				begun := time.Now()
				if failed := c.deliver(t, f); len(failed) != 1 {
					t.Fatalf("failed: %v", failed)
				}
				ended := time.Now()
				left := c.sqs.Messages()
				if len(left) != 1 {
					t.Fatalf("%d messages left, want 1", len(left))
				}
				if comes := left[0].Visible; comes.Sub(begun) < x.from || comes.Sub(ended) > x.until {
					t.Errorf("it comes back after %s, want %s to %s\n%s", comes.Sub(ended), x.from, x.until, f.output())
				}
				c.github.SetFaults(nil)
				c.show(t, left[0].ID)
				again := cold(t, c.env)
				if failed := c.deliver(t, again); failed != nil {
					t.Errorf("failed: %v\n%s", failed, again.output())
				}
				if got := c.served(); len(got) != 1 || len(c.sqs.Messages()) != 0 {
					t.Errorf("machines for %v, %d messages left", got, len(c.sqs.Messages()))
				}
			})
		}
	}
}

func TestWhatIsGivenUpIsInTheDeadLetterQueueAndItsReasonInTheLog(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"", ".fifo"} {
		t.Run("jobs"+kind, func(t *testing.T) {
			c := newClouds(t)
			c.env["DEAD_LETTER_URL"] = strings.TrimSuffix(c.env["QUEUE_URL"], "jobs") + "dead" + kind
			c.env["QUEUE_URL"] += kind
			f := cold(t, c.env)
			c.put(t, time.Now(), c.github.QueueJob(app, "no-such-type"))
			c.put(t, time.Now().Add(-25*time.Hour), c.github.QueueJob(app, "ubuntu-arm64"))
			c.putBody(t, `{"v":99}`)
			good := c.github.QueueJob(app, "ubuntu-arm64")
			c.put(t, time.Now(), good)
			if failed := c.deliver(t, f); failed != nil {
				t.Errorf("failed: %v", failed)
			}
			if left, dead := len(c.sqs.Messages()), len(c.dead.Messages()); left != 0 || dead != 3 {
				t.Errorf("%d messages are left and %d dead, want none and 3", left, dead)
			}
			for _, reason := range []string{"no runner type serves these labels", "waited for longer than GitHub keeps a job queued", "not a job of version 1"} {
				if !logged(f.output(), "the message is given up and is in the dead-letter queue", reason) {
					t.Errorf("the log lacks %q:\n%s", reason, f.output())
				}
			}
			if got := c.served(); !slices.Equal(got, []string{fmt.Sprint(good.ID)}) {
				t.Errorf("machines for %v", got)
			}
			c.checkNoSecret(t, f.output())
		})
	}
}

// logged reports whether a line of the log has this message and that in its error.
func logged(log, message, reason string) bool {
	for line := range strings.Lines(log) {
		var l struct{ Msg, Error string }
		if json.Unmarshal([]byte(line), &l) == nil && l.Msg == message && strings.Contains(l.Error, reason) {
			return true
		}
	}
	return false
}

func TestWithoutADeadLetterURLSQSMovesWhatIsGivenUp(t *testing.T) {
	c := newClouds(t)
	c.sqs.SetMaxReceiveCount(2)
	f := cold(t, c.env)
	c.putBody(t, "not a job")
	for range 2 {
		failed := c.deliver(t, f)
		if len(failed) != 1 {
			t.Fatalf("failed: %v", failed)
		}
		c.show(t, failed[0])
	}
	if e := c.receive(t); len(e.Records) != 0 || len(c.sqs.DeadLetters()) != 1 {
		t.Errorf("received %v, dead letters %v", e.Records, c.sqs.DeadLetters())
	}
	if !logged(f.output(), "the message is given up; it comes back until SQS moves it to the queue's dead-letter queue (set DEAD_LETTER_URL to have that at once)", "queue message") {
		t.Errorf("the log does not say so:\n%s", f.output())
	}
}
