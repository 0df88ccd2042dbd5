package sqs

import (
	"context"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/datawire/github-runner-provisioner/provisioner/queue"
)

const (
	// longPoll is SQS's longest.
	longPoll = 20 * time.Second
	// pollTimeout is when a poll has got lost.
	pollTimeout = longPoll + 15*time.Second
	// The poller waits this long after a failure, and twice as long after each further one.
	shortestPause = time.Second
	longestPause  = 30 * time.Second
)

// start starts the poller and the keeper, if they don't run. The caller has the lock.
func (q *Queue) start() {
	if q.polls {
		return
	}
	q.polls = true
	q.background.Go(q.poll)
	q.background.Go(q.keep)
}

// poll takes messages from SQS while somebody waits for one.
func (q *Queue) poll() {
	pause := shortestPause
	for {
		if !q.wanted() {
			return
		}
		messages, received, err := q.receive()
		if q.running.Err() != nil && err != nil {
			return
		}
		if err != nil {
			// Half to all of the pause, so that replicas don't come back together.
			wait := pause/2 + rand.N(pause/2) //nolint:gosec // nothing secret
			q.cfg.Logger.Error("SQS can't be read", "error", err, "retry_after", wait.Round(time.Millisecond))
			pause = min(2*pause, longestPause)
			if !q.sleep(wait) {
				return
			}
			continue
		}
		pause = shortestPause
		var jobs []*delivery
		for _, m := range messages {
			if d := q.read(m, received); d != nil {
				jobs = append(jobs, d)
			}
		}
		q.hold(jobs...)
	}
}

// wanted waits until somebody waits for a message; false means that the queue is closed.
func (q *Queue) wanted() bool {
	for {
		if q.asked() {
			return q.running.Err() == nil
		}
		select {
		case <-q.wake:
		case <-q.running.Done():
			return false
		}
	}
}

func (q *Queue) asked() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, l := range q.lanes {
		if l.waiting > 0 {
			return true
		}
	}
	return false
}

// wakePoller tells the poller to look again whether messages are wanted.
func (q *Queue) wakePoller() {
	select {
	case q.wake <- struct{}{}:
	default: // it has been told already
	}
}

func (q *Queue) receive() ([]types.Message, time.Time, error) {
	ctx, cancel := context.WithTimeout(q.running, pollTimeout)
	defer cancel()
	out, err := q.client.ReceiveMessage(ctx, &awssqs.ReceiveMessageInput{
		QueueUrl: &q.url, MaxNumberOfMessages: batchSize, WaitTimeSeconds: seconds(longPoll), VisibilityTimeout: seconds(q.cfg.Visibility),
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameApproximateReceiveCount},
	})
	if err != nil {
		return nil, time.Time{}, told(err)
	}
	// SQS answers as soon as it has something, so that the answer's age is that of the network.
	return out.Messages, time.Now(), nil
}

// read reads a message. One that is no job of ours is left alone: SQS delivers it again and again,
// and moves it to the dead-letter queue if there is one.
func (q *Queue) read(m types.Message, received time.Time) *delivery {
	body := aws.ToString(m.Body)
	message, err := queue.Decode([]byte(body))
	if err != nil {
		q.cfg.Logger.Error("a message is no job; it is left to the dead-letter queue", "message", aws.ToString(m.MessageId), "error", err)
		return nil
	}
	if q.exists != nil && !q.exists[message.Lane] {
		message.Lane = queue.Unsorted
	}
	handle := aws.ToString(m.ReceiptHandle)
	message.Receipt = receiptOf(received, handle)
	message.Receives = receives(m)
	return &delivery{message: message, body: body, handle: handle, received: received, hidden: received.Add(q.cfg.Visibility)}
}

func receives(m types.Message) int {
	n, err := strconv.Atoi(m.Attributes[string(types.MessageSystemAttributeNameApproximateReceiveCount)])
	if err != nil {
		return 1
	}
	return max(n, 1)
}

// sleep reports whether the queue is still open afterwards.
func (q *Queue) sleep(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-q.running.Done():
		return false
	}
}
