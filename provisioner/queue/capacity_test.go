package queue_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/queue"
)

// cloud lists the machines that a test says are alive.
type cloud struct {
	mu    sync.Mutex
	alive map[int64]bool
	lists int
	most  int
	fail  error
	lag   func(id int64) bool // machines that lists don't show yet
}

func (c *cloud) List(context.Context) ([]provisioner.Machine, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lists++
	var out []provisioner.Machine
	for id, alive := range c.alive {
		if c.lag != nil && c.lag(id) {
			continue
		}
		m := provisioner.Machine{ID: fmt.Sprint("i-", id), Type: "linux", RunnerID: id, State: provisioner.MachineEnded}
		if alive {
			m.State = provisioner.MachineAlive
		}
		out = append(out, m)
	}
	return out, c.fail
}

func (c *cloud) listed() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lists
}

func (c *cloud) set(id int64, alive bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.alive[id] = alive
	n := 0
	for _, alive := range c.alive {
		if alive {
			n++
		}
	}
	c.most = max(c.most, n)
}

func TestALimitIsNeverExceededAndAFreePlaceIsUsedSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limited := linux()
		limited.Max = 3
		c := &cloud{alive: map[int64]bool{1001: true}} // one is alive from before the restart
		e := &engine{types: []provisioner.RunnerType{limited, mac()}}
		e.provision = func(_ context.Context, j provisioner.Job) (provisioner.Outcome, error) {
			if j.Labels[0] == "linux" {
				time.Sleep(time.Second)
				c.set(j.ID, true)
			}
			return launched(j), nil
		}
		depth := work(t, e, queue.Config{Listers: map[string]provisioner.Lister{"cloud": c}}, 10*time.Minute, func(q *queue.Memory, _ *queue.Worker) {
			for i := range int64(5) {
				send(t, q, newJob(i+1, "linux"))
			}
			time.Sleep(time.Minute)
			if n := len(e.attempts()); n != 2 {
				t.Errorf("%d jobs were started beside the live machine, want 2", n)
			}
			lists := c.listed()
			time.Sleep(time.Minute)
			if n := c.listed() - lists; n > 8 {
				t.Errorf("%d lists in a minute of waiting", n)
			}
			send(t, q, newJob(99, "mac"))
			time.Sleep(time.Second)
			if got := e.attempts(); got[len(got)-1].job != 99 {
				t.Error("a type at its limit holds up another")
			}
			c.set(1001, false)
			freed := time.Since(epoch)
			time.Sleep(15 * time.Second)
			got := e.attempts()
			if last := got[len(got)-1]; last.job == 99 || last.at-freed > 15*time.Second {
				t.Errorf("a free place was not used within 15 s: %+v", got)
			}
		})
		if c.most > 3 {
			t.Errorf("%d machines at once, with a limit of 3", c.most)
		}
		if depth["linux"] != 2 {
			t.Errorf("%d jobs wait, want 2", depth["linux"])
		}
	})
}

// Attempts take turns at the last place, and most jobs of this queue have ended long ago.
func TestAPlaceThatAnAttemptDidNotNeedIsTheNextOnesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limited := linux()
		limited.Max = 1
		const waiting = 50
		var served time.Duration
		e := &engine{types: []provisioner.RunnerType{limited}, provision: func(_ context.Context, j provisioner.Job) (provisioner.Outcome, error) {
			time.Sleep(time.Millisecond)
			if j.ID < waiting {
				return provisioner.Outcome{Status: provisioner.StatusGone}, nil
			}
			served = time.Since(epoch)
			return launched(j), nil
		}}
		work(t, e, queue.Config{Listers: map[string]provisioner.Lister{"cloud": &cloud{}}}, time.Hour, func(q *queue.Memory, _ *queue.Worker) {
			for i := range int64(waiting) {
				send(t, q, newJob(i+1, "linux"))
			}
			time.Sleep(10 * time.Minute)
		})
		if served == 0 || served > time.Second {
			t.Errorf("the job behind them was tried after %s", served)
		}
	})
}

func TestMachinesThatCantBeCountedHoldTheTypeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limited := linux()
		limited.Max = 1
		c := &cloud{alive: map[int64]bool{}, fail: provisioner.ErrUnavailable}
		e := &engine{types: []provisioner.RunnerType{limited}}
		work(t, e, queue.Config{Listers: map[string]provisioner.Lister{"cloud": c}}, time.Minute, func(q *queue.Memory, _ *queue.Worker) {
			send(t, q, newJob(1, "linux"))
			time.Sleep(10 * time.Minute)
			if len(e.attempts()) != 0 {
				t.Error("a machine was launched although nobody knows how many there are")
			}
			c.mu.Lock()
			c.fail = nil
			c.mu.Unlock()
		})
		if len(e.attempts()) != 1 {
			t.Error("the job was not served within a minute of the mending")
		}
	})
}

// Each replica knows what it launched itself, and what the cloud lists.
func TestALimitHoldsOverReplicas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limited := linux()
		limited.Max = 10
		c := &cloud{alive: map[int64]bool{}}
		e := &engine{types: []provisioner.RunnerType{limited}, provision: func(_ context.Context, j provisioner.Job) (provisioner.Outcome, error) {
			c.set(j.ID, true)
			return launched(j), nil
		}}
		const replicas = 4
		var workers []*queue.Worker
		for range replicas {
			workers = append(workers, queue.NewWorker(queue.NewMemory(0), e, queue.Config{Listers: map[string]provisioner.Lister{"cloud": c}}))
		}
		for i := range int64(60) { // a job every 30 s, at one replica after the other
			_, _ = workers[i%replicas].Attempt(t.Context(), newJob(i+1, "linux"), time.Now())
			time.Sleep(30 * time.Second)
		}
		if c.most != limited.Max {
			t.Errorf("%d machines at once, with a limit of %d", c.most, limited.Max)
		}
		if n := c.listed(); n > 60 {
			t.Errorf("%d lists for 60 attempts", n)
		}
	})
}

// Lists show machines late, and don't show what died at once.
func TestALimitHoldsWhateverListsShow(t *testing.T) {
	const lag = 100 * time.Second
	for name, c := range map[string]struct {
		setUp     func(c *cloud, age func(id int64) time.Duration)
		first     func(j provisioner.Job) (provisioner.Outcome, error)
		afterward int // machines that a second round of jobs may launch
		wait      time.Duration
	}{
		"a machine that lists don't show yet counts": {
			setUp: func(c *cloud, age func(id int64) time.Duration) {
				c.lag = func(id int64) bool { return age(id) < lag }
			},
			wait: 90 * time.Second,
		},
		"one that no list has shown for two minutes is gone": {
			setUp: func(c *cloud, _ func(id int64) time.Duration) {
				c.lag = func(int64) bool { return true }
			},
			wait:      3 * time.Minute,
			afterward: 2,
		},
		"what a launch without an answer may have made counts": {
			first: func(j provisioner.Job) (provisioner.Outcome, error) {
				return provisioner.Outcome{Runner: provisioner.Runner{ID: j.ID}}, provisioner.ErrNoAnswer
			},
			wait: 90 * time.Second,
		},
		"but not for ever": {
			first: func(j provisioner.Job) (provisioner.Outcome, error) {
				return provisioner.Outcome{Runner: provisioner.Runner{ID: j.ID}}, provisioner.ErrNoAnswer
			},
			wait:      3 * time.Minute,
			afterward: 2,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				limited := linux()
				limited.Max = 2
				fake := &cloud{alive: map[int64]bool{}}
				at := map[int64]time.Time{}
				first := true
				e := &engine{types: []provisioner.RunnerType{limited}}
				e.provision = func(_ context.Context, j provisioner.Job) (provisioner.Outcome, error) {
					at[j.ID] = time.Now()
					if first && c.first != nil {
						return c.first(j)
					}
					fake.set(j.ID, true)
					return launched(j), nil
				}
				w := queue.NewWorker(queue.NewMemory(0), e, queue.Config{Listers: map[string]provisioner.Lister{"cloud": fake}})
				if c.setUp != nil {
					c.setUp(fake, func(id int64) time.Duration { return time.Since(at[id]) })
				}
				for id := range int64(2) {
					_, _ = w.Attempt(t.Context(), newJob(id+1, "linux"), time.Now())
					time.Sleep(5 * time.Second) // longer than the breaker is open
				}
				first = false
				time.Sleep(c.wait)
				before := len(e.attempts())
				for id := range int64(4) {
					_, _ = w.Attempt(t.Context(), newJob(id+11, "linux"), time.Now())
				}
				if n := len(e.attempts()) - before; n != c.afterward {
					t.Errorf("%d more machines were launched, want %d", n, c.afterward)
				}
			})
		})
	}
}

// The job whose launch had no answer is the one that finds out what became of it.
func TestALaunchWithoutAnAnswerDoesNotLockItsOwnJobOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limited := linux()
		limited.Max = 1
		silent := true
		e := &engine{types: []provisioner.RunnerType{limited}, provision: func(_ context.Context, j provisioner.Job) (provisioner.Outcome, error) {
			if silent {
				return provisioner.Outcome{Runner: provisioner.Runner{ID: 7}}, provisioner.ErrNoAnswer
			}
			return launched(j), nil
		}}
		w := queue.NewWorker(queue.NewMemory(0), e, queue.Config{Listers: map[string]provisioner.Lister{"cloud": &cloud{}}})
		_, _ = w.Attempt(t.Context(), newJob(1, "linux"), time.Now())
		silent = false
		time.Sleep(5 * time.Second)
		if _, err := w.Attempt(t.Context(), newJob(2, "linux"), time.Now()); err == nil {
			t.Error("another job was let in")
		}
		if out, err := w.Attempt(t.Context(), newJob(1, "linux"), time.Now()); err != nil || out.Status != provisioner.StatusLaunched {
			t.Errorf("%+v, %v", out, err)
		}
	})
}

func TestAListThatArrivesLateSaysNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limited := linux()
		limited.Max = 2
		fake := &cloud{alive: map[int64]bool{1: true, 2: true}}
		w := queue.NewWorker(queue.NewMemory(0), &engine{types: []provisioner.RunnerType{limited}}, queue.Config{Listers: map[string]provisioner.Lister{"cloud": fake}})
		earlier := time.Now()
		time.Sleep(time.Second)
		for range 2 {
			if _, err := w.Attempt(t.Context(), newJob(3, "linux"), time.Now()); err == nil {
				t.Error("a third machine was launched")
			}
			w.ObserveMachines("cloud", earlier, nil) // begun before the other two were launched
		}
	})
}

// gate lets a list through when it is opened.
type gate chan struct{}

func (g gate) List(context.Context) ([]provisioner.Machine, error) {
	<-g
	return nil, nil
}

func TestNobodyWaitsForAnotherCallersListLongerThanItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limited := linux()
		limited.Max = 2
		slow := make(gate)
		w := queue.NewWorker(queue.NewMemory(0), &engine{types: []provisioner.RunnerType{limited}}, queue.Config{Listers: map[string]provisioner.Lister{"cloud": slow}})
		first := make(chan error)
		go func() {
			_, err := w.Attempt(t.Context(), newJob(1, "linux"), time.Now())
			first <- err
		}()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := w.Attempt(ctx, newJob(2, "linux"), time.Now()); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the second job: %v", err)
		}
		close(slow)
		if err := <-first; err != nil {
			t.Errorf("the first job: %v", err)
		}
	})
}
