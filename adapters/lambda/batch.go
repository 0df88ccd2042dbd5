package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/queue"
)

// worker makes one attempt for a job; *queue.Worker is one.
type worker interface {
	Attempt(ctx context.Context, j provisioner.Job, accepted time.Time) (provisioner.Outcome, error)
}

// batch provisions the jobs of SQS batches. Lambda deletes the messages that it does not report as
// failed. Jobs don't depend on each other, so a failure stops nothing, not even in a FIFO queue,
// where each job is a group of its own.
type batch struct {
	worker     worker
	messages   *messages
	markActive func(provisioner.Repository) // tells the reconciler of this process, if there is one
	log        *slog.Logger
}

// sideBySide bounds the attempts of a batch under way at once; a batch may have thousands of
// messages.
const sideBySide = 16

// work provisions the jobs of a batch side by side.
func (b *batch) work(ctx context.Context, event []byte) (events.SQSEventResponse, error) {
	var e events.SQSEvent
	if err := json.Unmarshal(event, &e); err != nil {
		return events.SQSEventResponse{}, err
	}
	done := make([]bool, len(e.Records))
	slots := make(chan struct{}, sideBySide)
	var all sync.WaitGroup
	for i, m := range e.Records {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			done[i] = b.one(ctx, m)
		})
	}
	all.Wait()
	resp := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
	for i, m := range e.Records {
		if !done[i] {
			resp.BatchItemFailures = append(resp.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: m.MessageId})
		}
	}
	return resp, nil
}

// one deals with a message and reports whether it may be deleted.
func (b *batch) one(ctx context.Context, m events.SQSMessage) (done bool) {
	log := b.log.With("message", m.MessageId)
	defer func() {
		if p := recover(); p != nil {
			log.ErrorContext(ctx, "an attempt panicked; the message comes back", "panic", p, "stack", string(debug.Stack()))
			done = false
		}
	}()
	x, err := queue.Decode([]byte(m.Body))
	if err != nil {
		return b.messages.bury(ctx, log, m, err)
	}
	log = log.With("job", x.Job.ID, "repository", x.Job.Repository.String(), "type", x.Lane)
	if ctx.Err() != nil { // the time is over, which says nothing about the job
		log.InfoContext(ctx, "job waits", "reason", "the function's time is over: its message comes back at once")
		b.messages.wait(ctx, log, m, 0)
		return false
	}
	b.markActive(x.Job.Repository)
	x.Job.Repeated = x.Job.Repeated || receives(m) > 1
	_, err = b.worker.Attempt(ctx, x.Job, x.Accepted)
	var again *queue.RetryError
	switch {
	case err == nil:
		return true
	case !errors.As(err, &again):
		return b.messages.bury(ctx, log, m, err)
	}
	after := spread(again.After)
	if receives(m) >= renewAfter && b.messages.canRenew(after) {
		return b.messages.renew(ctx, log, m, after)
	}
	b.messages.wait(ctx, log, m, after)
	return false
}

func receives(m events.SQSMessage) int {
	n, _ := strconv.Atoi(m.Attributes["ApproximateReceiveCount"])
	return n
}
