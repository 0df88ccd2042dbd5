package queue

import (
	"context"
	"sync"
	"time"
)

// held is a message in this process's hands: it stays hidden until it is put back or deleted.
type held struct {
	message Message
	worker  *Worker
	stop    func()
}

// heartbeats is how often a held message is hidden anew within its visibility timeout.
const heartbeats = 3

func (w *Worker) hold(ctx context.Context, m Message) *held {
	beat, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var done sync.WaitGroup
	done.Go(func() {
		for sleep(beat, Visibility/heartbeats) == nil {
			if err := w.queue.Extend(beat, m, Visibility); err != nil && beat.Err() == nil {
				w.cfg.Logger.WarnContext(beat, "a message could not be kept hidden; another worker may take it too", "job", m.Job.ID, "error", err)
			}
		}
	})
	return &held{message: m, worker: w, stop: func() { cancel(); done.Wait() }}
}

// queueTimeout bounds a call to the queue that must be made even when the worker stops.
const queueTimeout = 10 * time.Second

// putBack makes the message visible again after d.
func (h *held) putBack(ctx context.Context, d time.Duration) {
	h.stop()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), queueTimeout)
	defer cancel()
	if err := h.worker.queue.Extend(ctx, h.message, d); err != nil {
		h.worker.cfg.Logger.WarnContext(ctx, "a message could not be put back; it comes back by itself", "job", h.message.Job.ID, "error", err)
	}
}

// delete removes the message for good. When that fails the message comes back, and finds its job settled.
func (h *held) delete(ctx context.Context) {
	h.stop()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), queueTimeout)
	defer cancel()
	if err := h.worker.queue.Delete(ctx, h.message); err != nil {
		h.worker.cfg.Logger.WarnContext(ctx, "a message could not be deleted; it comes back", "job", h.message.Job.ID, "error", err)
	}
}
