package crashsim

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/queue"
)

// forgetful is a durable queue that is like SQS: it does not know which jobs it has, so that each
// may be stored several times; it hands the same message to two receivers now and then; and it
// forgets that it was told to delete one.
type forgetful struct {
	world *world
	name  provisioner.Deployment

	mu      sync.Mutex
	serial  int
	stored  []*stored // the oldest first
	changed chan struct{}
}

type stored struct {
	queue.Message
	serial  int
	visible time.Time
}

var _ durable = (*forgetful)(nil)

func newForgetful(w *world, name provisioner.Deployment) *forgetful {
	return &forgetful{world: w, name: name, changed: make(chan struct{})}
}

// Send implements queue.Queue.
func (q *forgetful) Send(ctx context.Context, lane string, j provisioner.Job) (duplicate bool, err error) {
	_, err = q.Requeue(ctx, queue.Message{Lane: lane, Job: j, Accepted: time.Now()})
	return false, err
}

// Requeue implements queue.Queue.
func (q *forgetful) Requeue(_ context.Context, m queue.Message) (news bool, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.serial++
	q.stored = append(q.stored, &stored{Message: m, serial: q.serial})
	q.wake()
	return true, nil
}

// Receive implements queue.Queue.
func (q *forgetful) Receive(ctx context.Context, lane string, ready queue.Ready) (queue.Message, error) {
	for ctx.Err() == nil {
		m, ok, changed := q.take(lane, ready)
		if ok {
			return m, nil
		}
		select {
		case <-ctx.Done():
		case <-changed:
		case <-time.After(time.Second): // a message becomes visible, or a repository ready
		}
	}
	return queue.Message{}, ctx.Err()
}

func (q *forgetful) take(lane string, ready queue.Ready) (queue.Message, bool, <-chan struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, s := range q.stored {
		if s.Lane != lane || s.visible.After(time.Now()) || ready.Wait(s.Job.Repository) > 0 {
			continue
		}
		s.Receives++
		s.Receipt = fmt.Sprintf("%d/%d", s.serial, s.Receives)
		if !q.forgets("received", s) {
			s.visible = time.Now().Add(queue.Visibility)
		}
		return s.Message, true, nil
	}
	return queue.Message{}, false, q.changed
}

// forgets reports whether the queue forgets what happened to a message.
func (q *forgetful) forgets(what string, s *stored) bool {
	return !q.world.calm.Load() && q.world.chance(q.world.weather.forgets, "forgets", what, q.name, s.Job.ID, s.Receives)
}

// Extend implements queue.Queue.
func (q *forgetful) Extend(_ context.Context, m queue.Message, d time.Duration) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if s := q.find(m); s != nil {
		s.visible = time.Now().Add(d)
		q.wake()
	}
	return nil
}

// Delete implements queue.Queue.
func (q *forgetful) Delete(_ context.Context, m queue.Message) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if s := q.find(m); s != nil && !q.forgets("deleted", s) {
		q.stored = slices.DeleteFunc(q.stored, func(x *stored) bool { return x == s })
	}
	return nil
}

// find returns a message if the receipt is its latest.
func (q *forgetful) find(m queue.Message) *stored {
	for _, s := range q.stored {
		if s.Receipt == m.Receipt {
			return s
		}
	}
	return nil
}

// Depth implements queue.Depth.
func (q *forgetful) Depth(context.Context) (map[string]int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	depth := map[string]int{}
	for _, s := range q.stored {
		depth[s.Lane]++
	}
	return depth, nil
}

func (q *forgetful) wake() {
	close(q.changed)
	q.changed = make(chan struct{})
}
