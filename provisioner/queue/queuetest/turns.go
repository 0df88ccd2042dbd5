package queuetest

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/queue"
)

// of makes a job another repository's.
func of(repository string, j provisioner.Job) provisioner.Job {
	j.Repository.Name = repository
	return j
}

// but lets all repositories be ready but some, of which one asks again after a while.
func but(wait time.Duration, repositories ...string) queue.Ready {
	return func(r provisioner.Repository) time.Duration {
		if slices.Contains(repositories, r.Name) {
			return wait
		}
		return 0
	}
}

// wait keeps a receiver waiting in a lane that nothing comes to, as workers do. Queues may look
// ahead only while somebody waits.
func (w *world) wait(lane string) {
	w.Helper()
	ctx, cancel := context.WithCancel(w.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if m, err := w.Queue.Receive(ctx, lane, nil); err == nil {
			w.Errorf("lane %q has %s", lane, m.Job)
		}
	}()
	w.Cleanup(func() { cancel(); <-done })
}

// order receives n messages and returns their jobs' numbers.
func (w *world) order(n int, ready queue.Ready) (ids []int64) {
	w.Helper()
	for range n {
		ctx, cancel := context.WithTimeout(w.Context(), w.Delay)
		m, err := w.Queue.Receive(ctx, ubuntu, ready)
		cancel()
		if err != nil {
			w.Fatalf("after %v: %v", ids, err)
		}
		ids = append(ids, m.Job.ID)
	}
	return ids
}

var turnCases = []testCase{
	{sentence: "repositories take turns, and of each the older jobs come first", run: func(w *world) {
		for id := range int64(9) {
			w.send(ubuntu, of("greedy", job(id+1)))
			time.Sleep(time.Second)
		}
		w.send(ubuntu, of("modest", job(10)))
		time.Sleep(time.Second)
		w.send(ubuntu, of("small", job(11)))
		time.Sleep(time.Second)
		w.send(ubuntu, of("modest", job(12)))
		w.wait(mac)
		time.Sleep(w.Delay)
		got := w.order(12, nil)
		if i, j := slices.Index(got, 10), slices.Index(got, 11); i > 3 || j > 3 {
			w.Errorf("the order is %v: 10 and 11 are the first of their repositories", got)
		}
		if i := slices.Index(got, 12); i > 6 {
			w.Errorf("the order is %v: 12 is the second of its repository", got)
		}
		if greedy := slices.DeleteFunc(slices.Clone(got), func(id int64) bool { return id > 9 }); !slices.IsSorted(greedy) {
			w.Errorf("the order is %v: one repository's jobs are not the oldest first", got)
		}
	}},
	{sentence: "a repository that is not ready is passed over, and its jobs cost nothing while they wait", run: func(w *world) {
		for id := range int64(20) {
			w.send(ubuntu, of("shut", job(id+1)))
		}
		time.Sleep(time.Minute)
		w.send(ubuntu, of("open", job(21)), of("open", job(22)))
		w.wait(mac)
		time.Sleep(w.Delay)
		if got := w.order(2, but(time.Hour, "shut")); !slices.Equal(got, []int64{21, 22}) {
			w.Errorf("received %v", got)
		}
		ctx, cancel := context.WithTimeout(w.Context(), queue.Visibility/2)
		defer cancel()
		if m, err := w.Queue.Receive(ctx, ubuntu, but(time.Hour, "shut")); err == nil {
			w.Errorf("received %s of a repository that is not ready", m.Job)
		}
		m := w.receive(ubuntu)
		w.is(m, of("shut", job(1)), m.Receives)
	}},
	{sentence: "whether a repository is ready is asked again when it said so", run: func(w *world) {
		w.send(ubuntu, of("shut", job(1)))
		time.Sleep(w.Delay)
		begun := time.Now()
		ready := func(provisioner.Repository) time.Duration { return max(10*time.Minute-time.Since(begun), 0) }
		ctx, cancel := context.WithTimeout(w.Context(), time.Hour)
		defer cancel()
		m, err := w.Queue.Receive(ctx, ubuntu, ready)
		if took := time.Since(begun); err != nil || m.Job.ID != 1 || took < 10*time.Minute || took > 10*time.Minute+w.Delay {
			w.Errorf("received %s after %s: %v", m.Job, took, err)
		}
	}},
	{sentence: "a job that is put back does not lose its turn to a later one of its repository", run: func(w *world) {
		w.send(ubuntu, job(1))
		m := w.receive(ubuntu)
		w.send(ubuntu, job(2))
		w.extend(m, 0)
		time.Sleep(w.Delay)
		if got := w.order(2, nil); !slices.Equal(got, []int64{1, 2}) {
			w.Errorf("received %v", got)
		}
	}},
}

func tells(h Harness) bool { return h.Remembers }

var requeueCases = []testCase{
	{sentence: "a job that is put into the queue again waits again, with the time of its acceptance", run: func(w *world) {
		w.send(ubuntu, job(1))
		w.delete(w.receive(ubuntu))
		accepted := time.Now().Add(-time.Hour).UTC().Truncate(time.Millisecond)
		again := job(1)
		again.Repeated, again.Generation = true, 2
		w.requeue(queue.Message{Lane: mac, Job: again, Accepted: accepted}, true)
		m := w.receive(mac)
		w.is(m, again, 1)
		if !m.Accepted.Equal(accepted) || m.Job.Generation != 2 || !m.Job.Repeated {
			w.Errorf("received %+v", m)
		}
	}},
	{sentence: "a job that was never sent is known once it was put into the queue", applies: tells, run: func(w *world) {
		w.requeue(queue.Message{Lane: ubuntu, Job: job(1), Accepted: time.Now()}, true)
		if duplicate, err := w.Queue.Send(w.Context(), ubuntu, job(1)); err != nil || !duplicate {
			w.Errorf("Send = %t, %v", duplicate, err)
		}
		w.delete(w.receive(ubuntu))
		w.nothing(ubuntu, time.Hour)
	}},
	{sentence: "a job that waits is not put into the queue a second time", applies: tells, run: func(w *world) {
		w.send(ubuntu, job(1))
		w.requeue(queue.Message{Lane: ubuntu, Job: job(1), Accepted: time.Now()}, false)
		m := w.receive(ubuntu)
		w.is(m, job(1), 1)
		w.extend(m, time.Hour)
		w.requeue(queue.Message{Lane: ubuntu, Job: job(1), Accepted: time.Now()}, false) // and does not come back earlier
		w.nothing(ubuntu, 50*time.Minute)
		w.delete(w.receiveWithin(ubuntu, time.Hour))
		w.nothing(ubuntu, time.Hour)
	}},
	{sentence: "the job of a later generation takes the waiting one's place, and an earlier one does not", applies: tells, run: func(w *world) {
		w.send(ubuntu, job(1))
		for _, generation := range []int{3, 2} {
			j := job(1)
			j.Generation = generation
			w.requeue(queue.Message{Lane: ubuntu, Job: j, Accepted: time.Now()}, generation == 3)
		}
		if m := w.receive(ubuntu); m.Job.Generation != 3 {
			w.Errorf("received generation %d", m.Job.Generation)
		}
	}},
	{sentence: "a job moves to another lane, and is out of the hands that had it", applies: tells, run: func(w *world) {
		sent := time.Now()
		w.send(ubuntu, job(1))
		m := w.receive(ubuntu)
		time.Sleep(time.Second)
		moved := m
		moved.Lane = mac
		w.requeue(moved, true)
		w.delete(m) // an earlier receipt
		got := w.receive(mac)
		if got.Job.ID != 1 || got.Accepted.Sub(sent).Abs() > time.Millisecond {
			w.Errorf("received %+v, accepted at %s", got, sent)
		}
		w.nothing(ubuntu, 2*queue.Visibility)
		depth, ok := w.Queue.(queue.Depth)
		if !ok {
			return
		}
		if n, err := depth.Depth(w.Context()); err != nil || n[mac] != 1 || n[ubuntu] != 0 {
			w.Errorf("Depth = %v, %v", n, err)
		}
	}},
	{sentence: "of many repositories none is forgotten over a restart", applies: another, run: func(w *world) {
		for id := range int64(30) {
			w.send(ubuntu, of(fmt.Sprint("repository-", id%10), job(id+1)))
		}
		other := &world{T: w.T, Harness: w.Harness, Queue: w.Another(w.T)}
		seen := map[int64]bool{}
		for _, id := range other.order(30, nil) {
			seen[id] = true
		}
		if len(seen) != 30 {
			w.Errorf("%d of 30 jobs were received", len(seen))
		}
	}},
}

// requeue fails unless the queue says whether that is news.
func (w *world) requeue(m queue.Message, news bool) {
	w.Helper()
	m.Receipt = ""
	if got, err := w.Queue.Requeue(w.Context(), m); err != nil || got != news {
		w.Fatalf("Requeue(%s) = %t, %v", m.Job, got, err)
	}
}
