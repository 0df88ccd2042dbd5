package sqs

import (
	"context"
	"slices"
	"time"
)

// renewBefore is the age at which a held message is replaced by a fresh copy, well before SQS's
// limit.
const renewBefore = 11 * time.Hour

// heldFor is how long a held message is hidden at a time: after a crash it is what its job waits
// for.
func (q *Queue) heldFor() time.Duration { return 2 * q.cfg.Visibility }

// keep hides held messages anew long before they reappear.
func (q *Queue) keep() {
	for q.sleep(q.cfg.Visibility / 4) {
		round := time.Now()
		for {
			due := q.takeDue(round)
			if len(due) == 0 {
				break
			}
			q.keepBatch(due)
		}
		q.wakePoller() // some may be gone
	}
}

// takeDue takes a few out that need to be hidden anew and have not been in this round. Nobody gets
// them meanwhile: a late extension could undo what their receiver does with them.
func (q *Queue) takeDue(round time.Time) (due []*delivery) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, l := range q.lanes {
		l.held = slices.DeleteFunc(l.held, func(d *delivery) bool {
			if len(due) == batchSize || d.hidden.Sub(round) > q.cfg.Visibility || d.kept.Equal(round) {
				return false
			}
			d.kept = round
			due = append(due, d)
			return true
		})
	}
	q.held -= len(due)
	return due
}

// keepTimeout is shorter than what is left of a message's time.
const keepTimeout = 5 * time.Second

func (q *Queue) keepBatch(batch []*delivery) {
	// Not ended by Close, which needs to know what it holds.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(q.running), min(keepTimeout, q.cfg.Visibility/2))
	defer cancel()
	batch = slices.DeleteFunc(batch, func(d *delivery) bool { return time.Since(d.received) > renewBefore && q.renew(ctx, d) })
	if len(batch) == 0 {
		return
	}
	gone, err := q.hide(ctx, batch, q.heldFor())
	if err != nil {
		q.cfg.Logger.Warn("held messages could not be kept hidden", "messages", len(batch), "error", err)
	}
	now := time.Now()
	for _, d := range batch {
		// What is visible by now comes back through the poller.
		if !gone[d] && d.hidden.After(now) {
			q.route(d)
		}
	}
}

// renew replaces a message by a fresh copy. It reports whether the copy is stored; then the message
// is done with, and if it can't be deleted it comes back as a second one, which is harmless.
func (q *Queue) renew(ctx context.Context, d *delivery) bool {
	if err := q.store(ctx, d.body, d.message.Job); err != nil {
		q.cfg.Logger.Warn("a held message could not be renewed; it is tried again", "job", d.message.Job.ID, "error", err)
		return false
	}
	if err := q.remove(ctx, d.handle); err != nil {
		q.cfg.Logger.Warn("a message that was renewed could not be deleted; it comes back", "job", d.message.Job.ID, "error", err)
	}
	return true
}
