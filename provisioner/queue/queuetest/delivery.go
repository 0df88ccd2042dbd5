package queuetest

import (
	"context"
	"errors"
	"reflect"
	"sync"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/queue"
)

var deliveryCases = []testCase{
	{sentence: "a job is received as it was sent, with its lane and the time", run: func(w *world) {
		want := provisioner.Job{
			ID: 41_000_000_001, RunAttempt: 2, Repository: provisioner.Repository{Owner: "datawire", Name: "infra-actions"},
			Labels: []string{"self-hosted", "größe-XL", `"quoted" & <odd>`}, Name: "build\n(日本)", Workflow: "CI",
			URL: "https://github.com/datawire/infra-actions/actions/runs/1/job/41000000001?a=b&c=d", CreatedAt: time.Now().UTC().Truncate(time.Second),
			Repeated: true, Generation: 2, Stolen: []int64{7},
		}
		sent := time.Now()
		w.send(ubuntu, want)
		m := w.receive(ubuntu)
		if !reflect.DeepEqual(m.Job, want) {
			w.Errorf("received\n%+v, want\n%+v", m.Job, want)
		}
		if m.Lane != ubuntu || m.Receives != 1 || m.Receipt == "" {
			w.Errorf("received from lane %q, delivery %d, receipt %q", m.Lane, m.Receives, m.Receipt)
		}
		if d := m.Accepted.Sub(sent).Abs(); d > time.Millisecond {
			w.Errorf("accepted %s off", d)
		}
	}},
	{sentence: "what the sender does to its labels afterwards does not matter", run: func(w *world) {
		j := job(1)
		w.send(ubuntu, j)
		j.Labels[0] = "changed"
		if m := w.receive(ubuntu); m.Job.Labels[0] != "self-hosted" {
			w.Errorf("the waiting job changed to %v", m.Job.Labels)
		}
	}},
	{sentence: "a receiver that waits gets a job at once", run: func(w *world) {
		received := make(chan queue.Message)
		go func() { received <- w.receiveWithin(ubuntu, time.Hour) }()
		time.Sleep(10 * time.Minute)
		sent := time.Now()
		w.send(ubuntu, job(1))
		w.is(<-received, job(1), 1)
		if d := time.Since(sent); d > 100*time.Millisecond {
			w.Errorf("it took %s", d)
		}
	}},
	{sentence: "a receiver returns its context's error, before and while it waits", run: func(w *world) {
		ended, cancel := context.WithCancel(w.Context())
		cancel()
		if _, err := w.Queue.Receive(ended, ubuntu, nil); !errors.Is(err, context.Canceled) {
			w.Errorf("before: %v", err)
		}
		ending, cancel := context.WithTimeout(w.Context(), time.Minute)
		defer cancel()
		begun := time.Now()
		if _, err := w.Queue.Receive(ending, ubuntu, nil); !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) != time.Minute {
			w.Errorf("while it waited: %v, after %s", err, time.Since(begun))
		}
	}},
	{sentence: "a receiver that has gone away takes no job with it", run: func(w *world) {
		w.nothing(ubuntu, time.Minute)
		w.send(ubuntu, job(1))
		w.is(w.receive(ubuntu), job(1), 1)
	}},
	{sentence: "a job goes to one of many receivers", run: func(w *world) {
		const jobs = 60
		var mu sync.Mutex
		seen := map[int64]int{}
		ctx, cancel := context.WithTimeout(w.Context(), queue.Visibility/2)
		defer cancel()
		var receivers, senders sync.WaitGroup
		for range 8 {
			receivers.Go(func() {
				for {
					m, err := w.Queue.Receive(ctx, ubuntu, nil)
					if err != nil {
						return
					}
					mu.Lock()
					seen[m.Job.ID]++
					mu.Unlock()
				}
			})
		}
		for s := range 6 {
			senders.Go(func() {
				for id := s; id < jobs; id += 6 {
					if _, err := w.Queue.Send(w.Context(), ubuntu, job(int64(id)+1)); err != nil {
						w.Errorf("Send: %v", err)
					}
				}
			})
		}
		senders.Wait()
		receivers.Wait()
		for id := range int64(jobs) {
			if n := seen[id+1]; n != 1 {
				w.Errorf("job %d was received %d times", id+1, n)
			}
		}
	}},
	{sentence: "older jobs come first", run: func(w *world) {
		for id := range int64(3) {
			w.send(ubuntu, job(id+1))
			time.Sleep(time.Minute)
		}
		for id := range int64(3) {
			if m := w.receive(ubuntu); m.Job.ID != id+1 {
				w.Errorf("received job %d before job %d", m.Job.ID, id+1)
			}
		}
	}},
	{sentence: "a deleted job does not come back", run: func(w *world) {
		w.send(ubuntu, job(1))
		w.delete(w.receive(ubuntu))
		w.nothing(ubuntu, time.Hour)
	}},
}
