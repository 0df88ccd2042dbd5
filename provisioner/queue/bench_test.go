package queue_test

import (
	"context"
	"testing"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/queue"
)

// BenchmarkWorker has jobs taken out of a memory queue and settled by an engine that takes no time:
// what the worker itself costs for each.
func BenchmarkWorker(b *testing.B) {
	done := make(chan struct{}, 64)
	e := &engine{types: []provisioner.RunnerType{linux()}, provision: func(_ context.Context, j provisioner.Job) (provisioner.Outcome, error) {
		return launched(j), nil
	}}
	settled := observer(func(e provisioner.Event) {
		if e.Kind == provisioner.EventSettled {
			done <- struct{}{}
		}
	})
	q := queue.NewMemory(time.Minute)
	w := queue.NewWorker(q, e, queue.Config{Observer: settled})
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan struct{})
	go func() { _ = w.Run(ctx); close(ended) }()
	b.ReportAllocs()
	id := int64(0)
	for b.Loop() {
		id++
		if _, err := q.Send(ctx, "linux", newJob(id, "linux")); err != nil {
			b.Fatal(err)
		}
		<-done
	}
	cancel()
	<-ended
}

// observer makes a function an observer.
type observer func(provisioner.Event)

func (o observer) Observe(_ context.Context, e provisioner.Event) { o(e) }
