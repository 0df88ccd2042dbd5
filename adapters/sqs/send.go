package sqs

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/queue"
)

// Send implements [queue.Queue]. It never answers duplicate. The SDK repeats a call that gets no
// answer, so that a job may be stored twice; that is harmless.
func (q *Queue) Send(ctx context.Context, lane string, j provisioner.Job) (duplicate bool, err error) {
	body, err := queue.Encode(lane, j, time.Now())
	if err != nil {
		return false, err
	}
	if err := q.store(ctx, string(body), j, j.Key()); err != nil {
		return false, fmt.Errorf("sqs queue: store %s: %w", j, err)
	}
	return false, nil
}

// Requeue implements [queue.Queue]. SQS can't tell whether the job waits already: where this
// process does not have it at hand it is stored a second time.
func (q *Queue) Requeue(ctx context.Context, m queue.Message) (news bool, err error) {
	if q.has(m) {
		return false, nil
	}
	body, err := queue.Encode(m.Lane, m.Job, m.Accepted)
	if err != nil {
		return false, err
	}
	once := fmt.Sprintf("%s-%d-%d", m.Job.Key(), m.Job.Generation, time.Now().UnixMilli())
	if err := q.store(ctx, string(body), m.Job, once); err != nil {
		return false, fmt.Errorf("sqs queue: store %s again: %w", m.Job, err)
	}
	return true, nil
}

// store stores a job; once is what a FIFO queue knows its repetitions by.
func (q *Queue) store(ctx context.Context, body string, j provisioner.Job, once string) error {
	in := &awssqs.SendMessageInput{QueueUrl: &q.url, MessageBody: &body}
	if q.fifo() {
		// A group of its own: the messages of a group wait for each other.
		in.MessageGroupId, in.MessageDeduplicationId = aws.String(j.Key()), aws.String(once)
	}
	_, err := q.client.SendMessage(ctx, in)
	return told(err)
}
