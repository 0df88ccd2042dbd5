package queue

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// Memory is a [Queue] in the process's memory: nothing survives the process. It remembers the jobs
// it has accepted as long as it lives, at some 100 bytes each, for four days.
type Memory struct {
	visibility time.Duration

	mu      sync.Mutex
	serial  int64
	lanes   map[string][]*entry
	known   map[string]time.Time // accepted jobs by key
	pruned  time.Time
	changed chan struct{} // closed and replaced whenever a message may have become visible
}

type entry struct {
	serial   int64
	message  Message
	visible  time.Time
	receives int
}

var (
	_ Queue = (*Memory)(nil)
	_ Depth = (*Memory)(nil)
)

// remembered is how long a job is known: GitHub redelivers for three days.
const remembered = 4 * 24 * time.Hour

// NewMemory returns an empty queue. visibility 0 means [Visibility].
func NewMemory(visibility time.Duration) *Memory {
	return &Memory{
		visibility: cmp.Or(visibility, Visibility), lanes: make(map[string][]*entry), known: make(map[string]time.Time), changed: make(chan struct{}),
	}
}

// Send implements [Queue].
func (q *Memory) Send(_ context.Context, lane string, j provisioner.Job) (duplicate bool, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := time.Now()
	q.prune(now)
	if _, ok := q.known[j.Key()]; ok {
		return true, nil
	}
	q.known[j.Key()] = now
	q.serial++
	j.Labels = slices.Clone(j.Labels)
	q.lanes[lane] = append(q.lanes[lane], &entry{serial: q.serial, message: Message{Lane: lane, Job: j, Accepted: now}})
	q.wake()
	return false, nil
}

// Receive implements [Queue].
func (q *Memory) Receive(ctx context.Context, lane string) (Message, error) {
	for {
		if err := ctx.Err(); err != nil {
			return Message{}, err
		}
		m, ok, next, changed := q.take(lane)
		if ok {
			return m, nil
		}
		var timer <-chan time.Time
		if !next.IsZero() {
			timer = time.After(time.Until(next))
		}
		select {
		case <-ctx.Done():
		case <-changed:
		case <-timer:
		}
	}
}

// take returns the oldest visible message, or when the next one will be visible.
func (q *Memory) take(lane string) (m Message, ok bool, next time.Time, changed <-chan struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := time.Now()
	for _, e := range q.lanes[lane] {
		if e.visible.After(now) {
			if next.IsZero() || e.visible.Before(next) {
				next = e.visible
			}
			continue
		}
		e.visible = now.Add(q.visibility)
		e.receives++
		m = e.message
		m.Receives = e.receives
		m.Receipt = fmt.Sprintf("%d/%d", e.serial, e.receives)
		return m, true, time.Time{}, nil
	}
	return Message{}, false, next, q.changed
}

// Extend implements [Queue].
func (q *Memory) Extend(_ context.Context, m Message, d time.Duration) error {
	return q.with(m, func(e *entry, _ int) {
		e.visible = time.Now().Add(d)
		q.wake()
	})
}

// Delete implements [Queue].
func (q *Memory) Delete(_ context.Context, m Message) error {
	return q.with(m, func(_ *entry, i int) { q.lanes[m.Lane] = slices.Delete(q.lanes[m.Lane], i, i+1) })
}

// with calls f with the message's entry if the receipt is its latest; one that was delivered again
// belongs to somebody else, and one that is gone to nobody.
func (q *Memory) with(m Message, f func(e *entry, i int)) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, e := range q.lanes[m.Lane] {
		if m.Receipt == strconv.FormatInt(e.serial, 10)+"/"+strconv.Itoa(e.receives) {
			f(e, i)
			break
		}
	}
	return nil
}

// Depth implements [Depth].
func (q *Memory) Depth(context.Context) (map[string]int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	depth := make(map[string]int, len(q.lanes))
	for lane, entries := range q.lanes {
		depth[lane] = len(entries)
	}
	return depth, nil
}

func (q *Memory) wake() {
	close(q.changed)
	q.changed = make(chan struct{})
}

func (q *Memory) prune(now time.Time) {
	if now.Sub(q.pruned) < time.Hour {
		return
	}
	q.pruned = now
	for k, t := range q.known {
		if now.Sub(t) > remembered {
			delete(q.known, k)
		}
	}
}
