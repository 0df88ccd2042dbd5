package queuetest

import (
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner/queue"
)

func remembers(h Harness) bool { return h.Remembers }
func forgets(h Harness) bool   { return !h.Remembers }
func another(h Harness) bool   { return h.Another != nil }

var memoryCases = []testCase{
	{sentence: "a job that is known is answered as a duplicate and stored once", applies: remembers, run: func(w *world) {
		known := func(when, lane string) {
			if duplicate, err := w.Queue.Send(w.Context(), lane, job(1)); err != nil || !duplicate {
				w.Errorf("%s: Send = %t, %v", when, duplicate, err)
			}
		}
		w.send(ubuntu, job(1))
		known("while it waits", ubuntu)
		known("in another lane", mac)
		m := w.receive(ubuntu)
		known("while it is hidden", ubuntu)
		w.delete(m)
		known("after its end", ubuntu)
		w.nothing(ubuntu, time.Hour)
		w.nothing(mac, time.Hour)
	}},
	{sentence: "a job is known for three days at least, as long as GitHub redelivers", applies: remembers, run: func(w *world) {
		w.send(ubuntu, job(1))
		w.delete(w.receive(ubuntu))
		for day := range 3 {
			time.Sleep(24 * time.Hour)
			if duplicate, err := w.Queue.Send(w.Context(), ubuntu, job(1)); err != nil || !duplicate {
				w.Errorf("after day %d: Send = %t, %v", day+1, duplicate, err)
			}
		}
	}},
	{sentence: "another attempt of a job is another job", run: func(w *world) {
		first, second := job(1), job(1)
		second.RunAttempt = 2
		w.send(ubuntu, first)
		w.delete(w.receive(ubuntu))
		w.send(ubuntu, second)
		w.is(w.receive(ubuntu), second, 1)
	}},
	{sentence: "a queue that forgets never answers duplicate", applies: forgets, run: func(w *world) {
		w.send(ubuntu, job(1))
		w.delete(w.receive(ubuntu))
		w.send(ubuntu, job(1))
		time.Sleep(time.Hour)
		w.send(ubuntu, job(1))
		w.is(w.receive(ubuntu), job(1), 1)
	}},
	{sentence: "another process receives what this one sends, and the other way round", applies: another, run: func(w *world) {
		other := &world{T: w.T, Harness: w.Harness, Queue: w.Another(w.T)}
		received := make(chan queue.Message)
		go func() { received <- other.receiveWithin(ubuntu, time.Hour) }()
		time.Sleep(time.Minute)
		sent := time.Now()
		w.send(ubuntu, job(1))
		m := <-received
		w.is(m, job(1), 1)
		if d := time.Since(sent); d > 2*w.Delay {
			w.Errorf("it took %s", d)
		}
		w.nothing(ubuntu, queue.Visibility/2)
		other.extend(m, 0)
		w.is(w.receiveWithin(ubuntu, 2*w.Delay), job(1), 2)
		_ = other.Queue.Delete(w.Context(), m) // an earlier receipt
		w.is(other.receiveWithin(ubuntu, queue.Visibility+2*w.Delay), job(1), 3)
	}},
	{sentence: "a job that another process let go of without a word comes back", applies: another, run: func(w *world) {
		w.send(ubuntu, job(1))
		w.receive(ubuntu)
		other := &world{T: w.T, Harness: w.Harness, Queue: w.Another(w.T)}
		w.is(other.receiveWithin(ubuntu, queue.Visibility+2*w.Delay), job(1), 2)
	}},
}
