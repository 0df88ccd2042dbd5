package queue_test

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/queue"
)

// requeue requeues jobs and returns the numbers of those that were not in the queue.
func requeue(t *testing.T, w *queue.Worker, jobs ...provisioner.Job) (ids []int64) {
	t.Helper()
	queued, err := w.Requeue(t.Context(), jobs)
	if err != nil {
		t.Fatal(err)
	}
	for _, j := range queued {
		ids = append(ids, j.ID)
	}
	slices.Sort(ids)
	return ids
}

// some are jobs of these numbers.
func some(ids ...int64) (jobs []provisioner.Job) {
	for _, id := range ids {
		jobs = append(jobs, newJob(id, "linux"))
	}
	return jobs
}

func TestALostJobWaitsItsTurnLikeAllOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &engine{types: []provisioner.RunnerType{linux()}, provision: func(_ context.Context, j provisioner.Job) (provisioner.Outcome, error) {
			time.Sleep(10 * time.Second)
			return launched(j), nil
		}}
		q := queue.NewMemory(0)
		w := queue.NewWorker(q, e, queue.Config{Concurrency: 1})
		send(t, q, some(1, 2)...)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- w.Run(ctx) }()
		time.Sleep(15 * time.Second) // 1 is done, 2 under way
		if got := requeue(t, w, some(1, 2, 3)...); !slices.Equal(got, []int64{1, 3}) {
			t.Errorf("%v were put into the queue, want 1 and 3: 2 is in hand", got)
		}
		if got := requeue(t, w, some(1, 2, 3)...); got != nil {
			t.Errorf("%v were put into the queue a second time", got)
		}
		time.Sleep(time.Minute)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		var order []int64
		for _, a := range e.attempts() {
			order = append(order, a.job)
			if again := len(order) > 2; a.repeated != again {
				t.Errorf("attempt %d: repeated is %t", len(order), a.repeated)
			}
		}
		slices.Sort(order[min(2, len(order)):])
		if !slices.Equal(order, []int64{1, 2, 1, 3}) {
			t.Errorf("tried %v", order)
		}
	})
}

// forgetful is a queue that can't tell what waits in it.
type forgetful struct {
	queue.Queue
	err error
}

func (q *forgetful) Requeue(context.Context, queue.Message) (news bool, err error) {
	return q.err == nil, q.err
}

func TestAQueueThatForgetsGetsNoJobAgainAndAgain(t *testing.T) {
	type step struct {
		after time.Duration // since the step before
		do    func(t *testing.T, w *queue.Worker, q *forgetful)
		jobs  []int64
		want  []int64
	}
	machine := func(job int64) provisioner.Machine {
		m := launched(newJob(job, "linux")).Machine
		m.Job, m.LaunchedAt, m.State = job, time.Now(), provisioner.MachineEnded
		return m
	}
	for name, c := range map[string]struct {
		max   int
		err   error
		steps []step
	}{
		"it gets a job again after longer and longer": {steps: []step{
			{jobs: []int64{1}, want: []int64{1}},
			{after: 4 * time.Minute, jobs: []int64{1, 2}, want: []int64{2}},
			{after: time.Minute, jobs: []int64{1}, want: []int64{1}},
			{after: 9 * time.Minute, jobs: []int64{1}},
			{after: time.Minute, jobs: []int64{1}, want: []int64{1}},
			{after: 20 * time.Minute, jobs: []int64{1}, want: []int64{1}},
			{after: 40 * time.Minute, jobs: []int64{1}, want: []int64{1}},
			{after: 59 * time.Minute, jobs: []int64{1}},
			{after: time.Minute, jobs: []int64{1}, want: []int64{1}},
			{after: time.Hour, jobs: []int64{1}, want: []int64{1}},
		}},
		"it got the job from the webhook": {steps: []step{
			{do: func(t *testing.T, w *queue.Worker, _ *forgetful) {
				if _, err := w.Accept(t.Context(), "linux", newJob(1, "linux")); err != nil {
					t.Error(err)
				}
			}},
			{after: 4 * time.Minute, jobs: []int64{1}},
			{after: time.Minute, jobs: []int64{1}, want: []int64{1}},
		}},
		"a job that has been dealt with is another matter": {steps: []step{
			{jobs: []int64{1}, want: []int64{1}},
			{after: time.Minute, do: func(t *testing.T, w *queue.Worker, _ *forgetful) {
				if _, err := w.Attempt(t.Context(), newJob(1, "linux"), time.Now()); err != nil {
					t.Error(err)
				}
			}},
			{after: time.Minute, jobs: []int64{1}, want: []int64{1}},
		}},
		"so is one that has got a machine since, wherever that came from": {steps: []step{
			{jobs: []int64{1, 2}, want: []int64{1, 2}},
			{after: time.Minute, do: func(_ *testing.T, w *queue.Worker, _ *forgetful) {
				old := machine(2)
				old.LaunchedAt = old.LaunchedAt.Add(-time.Hour)
				w.ObserveMachines("cloud", time.Now(), []provisioner.Machine{machine(1), old})
			}},
			{jobs: []int64{1, 2}, want: []int64{1}},
		}},
		"it gets no more than could be tried": {max: 2, steps: []step{
			{jobs: []int64{1, 2, 3}, want: []int64{1, 2}},
			{after: time.Minute, jobs: []int64{1, 2, 3}, want: []int64{3}},
		}},
		"what could not be stored is tried again": {err: errors.New("no"), steps: []step{
			{jobs: []int64{1}},
			{after: time.Minute, do: func(_ *testing.T, _ *queue.Worker, q *forgetful) { q.err = nil }, jobs: []int64{1}, want: []int64{1}},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				kind := linux()
				kind.Max = c.max
				q := &forgetful{Queue: queue.NewMemory(0), err: c.err}
				w := queue.NewWorker(q, &engine{types: []provisioner.RunnerType{kind}}, queue.Config{
					NoDeduplication: true, Listers: map[string]provisioner.Lister{"cloud": &cloud{}},
				})
				for i, s := range c.steps {
					time.Sleep(s.after)
					if s.do != nil {
						s.do(t, w, q)
					}
					queued, err := w.Requeue(t.Context(), some(s.jobs...))
					if err != nil && c.err == nil {
						t.Errorf("step %d: %v", i+1, err)
					}
					var got []int64
					for _, j := range queued {
						got = append(got, j.ID)
					}
					slices.SortFunc(got, cmp.Compare)
					if !slices.Equal(got, s.want) {
						t.Errorf("step %d: %v were put into the queue, want %v", i+1, got, s.want)
					}
				}
			})
		})
	}
}
