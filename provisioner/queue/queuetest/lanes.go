package queuetest

import (
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner/queue"
)

var laneCases = []testCase{
	{sentence: "a job stays in its lane", run: func(w *world) {
		w.send(ubuntu, job(1))
		w.nothing(mac, queue.Visibility/2)
		w.nothing(queue.Unsorted, queue.Visibility/2)
		w.is(w.receiveWithin(ubuntu, 2*queue.Visibility), job(1), 1)
	}},
	{sentence: "a lane that nobody reads holds up no other", run: func(w *world) {
		for id := range int64(100) {
			w.send(ubuntu, job(id+1))
		}
		w.send(mac, job(101))
		w.is(w.receive(mac), job(101), 1)
	}},
	{sentence: "the unsorted lane is a lane like the others", run: func(w *world) {
		w.send(queue.Unsorted, job(1))
		m := w.receive(queue.Unsorted)
		w.is(m, job(1), 1)
		w.extend(m, 0)
		m = w.receive(queue.Unsorted)
		w.is(m, job(1), 2)
		w.delete(m)
		w.nothing(queue.Unsorted, 2*queue.Visibility)
	}},
	{sentence: "messages are counted by lane, hidden ones included", run: func(w *world) {
		counter, ok := w.Queue.(queue.Depth)
		if !ok {
			w.Skip("the queue does not count")
		}
		w.send(ubuntu, job(1), job(2), job(3))
		w.send(mac, job(4))
		w.wait(queue.Unsorted)
		w.receive(ubuntu)
		w.delete(w.receive(ubuntu))
		m := w.receive(ubuntu)
		w.extend(m, time.Minute)
		time.Sleep(queue.Visibility + time.Second)
		depth, err := counter.Depth(w.Context())
		if err != nil || depth[ubuntu] != 2 || depth[mac] != 1 || depth[queue.Unsorted] != 0 {
			w.Errorf("Depth = %v, %v", depth, err)
		}
	}},
}
