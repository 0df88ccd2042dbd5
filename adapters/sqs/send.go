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
	if err := q.store(ctx, string(body), j); err != nil {
		return false, fmt.Errorf("sqs queue: store %s: %w", j, err)
	}
	return false, nil
}

func (q *Queue) store(ctx context.Context, body string, j provisioner.Job) error {
	in := &awssqs.SendMessageInput{QueueUrl: &q.url, MessageBody: &body}
	if q.fifo() {
		// A group of its own: the messages of a group wait for each other.
		in.MessageGroupId, in.MessageDeduplicationId = aws.String(j.Key()), aws.String(j.Key())
	}
	_, err := q.client.SendMessage(ctx, in)
	return told(err)
}
