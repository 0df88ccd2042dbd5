package sqs

import (
	"context"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner/queue"
)

// Receive implements [queue.Queue]. The first call starts the poller.
func (q *Queue) Receive(ctx context.Context, lane string, ready queue.Ready) (queue.Message, error) {
	for {
		d, err := q.next(ctx, lane, ready)
		if err != nil {
			return queue.Message{}, err
		}
		if d != nil && q.handOut(ctx, d) {
			q.take(d.message)
			return d.message, nil
		}
	}
}

// next waits for a message of the lane. nil means that it is time to look again.
func (q *Queue) next(ctx context.Context, name string, ready queue.Ready) (*delivery, error) {
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
	d, again := l.take(ready)
	if d != nil {
		q.mu.Unlock()
		return d, nil
	}
	l.waiting++
	changed := l.changed
	q.wakePoller()
	q.mu.Unlock()
	defer func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		if changed == l.changed {
			l.waiting--
		}
	}()

	var look <-chan time.Time
	if again > 0 {
		timer := time.NewTimer(again)
		defer timer.Stop()
		look = timer.C
	}
	select {
	case <-changed:
	case <-look:
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-q.running.Done():
		return nil, errClosed
	}
	return nil, nil
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

// hold holds messages for those who ask for their lanes. What is too many is put back.
func (q *Queue) hold(all ...*delivery) {
	var surplus []*delivery
	q.mu.Lock()
	for _, d := range all {
		if s := q.lane(d.message.Lane).put(d); s != nil {
			surplus = append(surplus, s)
		}
	}
	q.mu.Unlock()
	q.putBack(surplus)
}

func (q *Queue) lane(name string) *lane {
	l := q.lanes[name]
	if l == nil {
		l = &lane{changed: make(chan struct{})}
		q.lanes[name] = l
	}
	return l
}
