package queue_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/queue"
)

func TestAJobNobodyServesAnyMoreIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &engine{types: []provisioner.RunnerType{linux()}}
		seen := &events{}
		depth := work(t, e, queue.Config{Observer: seen}, time.Second, func(q *queue.Memory, _ *queue.Worker) {
			j := newJob(1, "windows")
			if _, err := q.Send(t.Context(), queue.Unsorted, j); err != nil {
				t.Fatal(err)
			}
			moved := newJob(2, "linux") // its lane is gone, but another type serves it
			if _, err := q.Send(t.Context(), queue.Unsorted, moved); err != nil {
				t.Fatal(err)
			}
		})
		if depth[queue.Unsorted] != 0 || seen.count(provisioner.EventGivenUp) != 1 || seen.count(provisioner.EventSettled) != 1 {
			t.Errorf("left %v, given up %d, settled %d", depth, seen.count(provisioner.EventGivenUp), seen.count(provisioner.EventSettled))
		}
	})
}

func TestAJobThatCanNeverBeProvisionedIsGivenUp(t *testing.T) {
	for name, never := range map[string]error{"no type serves it": provisioner.ErrNoRunnerType, "it is no job": provisioner.ErrInvalidJob} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := &engine{types: []provisioner.RunnerType{linux()}, provision: func(context.Context, provisioner.Job) (provisioner.Outcome, error) {
					return provisioner.Outcome{}, fmt.Errorf("wrapped: %w", never)
				}}
				seen := &events{}
				depth := work(t, e, queue.Config{Observer: seen}, time.Second, func(q *queue.Memory, _ *queue.Worker) { send(t, q, newJob(1, "linux")) })
				if depth["linux"] != 0 || seen.count(provisioner.EventGivenUp) != 1 || len(e.attempts()) != 1 {
					t.Errorf("left %v, given up %d, tried %d times", depth, seen.count(provisioner.EventGivenUp), len(e.attempts()))
				}
			})
		})
	}
}

func TestWorkerAsksGitHubBeforeALateAttempt(t *testing.T) {
	for _, c := range []struct {
		name  string
		cfg   queue.Config
		job   func(j *provisioner.Job)
		ended bool
		wait  time.Duration
		want  bool
	}{
		{name: "a fresh job is not asked about"},
		{name: "a job that waited in the queue is", wait: 6 * time.Minute, want: true},
		{name: "a job whose end was heard of is", ended: true, want: true},
		{name: "a job that says so is", job: func(j *provisioner.Job) { j.Repeated = true }, want: true},
		{name: "an old job is when the queue is forgetful", cfg: queue.Config{NoDeduplication: true}, job: func(j *provisioner.Job) { j.CreatedAt = epoch.Add(-time.Hour) }, want: true},
		{name: "an old job is not when the queue remembers", job: func(j *provisioner.Job) { j.CreatedAt = epoch.Add(-time.Hour) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := &engine{types: []provisioner.RunnerType{linux()}}
				q := queue.NewMemory(0)
				j := newJob(1, "linux")
				if c.job != nil {
					c.job(&j)
				}
				send(t, q, j)
				time.Sleep(c.wait)
				w := queue.NewWorker(q, e, c.cfg)
				if c.ended {
					w.JobEnded(j)
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				_ = w.Run(ctx)
				got := e.attempts()
				if len(got) != 1 || got[0].repeated != c.want {
					t.Errorf("attempts %+v, want one with repeated=%v", got, c.want)
				}
			})
		})
	}
}

func TestAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fail := provisioner.ErrCapacity
		e := &engine{types: []provisioner.RunnerType{linux()}}
		e.provision = func(_ context.Context, j provisioner.Job) (provisioner.Outcome, error) {
			if fail != nil {
				return provisioner.Outcome{}, fail
			}
			return launched(j), nil
		}
		w := queue.NewWorker(queue.NewMemory(0), e, queue.Config{})
		var again *queue.RetryError
		if _, err := w.Attempt(t.Context(), newJob(1, "linux"), time.Now()); !errors.As(err, &again) || !errors.Is(err, provisioner.ErrCapacity) {
			t.Errorf("a failed attempt: %v", err)
		}
		if _, err := w.Attempt(t.Context(), newJob(2, "linux"), time.Now()); !errors.As(err, &again) || len(e.attempts()) != 1 {
			t.Errorf("while the type is held back: %v after %d attempts", err, len(e.attempts()))
		}
		fail = nil
		time.Sleep(again.After)
		if out, err := w.Attempt(t.Context(), newJob(2, "linux"), time.Now()); err != nil || out.Status != provisioner.StatusLaunched {
			t.Errorf("after the wait: %+v, %v", out, err)
		}
		if _, err := w.Attempt(t.Context(), newJob(3, "windows"), time.Now()); errors.As(err, &again) || !errors.Is(err, provisioner.ErrNoRunnerType) {
			t.Errorf("labels nobody serves: %v", err)
		}
		if _, err := w.Attempt(t.Context(), newJob(4, "linux"), time.Now().Add(-25*time.Hour)); err == nil || errors.As(err, &again) {
			t.Errorf("a job older than a day: %v", err)
		}
	})
}

func TestTwoMessagesOfOneJobAreNotAttemptedSideBySide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &engine{types: []provisioner.RunnerType{linux()}, provision: func(_ context.Context, j provisioner.Job) (provisioner.Outcome, error) {
			time.Sleep(10 * time.Second)
			return launched(j), nil
		}}
		work(t, e, queue.Config{}, time.Minute, func(q *queue.Memory, w *queue.Worker) {
			send(t, q, newJob(1, "linux"))
			time.Sleep(time.Second)
			if !w.Attempting(newJob(1, "linux")) {
				t.Error("the attempt is not known")
			}
			var again *queue.RetryError
			if _, err := w.Attempt(t.Context(), newJob(1, "linux"), time.Now()); !errors.As(err, &again) {
				t.Errorf("a second attempt beside the first: %v", err)
			}
		})
		if e.most != 1 {
			t.Errorf("%d attempts side by side", e.most)
		}
	})
}
