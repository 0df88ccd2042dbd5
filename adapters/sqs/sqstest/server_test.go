package sqstest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"

	"github.com/datawire/github-runner-provisioner/adapters/sqs/sqstest"
	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest/fakehttp"
)

// sqsWorld is a fake SQS and Amazon's own client of it, which checks the checksums of what it gets.
type sqsWorld struct {
	*testing.T
	server *sqstest.Server
	client *sqs.Client
	url    string
}

func inSQS(t *testing.T, queue string, f func(w sqsWorld)) {
	synctest.Test(t, func(t *testing.T) {
		server := sqstest.New()
		f(sqsWorld{t, server, sqs.New(sqs.Options{
			Region: "us-east-1", BaseEndpoint: aws.String("http://sqs.test"), Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "FAKE_SECRET", ""),
			HTTPClient: &http.Client{Transport: fakehttp.Loopback(server)}, RetryMaxAttempts: 1,
		}), "http://sqs.test/000000000000/" + queue})
	})
}

func (w sqsWorld) send(body string, change ...func(*sqs.SendMessageInput)) error {
	in := &sqs.SendMessageInput{QueueUrl: &w.url, MessageBody: &body}
	if strings.HasSuffix(w.url, ".fifo") {
		in.MessageGroupId, in.MessageDeduplicationId = aws.String("group"), &body
	}
	for _, c := range change {
		c(in)
	}
	_, err := w.client.SendMessage(w.Context(), in)
	return err
}

func (w sqsWorld) receive(wait time.Duration) []types.Message {
	w.Helper()
	out, err := w.client.ReceiveMessage(w.Context(), &sqs.ReceiveMessageInput{
		QueueUrl: &w.url, MaxNumberOfMessages: 10, WaitTimeSeconds: int32(wait.Seconds()), VisibilityTimeout: 60,
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameApproximateReceiveCount},
	})
	if err != nil {
		w.Fatal(err)
	}
	return out.Messages
}

func (w sqsWorld) bodies(wait time.Duration) string {
	w.Helper()
	bodies := []string{}
	for _, m := range w.receive(wait) {
		bodies = append(bodies, *m.Body+"/"+m.Attributes["ApproximateReceiveCount"])
	}
	return strings.Join(bodies, " ")
}

func (w sqsWorld) delete(m types.Message) error {
	_, err := w.client.DeleteMessage(w.Context(), &sqs.DeleteMessageInput{QueueUrl: &w.url, ReceiptHandle: m.ReceiptHandle})
	return err
}

func (w sqsWorld) hide(m types.Message, seconds int32) error {
	_, err := w.client.ChangeMessageVisibility(w.Context(), &sqs.ChangeMessageVisibilityInput{QueueUrl: &w.url, ReceiptHandle: m.ReceiptHandle, VisibilityTimeout: seconds})
	return err
}

func (w sqsWorld) want(what, got, want string) {
	w.Helper()
	if got != want {
		w.Errorf("%s: %q, want %q", what, got, want)
	}
}

// code is an error's code, or nothing.
func code(err error) string {
	if e, ok := errors.AsType[smithy.APIError](err); ok {
		return e.ErrorCode()
	}
	return fmt.Sprint(err)
}

func TestSQSHidesWhatIsReceived(t *testing.T) {
	inSQS(t, "jobs", func(w sqsWorld) {
		w.want("send", code(w.send("a")), "<nil>")
		w.want("send with a delay", code(w.send("late", func(in *sqs.SendMessageInput) { in.DelaySeconds = 100 })), "<nil>")
		w.want("first", w.bodies(0), "a/1")
		w.want("hidden", w.bodies(0), "")
		begun := time.Now()
		time.Sleep(45 * time.Second)
		w.want("long poll", w.bodies(20*time.Second), "a/2")
		w.want("it took", time.Since(begun).String(), "1m0s")
		time.Sleep(30 * time.Second)
		w.want("delayed", w.bodies(20*time.Second), "late/1")
		w.want("an empty long poll", w.bodies(10*time.Second), "")
		w.want("all of it took", time.Since(begun).String(), "1m50s")
	})
}

func TestSQSLongPollIsWokenByASend(t *testing.T) {
	inSQS(t, "jobs", func(w sqsWorld) {
		received := make(chan string)
		begun := time.Now()
		go func() { received <- w.bodies(20 * time.Second) }()
		time.Sleep(7 * time.Second)
		w.want("send", code(w.send("a")), "<nil>")
		w.want("received", <-received, "a/1")
		w.want("it took", time.Since(begun).String(), "7s")
	})
}

func TestSQSReceipts(t *testing.T) {
	inSQS(t, "jobs", func(w sqsWorld) {
		_ = w.send("a")
		first := w.receive(0)[0]
		w.want("hide", code(w.hide(first, 0)), "<nil>")
		w.want("hide what is visible", code(w.hide(first, 10)), "MessageNotInflight")
		second := w.receive(0)[0]
		w.want("hide with an earlier receipt", code(w.hide(first, 0)), "InvalidParameterValue")
		w.want("delete with an earlier receipt", code(w.delete(first)), "<nil>")
		w.want("messages left", fmt.Sprint(len(w.server.Messages())), "1")
		w.want("hide for thirteen hours", code(w.hide(second, 13*3600)), "InvalidParameterValue")
		w.want("hide for ten hours", code(w.hide(second, 10*3600)), "<nil>")
		time.Sleep(9 * time.Hour)
		w.want("hide for fourteen hours in all", code(w.hide(second, 5*3600)), "InvalidParameterValue")
		w.want("delete", code(w.delete(second)), "<nil>")
		w.want("delete again", code(w.delete(second)), "<nil>")
		w.want("messages left", fmt.Sprint(len(w.server.Messages())), "0")
		w.want("nonsense", code(w.delete(types.Message{ReceiptHandle: aws.String("nonsense")})), "ReceiptHandleIsInvalid")
	})
}

func TestSQSFIFO(t *testing.T) {
	inSQS(t, "jobs.fifo", func(w sqsWorld) {
		w.want("no group", code(w.send("a", func(in *sqs.SendMessageInput) { in.MessageGroupId = nil })), "MissingParameter")
		w.want("no deduplication", code(w.send("a", func(in *sqs.SendMessageInput) { in.MessageDeduplicationId = nil })), "InvalidParameterValue")
		w.want("send", code(w.send("a")), "<nil>")
		w.want("the same again", code(w.send("a")), "<nil>")
		first := w.receive(0)
		w.want("received", fmt.Sprint(len(first)), "1")
		w.want("another of the group", code(w.send("b")), "<nil>")
		w.want("one of another group", code(w.send("c", func(in *sqs.SendMessageInput) { in.MessageGroupId = aws.String("other") })), "<nil>")
		w.want("a group with a message under way waits", w.bodies(0), "c/1")
		w.want("delete", code(w.delete(first[0])), "<nil>")
		second := w.receive(0)
		w.want("the next of the group", *second[0].Body, "b")
		time.Sleep(2 * time.Minute)
		w.want("delete when its time is over", code(w.delete(second[0])), "InvalidParameterValue")
		time.Sleep(5 * time.Minute)
		w.want("the same after five minutes", code(w.send("a")), "<nil>")
		w.want("messages", fmt.Sprint(len(w.server.Messages())), "3")
	})
}

func TestSQSMovesPoisonToTheDeadLetterQueue(t *testing.T) {
	inSQS(t, "jobs", func(w sqsWorld) {
		w.server.SetMaxReceiveCount(2)
		_ = w.send("a")
		for range 2 {
			w.want("hide", code(w.hide(w.receive(0)[0], 0)), "<nil>")
		}
		w.want("received a third time", w.bodies(0), "")
		w.want("messages, dead letters", fmt.Sprint(len(w.server.Messages()), len(w.server.DeadLetters())), "0 1")
		out, err := w.client.GetQueueAttributes(w.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &w.url, AttributeNames: []types.QueueAttributeName{"All"}})
		if err != nil || !strings.Contains(out.Attributes["RedrivePolicy"], `"maxReceiveCount":2`) || out.Attributes["ApproximateNumberOfMessages"] != "0" {
			w.Errorf("attributes %v, %v", out, err)
		}
	})
}

func TestSQSBatches(t *testing.T) {
	inSQS(t, "jobs", func(w sqsWorld) {
		_ = w.send("a")
		m := w.receive(0)[0]
		change := func(entries ...types.ChangeMessageVisibilityBatchRequestEntry) (*sqs.ChangeMessageVisibilityBatchOutput, error) {
			return w.client.ChangeMessageVisibilityBatch(w.Context(), &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: &w.url, Entries: entries})
		}
		good := types.ChangeMessageVisibilityBatchRequestEntry{Id: aws.String("good"), ReceiptHandle: m.ReceiptHandle, VisibilityTimeout: 0}
		bad := types.ChangeMessageVisibilityBatchRequestEntry{Id: aws.String("bad"), ReceiptHandle: aws.String("nonsense"), VisibilityTimeout: 0}
		out, err := change(good, bad)
		if err != nil || len(out.Successful) != 1 || len(out.Failed) != 1 || !out.Failed[0].SenderFault || *out.Failed[0].Id != "bad" {
			w.Errorf("%+v, %v", out, err)
		}
		w.want("visible again", w.bodies(0), "a/2")
		_, err = change(good, good)
		w.want("twice the same", code(err), "BatchEntryIdsNotDistinct")
		_, err = change(slices.Repeat([]types.ChangeMessageVisibilityBatchRequestEntry{good}, 11)...)
		w.want("eleven", code(err), "TooManyEntriesInBatchRequest")
	})
}

func TestSQSFaultsAndCalls(t *testing.T) {
	inSQS(t, "jobs", func(w sqsWorld) {
		w.server.SetFaults(func(operation string, _ *http.Request) *fakehttp.Fault {
			return &fakehttp.Fault{Lose: operation == "SendMessage"}
		})
		if err := w.send("a"); err == nil {
			w.Error("a lost answer: no error")
		}
		w.server.SetFaults(nil)
		w.want("it had its effect", w.bodies(0), "a/1")
		w.want("calls", fmt.Sprint(w.server.Calls()), "map[ReceiveMessage:1 SendMessage:1]")
	})
}

func TestSQSRefusesWhatItDoesNotKnow(t *testing.T) {
	server := httptest.NewServer(sqstest.New())
	defer server.Close()
	for name, test := range map[string]struct{ target, body, want string }{
		"an operation":   {"AmazonSQS.PurgeQueue", `{"QueueUrl": "x"}`, "InvalidAction"},
		"a protocol":     {"", "Action=SendMessage", "InvalidAction"},
		"a parameter":    {"AmazonSQS.SendMessage", `{"QueueUrl": "x", "MessageBdy": "y"}`, "InvalidParameterValue"},
		"no queue":       {"AmazonSQS.SendMessage", `{"MessageBody": "y"}`, "MissingParameter"},
		"no message":     {"AmazonSQS.SendMessage", `{"QueueUrl": "x"}`, "MissingParameter"},
		"no entries":     {"AmazonSQS.ChangeMessageVisibilityBatch", `{"QueueUrl": "x", "Entries": []}`, "EmptyBatchRequest"},
		"a long delay":   {"AmazonSQS.SendMessage", `{"QueueUrl": "x", "MessageBody": "y", "DelaySeconds": 901}`, "InvalidParameterValue"},
		"eleven at once": {"AmazonSQS.ReceiveMessage", `{"QueueUrl": "x", "MaxNumberOfMessages": 11}`, "InvalidParameterValue"},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), http.MethodPost, server.URL, strings.NewReader(test.body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("X-Amz-Target", test.target)
			resp, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close() //nolint:errcheck // nothing is read from it
			if got := resp.Header.Get("X-Amzn-Query-Error"); resp.StatusCode != http.StatusBadRequest || got != test.want+";Sender" {
				t.Errorf("%s, %q", resp.Status, got)
			}
		})
	}
}
