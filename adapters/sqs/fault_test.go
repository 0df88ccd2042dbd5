package sqs_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/datawire/github-runner-provisioner/adapters/sqs"
	"github.com/datawire/github-runner-provisioner/adapters/sqs/sqstest"
	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest/fakehttp"
	"github.com/datawire/github-runner-provisioner/provisioner/queue"
)

// failing answers an error to one operation while it is on.
func failing(server *sqstest.Server, operation string, status int, code string) (on *atomic.Bool) {
	on = &atomic.Bool{}
	on.Store(true)
	server.SetFaults(func(op string, _ *http.Request) *fakehttp.Fault {
		if op != operation || !on.Load() {
			return nil
		}
		return &fakehttp.Fault{
			Status: status, Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}}, Body: fmt.Sprintf(`{"__type": "com.amazonaws.sqs#%s"}`, code),
		}
	})
	return on
}

func TestNewTellsAllFaultsAtOnce(t *testing.T) {
	_, err := sqs.New(nil, "runner-jobs", sqs.Config{Visibility: 1500 * time.Millisecond})
	for _, part := range []string{"no client", "not the URL of an SQS queue", "visibility is 1.5s"} {
		if !strings.Contains(fmt.Sprint(err), part) {
			t.Errorf("it does not say %q: %v", part, err)
		}
	}
	for _, url := range []string{"", "https://", "https://sqs.us-east-1.amazonaws.com", "https://sqs.us-east-1.amazonaws.com/", "sqs://host/jobs", "::"} {
		if _, err := sqs.New(&awssqs.Client{}, url, sqs.Config{}); err == nil {
			t.Errorf("%q: no error", url)
		}
	}
}

func TestAJobThatSQSRefusesIsNotAccepted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := sqstest.New()
		q := open(t, server, standardURL, sqs.Config{})
		on := failing(server, "SendMessage", http.StatusForbidden, "AccessDeniedException")
		if _, err := q.Send(t.Context(), lane, job(1)); err == nil || !strings.Contains(err.Error(), "AccessDenied") {
			t.Errorf("Send: %v", err)
		}
		on.Store(false)
		server.SetFaults(func(string, *http.Request) *fakehttp.Fault { return &fakehttp.Fault{Delay: time.Hour} })
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		begun := time.Now()
		if _, err := q.Send(ctx, lane, job(1)); !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) != 5*time.Second {
			t.Errorf("Send: %v after %s", err, time.Since(begun))
		}
		time.Sleep(2 * time.Hour)
	})
}

func TestAnOutageOfSQSIsRiddenOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := sqstest.New()
		var log bytes.Buffer
		q := open(t, server, standardURL, sqs.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
		send(t, q, lane, 1)
		on := failing(server, "ReceiveMessage", http.StatusServiceUnavailable, "ServiceUnavailable")
		received := make(chan queue.Message)
		go func() {
			m, err := q.Receive(t.Context(), lane, nil)
			if err != nil {
				t.Error(err)
			}
			received <- m
		}()
		time.Sleep(10 * time.Minute)
		if n := server.Calls()["ReceiveMessage"]; n < 15 || n > 60 {
			t.Errorf("%d polls in ten minutes of outage", n)
		}
		on.Store(false)
		mended := time.Now()
		if m := <-received; m.Job.ID != 1 || time.Since(mended) > 30*time.Second {
			t.Errorf("received %s after %s", m.Job, time.Since(mended))
		}
		if !strings.Contains(log.String(), "SQS can't be read") {
			t.Errorf("the log says nothing: %s", &log)
		}
	})
}

func TestAMessageThatIsNoJobIsLeftToTheDeadLetterQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := sqstest.New()
		server.SetMaxReceiveCount(3)
		var log bytes.Buffer
		q := open(t, server, standardURL, sqs.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
		body, url := `{"hello": "world"}`, standardURL
		if _, err := client(server).SendMessage(t.Context(), &awssqs.SendMessageInput{QueueUrl: &url, MessageBody: &body}); err != nil {
			t.Fatal(err)
		}
		send(t, q, lane, 1)
		if m := receive(t, q, lane); m.Job.ID != 1 {
			t.Errorf("received %s", m.Job)
		} else if err := q.Delete(t.Context(), m); err != nil {
			t.Error(err)
		}
		waiter(t, q, lane)
		time.Sleep(5 * time.Minute)
		dead := server.DeadLetters()
		if len(dead) != 1 || dead[0].Body != body || len(server.Messages()) != 0 {
			t.Fatalf("dead letters %v, messages %v", dead, server.Messages())
		}
		if n := strings.Count(log.String(), dead[0].ID); n != 3 {
			t.Errorf("it was logged %d times:\n%s", n, &log)
		}
	})
}

func TestAJobOfALaneThatIsGoneIsUnsorted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := sqstest.New()
		q := open(t, server, standardURL, sqs.Config{Lanes: []string{lane}})
		send(t, q, "gone", 1)
		m := receive(t, q, queue.Unsorted)
		if m.Job.ID != 1 || m.Lane != queue.Unsorted {
			t.Errorf("received %s from lane %q", m.Job, m.Lane)
		}
	})
}

func TestExtendKeepsToTwelveHours(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := sqstest.New()
		q := open(t, server, standardURL, sqs.Config{})
		send(t, q, lane, 1)
		m := receive(t, q, lane)
		for _, d := range []time.Duration{24 * time.Hour, 3 * time.Hour, 1500 * time.Millisecond} {
			if err := q.Extend(t.Context(), m, d); err != nil {
				t.Errorf("Extend by %s: %v", d, err)
			}
		}
		if hidden := time.Until(server.Messages()[0].Visible); hidden != 2*time.Second {
			t.Errorf("1.5 s became %s", hidden)
		}
		if err := q.Extend(t.Context(), m, 24*time.Hour); err != nil {
			t.Error(err)
		}
		time.Sleep(12*time.Hour - time.Second)
		if err := q.Extend(t.Context(), m, time.Hour); err == nil || !strings.Contains(err.Error(), "as long as SQS allows") {
			t.Errorf("Extend: %v", err)
		}
	})
}

func TestAHeldJobThatCouldNotBeKeptHiddenComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := sqstest.New()
		q := open(t, server, standardURL, sqs.Config{})
		send(t, q, lane, 1)
		on := failing(server, "ChangeMessageVisibilityBatch", http.StatusServiceUnavailable, "ServiceUnavailable")
		waiter(t, q, other)
		time.Sleep(time.Minute)
		on.Store(false)
		time.Sleep(time.Minute)
		m := receive(t, q, lane)
		if m.Job.ID != 1 || m.Receives < 2 {
			t.Errorf("received %s, delivery %d", m.Job, m.Receives)
		}
		if err := q.Delete(t.Context(), m); err != nil {
			t.Error(err)
		}
		waiter(t, q, lane) // no second one of it was held
		time.Sleep(time.Hour)
	})
}

func TestAHeldJobThatSomebodyElseDeletedIsNotHandedOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := sqstest.New()
		q, replica := open(t, server, standardURL, sqs.Config{}), open(t, server, standardURL, sqs.Config{})
		send(t, q, lane, 1)
		waiter(t, q, other)
		time.Sleep(time.Second)
		on := failing(server, "ChangeMessageVisibilityBatch", http.StatusServiceUnavailable, "ServiceUnavailable")
		m := receive(t, replica, lane) // once q could not keep it
		if err := replica.Delete(t.Context(), m); err != nil {
			t.Error(err)
		}
		on.Store(false)
		waiter(t, q, lane)
		time.Sleep(time.Hour)
	})
}

func TestPing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := sqstest.New()
		q := open(t, server, standardURL, sqs.Config{})
		if err := q.Ping(t.Context()); err != nil {
			t.Error(err)
		}
		failing(server, "GetQueueAttributes", http.StatusBadRequest, "QueueDoesNotExist")
		if err := q.Ping(t.Context()); err == nil || !strings.Contains(err.Error(), "QueueDoesNotExist") {
			t.Errorf("Ping: %v", err)
		}
	})
}

func TestAReceiptOfAnotherQueueIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := open(t, sqstest.New(), standardURL, sqs.Config{})
		for _, receipt := range []string{"", "m_abc/1", "AQEB"} {
			m := queue.Message{Receipt: receipt}
			if q.Delete(t.Context(), m) == nil || q.Extend(t.Context(), m, 0) == nil {
				t.Errorf("%q: no error", receipt)
			}
		}
	})
}
