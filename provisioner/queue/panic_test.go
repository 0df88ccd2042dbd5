package queue_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/queue"
)

// A job that makes its provider panic waits by itself: the process, the other jobs of its type and
// repository and the place that the attempt had live on.
func TestAPanicHoldsItsJobAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limited := linux()
		limited.Max = 1
		var mended atomic.Bool
		e := &engine{types: []provisioner.RunnerType{limited}, provision: func(_ context.Context, j provisioner.Job) (provisioner.Outcome, error) {
			if j.ID == 1 && !mended.Load() {
				panic("index out of range")
			}
			return provisioner.Outcome{Status: provisioner.StatusServed}, nil // so that it takes no place for long
		}}
		seen := &events{}
		cfg := queue.Config{Observer: seen, Listers: map[string]provisioner.Lister{"cloud": listerFunc(func() ([]provisioner.Machine, error) { return nil, nil })}}
		depth := work(t, e, cfg, 2*time.Minute, func(q *queue.Memory, _ *queue.Worker) {
			for id := range int64(5) {
				send(t, q, newJob(id+1, "linux"))
			}
			time.Sleep(time.Minute)
			if n := seen.count(provisioner.EventSettled); n != 4 {
				t.Errorf("%d of the 4 other jobs are settled", n)
			}
			mended.Store(true)
		})
		if depth["linux"] != 0 || seen.count(provisioner.EventSettled) != 5 || seen.count(provisioner.EventGivenUp) != 0 {
			t.Errorf("left %v, settled %d", depth, seen.count(provisioner.EventSettled))
		}
		held := 0
		for _, e := range seen.list {
			if e.Kind == provisioner.EventHeld {
				held++
				if e.Job.ID != 1 || provisioner.Class(e.Err) != "panic" || !strings.Contains(e.Err.Error(), "index out of range") {
					t.Errorf("held: %+v", e)
				}
			}
		}
		if held < 2 || held > 4 {
			t.Errorf("the job was tried %d times in a minute, want every 25 s", held)
		}
	})
}

func TestAPanicOfTheObserverChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &engine{types: []provisioner.RunnerType{linux()}}
		depth := work(t, e, queue.Config{Observer: observerFunc(func(provisioner.Event) { panic("observer") })}, time.Minute, func(q *queue.Memory, _ *queue.Worker) {
			send(t, q, newJob(1, "linux"))
			send(t, q, newJob(2, "linux"))
		})
		if depth["linux"] != 0 || len(e.attempts()) != 2 {
			t.Errorf("left %v after %d attempts", depth, len(e.attempts()))
		}
	})
}

func TestAPanicOfTheListHoldsItsTypeAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limited := mac()
		limited.Max = 1
		e := &engine{types: []provisioner.RunnerType{linux(), limited}}
		lists := 0
		cfg := queue.Config{Listers: map[string]provisioner.Lister{"other": listerFunc(func() ([]provisioner.Machine, error) {
			if lists++; lists < 3 {
				panic("list")
			}
			return nil, nil
		})}}
		depth := work(t, e, cfg, time.Minute, func(q *queue.Memory, _ *queue.Worker) {
			send(t, q, newJob(1, "mac"))
			send(t, q, newJob(2, "linux"))
		})
		if depth["linux"] != 0 || depth["mac"] != 0 || len(e.attempts()) != 2 {
			t.Errorf("left %v after %d attempts", depth, len(e.attempts()))
		}
	})
}

type observerFunc func(provisioner.Event)

func (f observerFunc) Observe(_ context.Context, e provisioner.Event) { f(e) }

type listerFunc func() ([]provisioner.Machine, error)

func (f listerFunc) List(context.Context) ([]provisioner.Machine, error) { return f() }
