package sqs

import (
	"context"
	"iter"
	"math/rand/v2"
	"slices"
	"time"
)

// renewBefore is the age at which a held message is replaced by a fresh copy, well before SQS's
// limit.
const renewBefore = 11 * time.Hour

// heldFor is how long a held message is hidden at a time, where that many are held: after a crash
// it is what its job waits for. No lane is worked off faster than [fastest], so that of many
// messages most would wait that long anyway.
func (q *Queue) heldFor(held int) time.Duration {
	return 2*q.cfg.Visibility + time.Duration(held)*time.Second/fastest
}

// fastest is how many jobs a second a process may at the very most take out of a lane: EC2 launches
// no more than five machines a second for long.
const fastest = 10

// keep hides held messages anew long before they reappear.
func (q *Queue) keep() {
	for q.sleep(q.cfg.Visibility / 4) {
		for batch, hide := range q.due() {
			q.keepBatch(batch, hide)
		}
	}
}

// due yields the messages that need to be hidden anew, a few at a time. Nobody gets them meanwhile:
// a late extension could undo what their receiver does with them.
func (q *Queue) due() iter.Seq2[[]*delivery, time.Duration] {
	return func(yield func([]*delivery, time.Duration) bool) {
		round := time.Now()
		q.mu.Lock()
		defer q.mu.Unlock()
		for _, l := range q.lanes {
			hide := q.heldFor(l.n)
			due := slices.DeleteFunc(l.all(), func(d *delivery) bool { return d.hidden.Sub(round) > q.cfg.Visibility })
			for batch := range batches(due) {
				batch = slices.DeleteFunc(batch, func(d *delivery) bool { return !l.drop(d) })
				q.mu.Unlock()
				more := yield(batch, hide)
				q.mu.Lock()
				if !more {
					return
				}
			}
		}
	}
}

// keepTimeout is shorter than what is left of a message's time.
const keepTimeout = 5 * time.Second

func (q *Queue) keepBatch(batch []*delivery, hide time.Duration) {
	// Not ended by Close, which needs to know what it holds.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(q.running), min(keepTimeout, q.cfg.Visibility/2))
	defer cancel()
	batch = slices.DeleteFunc(batch, func(d *delivery) bool { return time.Since(d.received) > renewBefore && q.renew(ctx, d) })
	if len(batch) == 0 {
		return
	}
	gone, err := q.hide(ctx, batch, hide)
	if err != nil {
		q.cfg.Logger.Warn("held messages could not be kept hidden", "messages", len(batch), "error", err)
	}
	now := time.Now()
	// What is visible by now comes back through the poller.
	q.hold(slices.DeleteFunc(batch, func(d *delivery) bool { return gone[d] || !d.hidden.After(now) })...)
}

// putBackFor is how long messages are hidden that are too many to be held: so long that receiving
// them again and again costs little, and no longer than it takes at the least to work off what is
// held. Up to a quarter more spreads them.
const putBackFor = MostHeld * time.Second / fastest

// putBack hides what is too many to be held for a while, for this process and others.
func (q *Queue) putBack(surplus []*delivery) {
	for batch := range batches(surplus) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(q.running), keepTimeout)
		_, err := q.hide(ctx, batch, putBackFor+rand.N(putBackFor/4)) //nolint:gosec // spreading needs no secrecy
		cancel()
		if err != nil {
			q.cfg.Logger.Warn("messages could not be put back for long; they come back soon", "messages", len(batch), "error", err)
		}
	}
}

// renew replaces a message by a fresh copy. It reports whether the copy is stored; then the message
// is done with, and if it can't be deleted it comes back as a second one, which is harmless.
func (q *Queue) renew(ctx context.Context, d *delivery) bool {
	if err := q.store(ctx, d.body, d.message.Job, d.message.Job.Key()); err != nil {
		q.cfg.Logger.Warn("a held message could not be renewed; it is tried again", "job", d.message.Job.ID, "error", err)
		return false
	}
	if err := q.remove(ctx, d.handle); err != nil {
		q.cfg.Logger.Warn("a message that was renewed could not be deleted; it comes back", "job", d.message.Job.ID, "error", err)
	}
	return true
}
