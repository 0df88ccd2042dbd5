package queue

import (
	"context"
	"sync"
	"time"
)

// inFlight is a message in this process's hands. A heartbeat keeps it hidden from other receivers
// until it is put back or deleted.
type inFlight struct {
	message Message
	worker  *Worker
	stop    func()
}

// heartbeats is how often a message in flight is hidden anew within its visibility timeout.
const heartbeats = 3

func (w *Worker) keepInFlight(ctx context.Context, m Message) *inFlight {
	beat, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var done sync.WaitGroup
	done.Go(func() {
		for sleep(beat, Visibility/heartbeats) == nil {
			if err := w.queue.Extend(beat, m, Visibility); err != nil && beat.Err() == nil {
				w.cfg.Logger.WarnContext(beat, "a message could not be kept hidden; another worker may take it too", "job", m.Job.ID, "error", err)
			}
		}
	})
	return &inFlight{message: m, worker: w, stop: func() { cancel(); done.Wait() }}
}

// queueTimeout bounds a call to the queue that must be made even when the worker stops.
const queueTimeout = 10 * time.Second

// putBack makes the message visible again after d.
func (f *inFlight) putBack(ctx context.Context, d time.Duration) {
	f.stop()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), queueTimeout)
	defer cancel()
	if err := f.worker.queue.Extend(ctx, f.message, d); err != nil {
		f.worker.cfg.Logger.WarnContext(ctx, "a message could not be put back; it comes back by itself", "job", f.message.Job.ID, "error", err)
	}
}

// move puts the message into another lane. What can't be moved comes back, and is moved then.
func (f *inFlight) move(ctx context.Context, lane string) {
	f.stop()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), queueTimeout)
	defer cancel()
	m := f.message
	m.Lane = lane
	if _, err := f.worker.queue.Requeue(ctx, m); err != nil {
		f.worker.cfg.Logger.WarnContext(ctx, "a message could not be moved to its runner type; it comes back", "job", m.Job.ID, "type", lane, "error", err)
		return
	}
	f.delete(ctx) // where the queue has stored another one
}

// delete removes the message for good. When that fails the message comes back, and finds its job
// settled.
func (f *inFlight) delete(ctx context.Context) {
	f.stop()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), queueTimeout)
	defer cancel()
	if err := f.worker.queue.Delete(ctx, f.message); err != nil {
		f.worker.cfg.Logger.WarnContext(ctx, "a message could not be deleted; it comes back", "job", f.message.Job.ID, "error", err)
	}
}
