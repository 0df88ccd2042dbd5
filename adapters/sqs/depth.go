package sqs

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/queue"
)

// taken is a message that somebody has received here.
type taken struct {
	lane string
	job  provisioner.Job
	// hidden is until when it is nobody else's.
	hidden time.Time
}

// Depth implements [queue.Depth], for this process: it counts what is held here, in the hands of
// receivers, and hidden by them for a while. The sum over all processes is what waits in the queue,
// but for what nobody has read yet: a few seconds' jobs, as long as anybody receives.
func (q *Queue) Depth(context.Context) (map[string]int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	depth := make(map[string]int, len(q.lanes))
	for name, l := range q.lanes {
		depth[name] = l.n
	}
	q.forgetTaken()
	for _, t := range q.inHand {
		depth[t.lane]++
	}
	return depth, nil
}

// has reports whether a job's message, of that lane and of no earlier generation, is held here or
// in the hands of a receiver.
func (q *Queue) has(m queue.Message) bool {
	is := func(j provisioner.Job) bool { return j.Key() == m.Job.Key() && j.Generation >= m.Job.Generation }
	q.mu.Lock()
	defer q.mu.Unlock()
	if b, ok := q.lane(m.Lane).held.Get(m.Job.Repository); ok && slices.ContainsFunc(b.deliveries, func(d *delivery) bool { return is(d.message.Job) }) {
		return true
	}
	q.forgetTaken()
	for _, t := range q.inHand {
		if t.lane == m.Lane && is(t.job) {
			return true
		}
	}
	return false
}

// take notes that a message is in a receiver's hands.
func (q *Queue) take(m queue.Message) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.inHand) >= 2*MostHeld {
		q.forgetTaken()
	}
	q.inHand[m.Receipt] = taken{lane: m.Lane, job: m.Job, hidden: time.Now().Add(q.cfg.Visibility)}
}

// keepTaken notes for how long a receiver hides a message anew.
func (q *Queue) keepTaken(m queue.Message, d time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if t, ok := q.inHand[m.Receipt]; ok {
		t.hidden = time.Now().Add(d)
		q.inHand[m.Receipt] = t
	}
}

// drop notes that a message is gone.
func (q *Queue) drop(m queue.Message) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.inHand, m.Receipt)
}

// forgetTaken forgets what is visible again by now. The caller has the lock.
func (q *Queue) forgetTaken() {
	now := time.Now()
	maps.DeleteFunc(q.inHand, func(_ string, t taken) bool { return !t.hidden.After(now) })
}
