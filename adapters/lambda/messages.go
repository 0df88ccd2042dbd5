package main

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// sqsClient is the part of SQS that a batch needs beside what Lambda does with it.
type sqsClient interface {
	ChangeMessageVisibility(ctx context.Context, in *sqs.ChangeMessageVisibilityInput, o ...func(*sqs.Options)) (*sqs.ChangeMessageVisibilityOutput, error)
	SendMessage(ctx context.Context, in *sqs.SendMessageInput, o ...func(*sqs.Options)) (*sqs.SendMessageOutput, error)
}

// messages does with messages what Lambda does not: it chooses when they come back, and gives up
// those that never need to.
type messages struct {
	client                  sqsClient
	queueURL, deadLetterURL string
}

const (
	// renewAfter is the number of receives after which a waiting message is replaced by a fresh
	// copy: a queue hands a message over to its dead-letter queue after at most 1,000 of them, and
	// a job may wait longer than that.
	renewAfter = 500
	// longestDelay is SQS's limit for the delay of a new message.
	longestDelay = 15 * time.Minute
	// longestWait stays below SQS's limit, which is 12 h from the receive on; a function runs for
	// 15 min at most.
	longestWait = 11 * time.Hour
	// harmless is how much too early a message of a FIFO queue may come back, once in renewAfter
	// times.
	harmless = 30 * time.Second
)

const (
	// shortestWait keeps a thousand jobs that wait for one probe from being received, and paid for,
	// every second. A place that becomes free must be taken within 15 s.
	shortestWait = 10 * time.Second
	// spreadOver keeps those who were told the same moment from coming back together.
	spreadOver = 3 * time.Second
)

// spread makes a short wait long enough. What is to come back at once does.
func spread(after time.Duration) time.Duration {
	if after <= 0 || after >= shortestWait {
		return after
	}
	return shortestWait + rand.N(spreadOver) //nolint:gosec // spreading needs no secrecy
}

// wait makes the message visible again when the hint says so, and not when the queue's own timeout
// ends.
func (s *messages) wait(ctx context.Context, log *slog.Logger, m events.SQSMessage, after time.Duration) {
	ctx, cancel := late(ctx)
	defer cancel()
	_, err := s.client.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{
		QueueUrl: &s.queueURL, ReceiptHandle: &m.ReceiptHandle, VisibilityTimeout: seconds(after, longestWait),
	})
	if err != nil {
		log.WarnContext(ctx, "the message comes back after the queue's visibility timeout, not when it should", "error", err)
	}
}

// canRenew reports whether a fresh copy can be kept from coming back before the hint says so. A
// FIFO queue knows no delay of single messages.
func (s *messages) canRenew(after time.Duration) bool {
	if fifo(s.queueURL) {
		return after <= harmless
	}
	return after <= longestDelay
}

// renew puts a fresh copy into the queue in place of a message.
func (s *messages) renew(ctx context.Context, log *slog.Logger, m events.SQSMessage, after time.Duration) (done bool) {
	in := copyOf(m, s.queueURL)
	if !fifo(s.queueURL) {
		in.DelaySeconds = seconds(after, longestDelay)
	}
	ctx, cancel := late(ctx)
	defer cancel()
	if _, err := s.client.SendMessage(ctx, in); err != nil {
		log.WarnContext(ctx, "the message could not be renewed; it comes back as it is", "error", err)
		return false
	}
	return true
}

// bury hands a message that will never be of use to the dead-letter queue.
func (s *messages) bury(ctx context.Context, log *slog.Logger, m events.SQSMessage, why error) (done bool) {
	if s.deadLetterURL == "" {
		log.ErrorContext(ctx, "the message is given up; it comes back until SQS moves it to the queue's dead-letter queue (set DEAD_LETTER_URL to have that at once)",
			"error", why)
		return false
	}
	ctx, cancel := late(ctx)
	defer cancel()
	if _, err := s.client.SendMessage(ctx, copyOf(m, s.deadLetterURL)); err != nil {
		log.WarnContext(ctx, "the message is given up, but the dead-letter queue did not take it; it comes back", "reason", why, "error", err)
		return false
	}
	log.ErrorContext(ctx, "the message is given up and is in the dead-letter queue", "error", why)
	return true
}

func copyOf(m events.SQSMessage, url string) *sqs.SendMessageInput {
	in := &sqs.SendMessageInput{QueueUrl: &url, MessageBody: &m.Body}
	if fifo(url) {
		in.MessageGroupId = aws.String(m.Attributes["MessageGroupId"])
		in.MessageDeduplicationId = aws.String(m.MessageId + "-" + m.Attributes["ApproximateReceiveCount"])
	}
	return in
}

func fifo(url string) bool { return strings.HasSuffix(url, ".fifo") }

// late gives a last call its own time: the invocation's may be over, but for the reserve.
func late(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), reserve*4/5)
}

// seconds rounds up, so that nothing comes back too early.
func seconds(d, most time.Duration) int32 {
	return int32((min(max(d, 0), most) + time.Second - 1) / time.Second) //nolint:gosec // at most 11 h
}
