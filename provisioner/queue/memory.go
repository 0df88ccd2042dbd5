package queue

import (
	"cmp"
	"container/heap"
	"context"
	"fmt"
	"slices"
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
	lanes   map[string]*Turns[*line]
	waiting map[string]*entry    // by job key
	known   map[string]time.Time // accepted jobs by key
	pruned  time.Time
	changed chan struct{} // closed and replaced whenever a message may have become visible
}

// entry is a waiting message.
type entry struct {
	serial   int64
	message  Message
	visible  time.Time
	receives int

	in    *pile // the one of its line's that it lies in
	index int
}

func (e *entry) receipt() string { return fmt.Sprintf("%d/%d", e.serial, e.receives) }

// line is what a repository has in a lane.
type line struct {
	visible pile // the oldest first
	hidden  pile // the one that becomes visible first is the first
}

func newLine() *line {
	return &line{
		visible: pile{less: func(a, b *entry) bool { return a.serial < b.serial }},
		hidden:  pile{less: func(a, b *entry) bool { return a.visible.Before(b.visible) }},
	}
}

// put puts an entry where it belongs.
func (l *line) put(e *entry, now time.Time) {
	if e.in != nil {
		heap.Remove(e.in, e.index)
	}
	e.in = &l.visible
	if e.visible.After(now) {
		e.in = &l.hidden
	}
	heap.Push(e.in, e)
}

// first returns the oldest visible entry, if there is one, or when the first hidden one will be.
func (l *line) first(now time.Time) (e *entry, next time.Time) {
	for len(l.hidden.entries) > 0 && !l.hidden.entries[0].visible.After(now) {
		l.put(l.hidden.entries[0], now)
	}
	if len(l.visible.entries) > 0 {
		return l.visible.entries[0], time.Time{}
	}
	if len(l.hidden.entries) > 0 {
		next = l.hidden.entries[0].visible
	}
	return nil, next
}

func (l *line) len() int { return len(l.visible.entries) + len(l.hidden.entries) }

// pile is a heap of entries that know where they lie in it.
type pile struct {
	entries []*entry
	less    func(a, b *entry) bool
}

func (p *pile) Len() int           { return len(p.entries) }
func (p *pile) Less(i, j int) bool { return p.less(p.entries[i], p.entries[j]) }

func (p *pile) Swap(i, j int) {
	p.entries[i], p.entries[j] = p.entries[j], p.entries[i]
	p.entries[i].index, p.entries[j].index = i, j
}

func (p *pile) Push(x any) {
	e, _ := x.(*entry)
	e.index = len(p.entries)
	p.entries = append(p.entries, e)
}

func (p *pile) Pop() any {
	last := len(p.entries) - 1
	e := p.entries[last]
	p.entries = slices.Delete(p.entries, last, last+1)
	return e
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
		visibility: cmp.Or(visibility, Visibility), lanes: make(map[string]*Turns[*line]), waiting: make(map[string]*entry),
		known: make(map[string]time.Time), changed: make(chan struct{}),
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
	q.insert(Message{Lane: lane, Job: j, Accepted: now})
	return false, nil
}

// Requeue implements [Queue].
func (q *Memory) Requeue(_ context.Context, m Message) (news bool, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.known[m.Job.Key()] = time.Now()
	e := q.waiting[m.Job.Key()]
	switch {
	case e == nil:
		q.insert(m)
	case e.message.Lane != m.Lane:
		q.remove(e)
		m.Accepted = e.message.Accepted
		q.insert(m)
	case m.Job.Generation > e.message.Job.Generation:
		e.message.Job = m.Job
	default:
		return false, nil
	}
	return true, nil
}

func (q *Memory) insert(m Message) {
	q.serial++
	m.Job.Labels = slices.Clone(m.Job.Labels)
	e := &entry{serial: q.serial, message: m}
	q.waiting[m.Job.Key()] = e
	q.line(m).put(e, time.Now())
	q.wake()
}

// line returns the line that a message belongs to.
func (q *Memory) line(m Message) *line {
	lane := q.lanes[m.Lane]
	if lane == nil {
		lane = &Turns[*line]{}
		q.lanes[m.Lane] = lane
	}
	l, ok := lane.Get(m.Job.Repository)
	if !ok {
		l = newLine()
		lane.Put(m.Job.Repository, l)
	}
	return l
}

func (q *Memory) remove(e *entry) {
	heap.Remove(e.in, e.index)
	delete(q.waiting, e.message.Job.Key())
	if q.line(e.message).len() == 0 {
		q.lanes[e.message.Lane].Delete(e.message.Job.Repository)
	}
}

// Receive implements [Queue].
func (q *Memory) Receive(ctx context.Context, lane string, ready Ready) (Message, error) {
	for {
		if err := ctx.Err(); err != nil {
			return Message{}, err
		}
		m, ok, next, changed := q.take(lane, ready)
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

// take returns the oldest visible message of the repository whose turn it is, or when to look
// again.
func (q *Memory) take(lane string, ready Ready) (m Message, ok bool, next time.Time, changed <-chan struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := time.Now()
	turns := q.lanes[lane]
	if turns == nil {
		return Message{}, false, time.Time{}, q.changed
	}
	var first *entry
	turns.Take(func(r provisioner.Repository, l *line) bool {
		e, at := l.first(now)
		if e != nil {
			wait := ready.Wait(r)
			if wait <= 0 {
				first = e
				return true
			}
			at = now.Add(wait)
		}
		if !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
		return false
	})
	if first == nil {
		return Message{}, false, next, q.changed
	}
	first.visible = now.Add(q.visibility)
	first.receives++
	q.line(first.message).put(first, now)
	m = first.message
	m.Receives, m.Receipt = first.receives, first.receipt()
	return m, true, time.Time{}, nil
}

// Extend implements [Queue].
func (q *Memory) Extend(_ context.Context, m Message, d time.Duration) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if e := q.held(m); e != nil {
		now := time.Now()
		e.visible = now.Add(d)
		q.line(e.message).put(e, now)
		q.wake()
	}
	return nil
}

// Delete implements [Queue].
func (q *Memory) Delete(_ context.Context, m Message) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if e := q.held(m); e != nil {
		q.remove(e)
	}
	return nil
}

// held returns a message's entry if the receipt is its latest; one that was delivered again belongs
// to somebody else, and one that is gone to nobody.
func (q *Memory) held(m Message) *entry {
	e := q.waiting[m.Job.Key()]
	if e == nil || e.receipt() != m.Receipt {
		return nil
	}
	return e
}

// Depth implements [Depth].
func (q *Memory) Depth(context.Context) (map[string]int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	depth := make(map[string]int, len(q.lanes))
	for _, e := range q.waiting {
		depth[e.message.Lane]++
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
