package queuetest

import (
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner/queue"
)

var visibilityCases = []testCase{
	{sentence: "a received job is hidden for the visibility timeout, and then comes back", run: func(w *world) {
		w.send(ubuntu, job(1))
		w.is(w.receive(ubuntu), job(1), 1)
		w.nothing(ubuntu, queue.Visibility-w.Delay)
		w.is(w.receiveWithin(ubuntu, 2*w.Delay), job(1), 2)
	}},
	{sentence: "a job that waited for its receiver is hidden for as long", run: func(w *world) {
		w.send(ubuntu, job(1))
		w.nothing(mac, 5*time.Minute+7*time.Second)
		w.is(w.receive(ubuntu), job(1), 1)
		w.nothing(ubuntu, queue.Visibility-w.Delay)
		w.is(w.receiveWithin(ubuntu, 2*w.Delay), job(1), 2)
	}},
	{sentence: "an extended job stays hidden for that long from then on", run: func(w *world) {
		w.send(ubuntu, job(1))
		m := w.receive(ubuntu)
		time.Sleep(queue.Visibility / 2)
		w.extend(m, time.Hour)
		w.nothing(ubuntu, time.Hour-w.Delay)
		w.is(w.receiveWithin(ubuntu, 2*w.Delay), job(1), 2)
	}},
	{sentence: "a job that is extended again and again stays hidden", run: func(w *world) {
		w.send(ubuntu, job(1))
		m := w.receive(ubuntu)
		for range 100 {
			w.extend(m, queue.Visibility)
			w.nothing(ubuntu, queue.Visibility/3)
		}
		w.delete(m)
		w.nothing(ubuntu, 2*queue.Visibility)
	}},
	{sentence: "an extension can shorten the wait, and those who wait notice", run: func(w *world) {
		w.send(ubuntu, job(1))
		m := w.receive(ubuntu)
		w.extend(m, time.Hour)
		received := make(chan queue.Message)
		go func() { received <- w.receiveWithin(ubuntu, time.Hour) }()
		time.Sleep(time.Minute)
		w.extend(m, 5*time.Second)
		begun := time.Now()
		w.is(<-received, job(1), 2)
		if d := time.Since(begun); d < 4*time.Second || d > 5*time.Second+w.Delay {
			w.Errorf("it was visible after %s", d)
		}
	}},
	{sentence: "a job that is put back is visible at once", run: func(w *world) {
		w.send(ubuntu, job(1))
		m := w.receive(ubuntu)
		received := make(chan queue.Message)
		go func() { received <- w.receiveWithin(ubuntu, time.Hour) }()
		time.Sleep(queue.Visibility / 2)
		w.extend(m, 0)
		begun := time.Now()
		w.is(<-received, job(1), 2)
		if d := time.Since(begun); d > 100*time.Millisecond {
			w.Errorf("it was visible after %s", d)
		}
	}},
	{sentence: "hidden jobs do not hide those behind them", run: func(w *world) {
		w.send(ubuntu, job(1), job(2))
		w.extend(w.receive(ubuntu), time.Hour)
		m := w.receive(ubuntu)
		if m.Receives != 1 {
			w.Errorf("received %s, delivery %d", m.Job, m.Receives)
		}
	}},
}
