package sqs

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/datawire/github-runner-provisioner/provisioner/queue"
)

// delivery is a message as one ReceiveMessage returned it.
type delivery struct {
	message queue.Message
	body    string
	handle  string
	// received is before SQS delivered it, so that what is reckoned from it is on the safe side.
	received time.Time
	// hidden is until when SQS hides it.
	hidden time.Time
}

// longestHidden is SQS's limit for one delivery, whatever the extensions
// (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html).
const longestHidden = 12 * time.Hour

// A receipt is when the message was received, in Unix milliseconds, and SQS's handle.
func receiptOf(received time.Time, handle string) string {
	return strconv.FormatInt(received.UnixMilli(), 10) + "/" + handle
}

func parseReceipt(receipt string) (received time.Time, handle string, err error) {
	millis, handle, ok := strings.Cut(receipt, "/")
	n, err := strconv.ParseInt(millis, 10, 64)
	if !ok || err != nil {
		return time.Time{}, "", fmt.Errorf("sqs queue: %q is no receipt of this queue", receipt)
	}
	return time.UnixMilli(n), handle, nil
}

// Extend implements [queue.Queue], in whole seconds, rounded up. SQS hides a message for twelve
// hours in all; what goes beyond is cut off, and once nothing is left Extend fails. It also fails
// when the message's time was over before.
func (q *Queue) Extend(ctx context.Context, m queue.Message, d time.Duration) error {
	received, handle, err := parseReceipt(m.Receipt)
	if err != nil {
		return err
	}
	left := longestHidden - time.Since(received).Round(time.Second) - time.Second
	if d > 0 && left <= 0 {
		return fmt.Errorf("sqs queue: %s has been hidden for %s, as long as SQS allows", m.Job, longestHidden)
	}
	if err := q.change(ctx, handle, min(d, max(left, 0))); err != nil {
		return fmt.Errorf("sqs queue: hide %s: %w", m.Job, err)
	}
	q.keepTaken(m, d)
	return nil
}

// Delete implements [queue.Queue]. On a FIFO queue it fails when the message's visibility timeout
// is over.
func (q *Queue) Delete(ctx context.Context, m queue.Message) error {
	_, handle, err := parseReceipt(m.Receipt)
	if err != nil {
		return err
	}
	if err := q.remove(ctx, handle); err != nil {
		return fmt.Errorf("sqs queue: delete %s: %w", m.Job, err)
	}
	q.drop(m)
	return nil
}

func (q *Queue) remove(ctx context.Context, handle string) error {
	_, err := q.client.DeleteMessage(ctx, &awssqs.DeleteMessageInput{QueueUrl: &q.url, ReceiptHandle: &handle})
	return told(err)
}

func (q *Queue) change(ctx context.Context, handle string, d time.Duration) error {
	_, err := q.client.ChangeMessageVisibility(ctx, &awssqs.ChangeMessageVisibilityInput{QueueUrl: &q.url, ReceiptHandle: &handle, VisibilityTimeout: seconds(d)})
	return told(err)
}

// batchSize is SQS's limit.
const batchSize = 10

func batches(all []*delivery) iter.Seq[[]*delivery] { return slices.Chunk(all, batchSize) }

// hide hides up to ten messages for d, and returns those that are somebody else's by now, or
// nobody's.
func (q *Queue) hide(ctx context.Context, batch []*delivery, d time.Duration) (gone map[*delivery]bool, err error) {
	in := &awssqs.ChangeMessageVisibilityBatchInput{QueueUrl: &q.url}
	for i, x := range batch {
		in.Entries = append(in.Entries, types.ChangeMessageVisibilityBatchRequestEntry{
			Id: aws.String(strconv.Itoa(i)), ReceiptHandle: &x.handle, VisibilityTimeout: seconds(d),
		})
	}
	begun := time.Now()
	out, err := q.client.ChangeMessageVisibilityBatch(ctx, in)
	if err != nil {
		return nil, told(err)
	}
	for _, ok := range out.Successful {
		if x := entry(batch, ok.Id); x != nil {
			x.hidden = begun.Add(d)
		}
	}
	gone = make(map[*delivery]bool)
	for _, failed := range out.Failed {
		if x := entry(batch, failed.Id); x != nil && failed.SenderFault {
			gone[x] = true
		}
	}
	return gone, nil
}

func entry(batch []*delivery, id *string) *delivery {
	i, err := strconv.Atoi(aws.ToString(id))
	if err != nil || i < 0 || i >= len(batch) {
		return nil
	}
	return batch[i]
}
