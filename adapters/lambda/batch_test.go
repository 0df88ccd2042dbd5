package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/datawire/github-runner-provisioner/adapters/internal/wiring"
	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/queue"
	"github.com/datawire/github-runner-provisioner/provisioner/reconcile"
)

// attempts is a worker that does what it is told.
type attempts func(ctx context.Context, j provisioner.Job) error

func (a attempts) Attempt(ctx context.Context, j provisioner.Job, _ time.Time) (provisioner.Outcome, error) {
	return provisioner.Outcome{}, a(ctx, j)
}

// calls notes what is asked of SQS, in words, and answers err.
type calls struct {
	mu   sync.Mutex
	said []string
	err  error
}

func (c *calls) note(format string, args ...any) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.said = append(c.said, fmt.Sprintf(format, args...))
	return c.err
}

func (c *calls) ChangeMessageVisibility(
	ctx context.Context, in *sqs.ChangeMessageVisibilityInput, _ ...func(*sqs.Options),
) (*sqs.ChangeMessageVisibilityOutput, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return nil, c.note("show %s of %s in %d s", *in.ReceiptHandle, *in.QueueUrl, in.VisibilityTimeout)
}

func (c *calls) SendMessage(ctx context.Context, in *sqs.SendMessageInput, _ ...func(*sqs.Options)) (*sqs.SendMessageOutput, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	what := "copy"
	if !strings.HasPrefix(*in.MessageBody, "{") {
		what = *in.MessageBody
	}
	return nil, c.note("send %s to %s in %d s, group %q %q", what, *in.QueueUrl, in.DelaySeconds, aws.ToString(in.MessageGroupId), aws.ToString(in.MessageDeduplicationId))
}

const noJob = "no job"

func TestABatchDoesWithAMessageWhatItsAttemptAsksFor(t *testing.T) {
	later := func(d time.Duration) error {
		return fmt.Errorf("attempt: %w", &queue.RetryError{After: d, Err: errors.New("busy")})
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	for _, x := range []struct {
		name     string
		ctx      context.Context
		attempt  error
		body     string // a job's by default
		receives string
		url      string // q by default
		dead     string
		sqs      error
		want     []string
		wantDone bool
		wantLog  string
	}{
		{name: "settled", wantDone: true},
		{name: "settled, received often", receives: "999", wantDone: true},
		{name: "later", attempt: later(90 * time.Second), want: []string{"show r of q in 90 s"}},
		{name: "never earlier than the hint", attempt: later(90*time.Second + time.Millisecond), want: []string{"show r of q in 91 s"}},
		{name: "soon, but not every second", attempt: later(500 * time.Millisecond), want: []string{"show r of q in 1[0-3] s"}},
		{name: "at once", attempt: later(0), want: []string{"show r of q in 0 s"}},
		{name: "later than SQS knows", attempt: later(48 * time.Hour), want: []string{"show r of q in 39600 s"}},
		{name: "later, and SQS fails", attempt: later(time.Minute), sqs: errors.New("SQS is down"), want: []string{"show r of q in 60 s"}, wantLog: "SQS is down"},
		{name: "later, received often", attempt: later(8 * time.Second), receives: "500", want: []string{`send copy to q in 1[0-3] s, group "" ""`}, wantDone: true},
		{name: "later, received often, a long wait", attempt: later(16 * time.Minute), receives: "500", want: []string{"show r of q in 960 s"}},
		{
			name: "later, received often, and SQS fails", attempt: later(8 * time.Second), receives: "500", sqs: errors.New("SQS is down"),
			want: []string{`send copy to q in 1[0-3] s, group "" ""`}, wantLog: "SQS is down",
		},
		{
			name: "later, received often, FIFO", attempt: later(8 * time.Second), receives: "500", url: "q.fifo",
			want: []string{`send copy to q.fifo in 0 s, group "group" "m-500"`}, wantDone: true,
		},
		{name: "later, received often, FIFO, a rate limit", attempt: later(time.Minute), receives: "500", url: "q.fifo", want: []string{"show r of q.fifo in 60 s"}},
		{name: "never", attempt: errors.New("no such type"), wantLog: "no such type"},
		{name: "never, a dead-letter queue", attempt: errors.New("no such type"), dead: "d", want: []string{`send copy to d in 0 s, group "" ""`}, wantDone: true, wantLog: "no such type"},
		{name: "never, a FIFO dead-letter queue", attempt: errors.New("x"), url: "q.fifo", dead: "d.fifo", want: []string{`send copy to d.fifo in 0 s, group "group" "m-1"`}, wantDone: true},
		{
			name: "never, a dead-letter queue that fails", attempt: errors.New("no such type"), dead: "d", sqs: errors.New("SQS is down"),
			want: []string{`send copy to d in 0 s, group "" ""`}, wantLog: "no such type",
		},
		{name: "no job", body: noJob, dead: "d", want: []string{`send no job to d in 0 s, group "" ""`}, wantDone: true, wantLog: "queue message"},
		{name: "no time left", ctx: over, attempt: errors.New("never tried"), dead: "d", want: []string{"show r of q in 0 s"}},
	} {
		t.Run(x.name, func(t *testing.T) {
			j := provisioner.Job{ID: 7, RunAttempt: 1, Repository: app, Labels: []string{"ubuntu-arm64"}}
			m := events.SQSMessage{MessageId: "m", ReceiptHandle: "r", Body: body(t, j, "ubuntu-arm64"), Attributes: map[string]string{
				"ApproximateReceiveCount": "1", "MessageGroupId": "group",
			}}
			if x.body != "" {
				m.Body = x.body
			}
			if x.receives != "" {
				m.Attributes["ApproximateReceiveCount"] = x.receives
			}
			if x.url == "" {
				x.url = "q"
			}
			if x.ctx == nil {
				x.ctx = t.Context()
			}
			var log bytes.Buffer
			client := &calls{err: x.sqs}
			b := &batch{
				messages: &messages{client: client, queueURL: x.url, deadLetterURL: x.dead}, log: slog.New(slog.NewTextHandler(&log, nil)), markActive: func(provisioner.Repository) {},
				worker: attempts(func(_ context.Context, got provisioner.Job) error {
					if got.ID != 7 || got.Repeated != (m.Attributes["ApproximateReceiveCount"] != "1") {
						t.Errorf("the attempt is for %+v", got)
					}
					return x.attempt
				}),
			}
			if done := b.one(x.ctx, m); done != x.wantDone {
				t.Errorf("done is %t", done)
			}
			if !slices.EqualFunc(client.said, x.want, func(said, want string) bool { return regexp.MustCompile("^" + want + "$").MatchString(said) }) {
				t.Errorf("asked of SQS: %q, want %q", client.said, x.want)
			}
			if !strings.Contains(log.String(), x.wantLog) || x.wantLog == "" && strings.Contains(log.String(), "level=ERROR") && x.attempt == nil {
				t.Errorf("the log lacks %q: %s", x.wantLog, &log)
			}
		})
	}
}

// manyOf returns a batch of n jobs, whose ids count from 1.
func manyOf(t *testing.T, n int64) []byte {
	t.Helper()
	var e events.SQSEvent
	for id := range n {
		j := provisioner.Job{ID: id + 1, RunAttempt: 1, Repository: app}
		e.Records = append(e.Records, message(fmt.Sprintf("m-%d", id+1), body(t, j, "ubuntu-arm64"), 1))
	}
	return encode(t, e)
}

func TestAnAttemptThatPanicsFailsAlone(t *testing.T) {
	var log bytes.Buffer
	var seen atomic.Int32
	b := &batch{
		messages: &messages{client: &calls{}, queueURL: "q"}, log: slog.New(slog.NewTextHandler(&log, nil)), markActive: func(provisioner.Repository) { seen.Add(1) },
		worker: attempts(func(_ context.Context, j provisioner.Job) error {
			if j.ID == 3 {
				panic("a defect")
			}
			return nil
		}),
	}
	resp, err := b.work(t.Context(), manyOf(t, 5))
	if err != nil || len(resp.BatchItemFailures) != 1 || resp.BatchItemFailures[0].ItemIdentifier != "m-3" {
		t.Errorf("failed: %v, %v", resp.BatchItemFailures, err)
	}
	if !strings.Contains(log.String(), "a defect") || !strings.Contains(log.String(), "batch_test.go") || seen.Load() != 5 {
		t.Errorf("the log does not show where, or repositories were not seen (%d):\n%s", seen.Load(), &log)
	}
}

func TestAHugeBatchIsWorkedOnSideBySideWithinBounds(t *testing.T) {
	event := manyOf(t, 100)
	synctest.Test(t, func(t *testing.T) {
		var now, most, all atomic.Int32
		b := &batch{
			messages: &messages{client: &calls{}, queueURL: "q"}, log: slog.New(slog.DiscardHandler), markActive: func(provisioner.Repository) {},
			worker: attempts(func(context.Context, provisioner.Job) error {
				most.Store(max(most.Load(), now.Add(1)))
				time.Sleep(time.Second)
				now.Add(-1)
				all.Add(1)
				return nil
			}),
		}
		begun := time.Now()
		resp, err := b.work(t.Context(), event)
		if err != nil || len(resp.BatchItemFailures) != 0 || all.Load() != 100 {
			t.Errorf("failed: %v, %v, %d attempts", resp.BatchItemFailures, err, all.Load())
		}
		if took := time.Since(begun); took != 7*time.Second || most.Load() > sideBySide {
			t.Errorf("took %s with %d at once, want 7 s with %d", took, most.Load(), sideBySide)
		}
	})
}

// TestWhatIsLeftOfABatchWhoseTimeIsOverComesBackAtOnce and an invocation keeps a reserve to say so.
func TestWhatIsLeftOfABatchWhoseTimeIsOverComesBackAtOnce(t *testing.T) {
	event := manyOf(t, 40)
	synctest.Test(t, func(t *testing.T) {
		client := &calls{}
		b := &batch{
			messages: &messages{client: client, queueURL: "q"}, log: slog.New(slog.DiscardHandler), markActive: func(provisioner.Repository) {},
			worker: attempts(func(ctx context.Context, _ provisioner.Job) error {
				<-ctx.Done()
				return &queue.RetryError{After: 9 * time.Second, Err: ctx.Err()}
			}),
		}
		h := &handler{log: b.log, parts: &parts{batch: func() (*batch, error) { return b, nil }}}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		begun := time.Now()
		resp, err := h.handle(ctx, event)
		if failed := resp.(events.SQSEventResponse).BatchItemFailures; err != nil || len(failed) != 40 {
			t.Errorf("%d failed, %v", len(failed), err)
		}
		if took := time.Since(begun); took != time.Minute-reserve {
			t.Errorf("took %s, want all but the reserve", took)
		}
		soon := 0
		for _, said := range client.said {
			if strings.HasSuffix(said, " in 0 s") {
				soon++
			}
		}
		if len(client.said) != 40 || soon != 40-sideBySide {
			t.Errorf("%d of %d come back at once, want %d of 40", soon, len(client.said), 40-sideBySide)
		}
	})
}

func TestPartsThatCantBeBuiltFailTheEvent(t *testing.T) {
	broken := errors.New("no parts")
	h := &handler{log: slog.New(slog.DiscardHandler), sweeps: true, parts: newBroken(broken)}
	for _, event := range []string{
		`{"requestContext":{"http":{"method":"POST"}}}`, `{"requestContext":{"elb":{}}}`, `{"Records":[{"eventSource":"aws:sqs"}]}`, `{"source":"aws.events"}`,
	} {
		if _, err := h.handle(t.Context(), []byte(event)); !errors.Is(err, broken) {
			t.Errorf("%s: %v", event, err)
		}
	}
}

func newBroken(err error) *parts {
	return &parts{
		front:   func() (wiring.Front, error) { return wiring.Front{}, err },
		batch:   func() (*batch, error) { return nil, err },
		sweeper: func() (*reconcile.Sweeper, error) { return nil, err },
	}
}
