package sqs

import (
	"context"
	"slices"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner/queue"
)

// lane is what the process holds of one lane, and who waits for it. One of the two is always empty.
type lane struct {
	held    []*delivery // oldest first
	waiting []chan *delivery
}

// Receive implements [queue.Queue]. The first call starts the poller.
func (q *Queue) Receive(ctx context.Context, lane string) (queue.Message, error) {
	for {
		d, err := q.next(ctx, lane)
		if err != nil {
			return queue.Message{}, err
		}
		if q.handOut(ctx, d) {
			return d.message, nil
		}
	}
}

// next waits for a message of the lane.
func (q *Queue) next(ctx context.Context, name string) (*delivery, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		return nil, errClosed
	}
	q.start()
	l := q.lane(name)
	if len(l.held) > 0 {
		d := l.held[0]
		l.held = slices.Delete(l.held, 0, 1)
		q.held--
		q.wakePoller()
		q.mu.Unlock()
		return d, nil
	}
	mine := make(chan *delivery, 1)
	l.waiting = append(l.waiting, mine)
	q.asked++
	q.wakePoller()
	q.mu.Unlock()

	var err error
	select {
	case d := <-mine:
		return d, nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-q.running.Done():
		err = errClosed
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if i := slices.Index(l.waiting, mine); i >= 0 {
		l.waiting = slices.Delete(l.waiting, i, i+1)
		q.asked--
		return nil, err
	}
	return <-mine, nil // it came at the same moment
}

// handOut makes sure that the message is this process's for the whole visibility timeout. It
// reports whether it is this process's at all.
func (q *Queue) handOut(ctx context.Context, d *delivery) bool {
	now := time.Now()
	want := now.Add(q.cfg.Visibility)
	if off := want.Sub(d.hidden).Abs(); off < q.cfg.Visibility/10 && off < 2*time.Second {
		return true
	}
	// Not with the caller's context, which would leave the message neither here nor there when it
	// ends.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), letGo)
	defer cancel()
	if err := q.change(ctx, d.handle, q.cfg.Visibility); err != nil {
		q.cfg.Logger.WarnContext(ctx, "a message that was held can't be handed out; it comes back by itself", "job", d.message.Job.ID, "error", err)
		return false
	}
	return true
}

// route gives a message to who waits for its lane, or holds it.
func (q *Queue) route(d *delivery) {
	q.mu.Lock()
	defer q.mu.Unlock()
	l := q.lane(d.message.Lane)
	if len(l.waiting) > 0 {
		l.waiting[0] <- d
		l.waiting = slices.Delete(l.waiting, 0, 1)
		q.asked--
		return
	}
	// Where a message is put back from being hidden anew, it keeps its place.
	i, _ := slices.BinarySearchFunc(l.held, d, func(a, b *delivery) int { return a.message.Accepted.Compare(b.message.Accepted) })
	l.held = slices.Insert(l.held, i, d)
	q.held++
}

func (q *Queue) lane(name string) *lane {
	l := q.lanes[name]
	if l == nil {
		l = &lane{}
		q.lanes[name] = l
	}
	return l
}
