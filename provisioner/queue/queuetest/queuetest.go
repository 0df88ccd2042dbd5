package queuetest

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/queue"
)

// Harness opens queues and tells what they promise beyond [queue.Queue]. Every test opens its
// queues with [queue.Visibility].
type Harness struct {
	// Open returns an empty queue with the lanes of [Lanes]. It runs in the bubble of the case, and
	// cleans up with t.Cleanup.
	Open func(t *testing.T) queue.Queue
	// Another returns a second handle on the queue that Open returned last, as another process
	// would have it, or the same one after a restart. nil for a queue that lives in one process.
	Another func(t *testing.T) queue.Queue
	// Remembers says that the queue remembers the jobs it has accepted, and answers duplicate.
	Remembers bool
	// ReceiptsExpire says that a receipt is worth nothing once the visibility timeout is over.
	ReceiptsExpire bool
	// Delay is how much later than due a message may be seen. Defaults to one second.
	Delay time.Duration
}

// Lanes are the lanes that the cases use, beside [queue.Unsorted].
var Lanes = []string{"ubuntu-arm64", "macOS-arm64"}

// Run runs every case that applies to the queue.
func Run(t *testing.T, h Harness) {
	if h.Delay == 0 {
		h.Delay = time.Second
	}
	for _, c := range cases {
		if c.applies != nil && !c.applies(h) {
			continue
		}
		t.Run(c.sentence, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { c.run(&world{T: t, Harness: h, Queue: h.Open(t)}) })
		})
	}
}

// one case of the suite.
type testCase struct {
	sentence string
	applies  func(Harness) bool // nil: always
	run      func(w *world)
}

var cases = concat(deliveryCases, laneCases, visibilityCases, receiptCases, memoryCases, turnCases, requeueCases)

func concat(lists ...[]testCase) (all []testCase) {
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}

const (
	ubuntu = "ubuntu-arm64"
	mac    = "macOS-arm64"
)

// world is a case's queue and what the cases do with it.
type world struct {
	*testing.T
	Harness
	Queue queue.Queue
}

func job(id int64) provisioner.Job {
	return provisioner.Job{
		ID: id, RunAttempt: 1, Repository: provisioner.Repository{Owner: "datawire", Name: "infra-actions"}, Labels: []string{"self-hosted", "ubuntu-arm64"},
	}
}

func (w *world) send(lane string, jobs ...provisioner.Job) {
	w.Helper()
	for _, j := range jobs {
		if duplicate, err := w.Queue.Send(w.Context(), lane, j); err != nil || duplicate {
			w.Fatalf("Send(%s) = %t, %v", j, duplicate, err)
		}
	}
}

// receive returns a message that must be there now, or within the delay.
func (w *world) receive(lane string) queue.Message {
	w.Helper()
	return w.receiveWithin(lane, w.Delay)
}

func (w *world) receiveWithin(lane string, d time.Duration) queue.Message {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), d)
	defer cancel()
	m, err := w.Queue.Receive(ctx, lane, nil)
	if err != nil {
		w.Fatalf("no message in lane %q within %s: %v", lane, d, err)
	}
	return m
}

// nothing fails if a message of the lane is visible within d.
func (w *world) nothing(lane string, d time.Duration) {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), d)
	defer cancel()
	if m, err := w.Queue.Receive(ctx, lane, nil); err == nil {
		w.Fatalf("lane %q has a message: %s, delivery %d", lane, m.Job, m.Receives)
	}
}

func (w *world) extend(m queue.Message, d time.Duration) {
	w.Helper()
	if err := w.Queue.Extend(w.Context(), m, d); err != nil {
		w.Fatalf("Extend(%s, %s): %v", m.Job, d, err)
	}
}

func (w *world) delete(m queue.Message) {
	w.Helper()
	if err := w.Queue.Delete(w.Context(), m); err != nil {
		w.Fatalf("Delete(%s): %v", m.Job, err)
	}
}

func (w *world) is(m queue.Message, j provisioner.Job, receives int) {
	w.Helper()
	if got, want := fmt.Sprint(m.Job, " delivery ", m.Receives), fmt.Sprint(j, " delivery ", receives); got != want {
		w.Fatalf("received %s, want %s", got, want)
	}
}
