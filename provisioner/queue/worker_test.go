package queue_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/queue"
)

func TestWorkerServesEveryJobOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &engine{types: []provisioner.RunnerType{linux(), mac()}, provision: func(_ context.Context, j provisioner.Job) (provisioner.Outcome, error) {
			time.Sleep(3 * time.Second)
			return launched(j), nil
		}}
		seen := &events{}
		depth := work(t, e, queue.Config{Observer: seen}, time.Minute, func(q *queue.Memory, _ *queue.Worker) {
			for i := range int64(20) {
				send(t, q, newJob(i+1, []string{"linux", "mac"}[i%2]))
				send(t, q, newJob(i+1, []string{"linux", "mac"}[i%2])) // a redelivery
			}
		})
		if n := len(e.attempts()); n != 20 {
			t.Errorf("%d attempts, want 20", n)
		}
		for _, a := range e.attempts() {
			if a.repeated {
				t.Errorf("the first attempt for job %d counts as repeated", a.job)
			}
		}
		if e.most != 16 {
			t.Errorf("%d attempts side by side, want 8 for each type", e.most)
		}
		if depth["linux"]+depth["mac"] != 0 || seen.count(provisioner.EventSettled) != 20 {
			t.Errorf("left %v, settled %d", depth, seen.count(provisioner.EventSettled))
		}
	})
}

func TestWorkerKeepsAJobHiddenWhileItIsAttempted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &engine{types: []provisioner.RunnerType{linux()}, provision: func(_ context.Context, j provisioner.Job) (provisioner.Outcome, error) {
			time.Sleep(5 * time.Minute)
			return launched(j), nil
		}}
		work(t, e, queue.Config{}, 10*time.Minute, func(q *queue.Memory, _ *queue.Worker) { send(t, q, newJob(1, "linux")) })
		if n := len(e.attempts()); n != 1 {
			t.Errorf("%d attempts, want 1", n)
		}
	})
}

func TestAStoppingWorkerFinishesOrReturnsWhatItHolds(t *testing.T) {
	for _, c := range []struct {
		name  string
		takes time.Duration
		left  int
	}{{"a short attempt is finished", 5 * time.Second, 0}, {"a long one is interrupted and its job returned", time.Hour, 1}} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := &engine{types: []provisioner.RunnerType{linux()}, provision: func(ctx context.Context, j provisioner.Job) (provisioner.Outcome, error) {
					select {
					case <-time.After(c.takes):
						return launched(j), nil
					case <-ctx.Done():
						return provisioner.Outcome{}, fmt.Errorf("interrupted: %w", ctx.Err())
					}
				}}
				q := queue.NewMemory(0)
				send(t, q, newJob(1, "linux"))
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				start := time.Now()
				_ = queue.NewWorker(q, e, queue.Config{}).Run(ctx)
				if took := time.Since(start); took > 11*time.Second {
					t.Errorf("stopping took %s", took)
				}
				depth, _ := q.Depth(t.Context())
				if depth["linux"] != c.left {
					t.Errorf("%d messages left, want %d", depth["linux"], c.left)
				}
				if c.left > 0 {
					again, cancel := context.WithTimeout(t.Context(), time.Second)
					defer cancel()
					if _, err := q.Receive(again, "linux", nil); err != nil {
						t.Errorf("the job is not visible at once: %v", err)
					}
				}
			})
		})
	}
}
