package queue_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/queue"
)

// engine is a Provisioner whose attempts a test decides.
type engine struct {
	types     []provisioner.RunnerType
	provision func(ctx context.Context, j provisioner.Job) (provisioner.Outcome, error)

	mu    sync.Mutex
	tried []attempt
	now   int // attempts under way
	most  int
}

type attempt struct {
	job      int64
	at       time.Duration
	repeated bool
}

func (e *engine) Types() []provisioner.RunnerType { return e.types }

func (e *engine) TypeFor(j provisioner.Job) (provisioner.RunnerType, error) {
	for _, t := range e.types {
		if slices.Equal(t.Labels, j.Labels) {
			return t, nil
		}
	}
	return provisioner.RunnerType{}, provisioner.ErrNoRunnerType
}

func (e *engine) Provision(ctx context.Context, j provisioner.Job) (provisioner.Outcome, error) {
	e.mu.Lock()
	e.tried = append(e.tried, attempt{j.ID, time.Since(epoch), j.Repeated})
	e.now++
	e.most = max(e.most, e.now)
	e.mu.Unlock()
	defer func() {
		e.mu.Lock()
		e.now--
		e.mu.Unlock()
	}()
	if e.provision == nil {
		return launched(j), nil
	}
	return e.provision(ctx, j)
}

func (e *engine) attempts() []attempt {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.tried)
}

func launched(j provisioner.Job) provisioner.Outcome {
	return provisioner.Outcome{Status: provisioner.StatusLaunched, Machine: provisioner.Machine{ID: fmt.Sprint("i-", j.ID), Type: j.Labels[0], RunnerID: j.ID, State: provisioner.MachineAlive}}
}

// epoch is when time begins in a synctest bubble.
var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func linux() provisioner.RunnerType {
	return provisioner.RunnerType{Name: "linux", Labels: []string{"linux"}, Provider: "cloud"}
}

func mac() provisioner.RunnerType {
	return provisioner.RunnerType{Name: "mac", Labels: []string{"mac"}, Provider: "other"}
}

func newJob(id int64, label string) provisioner.Job {
	return provisioner.Job{ID: id, RunAttempt: 1, Repository: provisioner.Repository{Owner: "o", Name: "r"}, Labels: []string{label}}
}

// events collects what the worker reports.
type events struct {
	mu   sync.Mutex
	list []provisioner.Event
}

func (e *events) Observe(_ context.Context, x provisioner.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.list = append(e.list, x)
}

func (e *events) count(k provisioner.EventKind) (n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, x := range e.list {
		if x.Kind == k {
			n++
		}
	}
	return n
}

// work runs a worker on a memory queue in a bubble for a while, and returns what it left in the queue.
func work(t *testing.T, e *engine, cfg queue.Config, d time.Duration, during func(q *queue.Memory, w *queue.Worker)) map[string]int {
	t.Helper()
	q := queue.NewMemory(0)
	w := queue.NewWorker(q, e, cfg)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- w.Run(ctx) }()
	during(q, w)
	time.Sleep(d)
	synctest.Wait()
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Run: %v", err)
	}
	depth, err := q.Depth(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return depth
}

func send(t *testing.T, q queue.Queue, jobs ...provisioner.Job) {
	t.Helper()
	for _, j := range jobs {
		if _, err := q.Send(t.Context(), j.Labels[0], j); err != nil {
			t.Fatal(err)
		}
	}
}

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

// TestWorkerWaits is the table of what an error means: for how long the type, and the repository, get no further attempt.
func TestWorkerWaits(t *testing.T) {
	refusedHere := &provisioner.RegistrationError{Target: provisioner.Target{Owner: "o", Repo: "r"}, Err: provisioner.ErrRefused}
	for _, c := range []struct {
		name string
		err  error
		// the second job, of the same type and repository, and the third, of another repository, follow at
		second, third time.Duration
	}{
		{"no capacity holds back the type", provisioner.ErrCapacity, time.Second, time.Second},
		{"a refusing cloud holds back the type", provisioner.ErrRefused, time.Second, time.Second},
		{"a failing cloud holds back the type", provisioner.ErrUnavailable, time.Second, time.Second},
		{"silence holds back the type", provisioner.ErrNoAnswer, time.Second, time.Second},
		{"an unknown error holds back the type", errors.New("?"), time.Second, time.Second},
		{"a rate limit holds back the type as long as it says", &provisioner.RetryAfterError{After: 90 * time.Second, Err: errors.New("slow")}, 90 * time.Second, 90 * time.Second},
		{"a refused repository holds back itself", refusedHere, time.Second, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var once sync.Once
				e := &engine{types: []provisioner.RunnerType{linux(), mac()}}
				e.provision = func(_ context.Context, j provisioner.Job) (out provisioner.Outcome, err error) {
					out = launched(j)
					if j.ID == 1 {
						once.Do(func() { out, err = provisioner.Outcome{}, fmt.Errorf("wrapped: %w", c.err) })
					}
					return out, err
				}
				depth := work(t, e, queue.Config{Concurrency: 1}, 5*time.Minute, func(q *queue.Memory, _ *queue.Worker) {
					other := newJob(3, "linux")
					other.Repository.Name = "elsewhere"
					send(t, q, newJob(1, "linux"), newJob(2, "linux"), other, newJob(4, "mac"))
				})
				first := map[int64]time.Duration{}
				for _, a := range e.attempts() {
					if _, ok := first[a.job]; !ok {
						first[a.job] = a.at
					}
				}
				for id, want := range map[int64]time.Duration{1: 0, 2: c.second, 3: c.third, 4: 0} {
					if got := first[id]; got < want || got > want+1500*time.Millisecond {
						t.Errorf("job %d was first tried after %s, want %s", id, got, want)
					}
				}
				if depth["linux"]+depth["mac"] != 0 {
					t.Errorf("left in the queue: %v", depth)
				}
			})
		})
	}
}

func TestOneJobProbesAndTheRestFollowWithinAMinuteOfTheMending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mended := time.Hour
		e := &engine{types: []provisioner.RunnerType{linux()}}
		e.provision = func(_ context.Context, j provisioner.Job) (provisioner.Outcome, error) {
			if time.Since(epoch) < mended {
				return provisioner.Outcome{}, provisioner.ErrCapacity
			}
			return launched(j), nil
		}
		depth := work(t, e, queue.Config{}, 2*time.Hour, func(q *queue.Memory, _ *queue.Worker) {
			for i := range int64(500) {
				send(t, q, newJob(i+1, "linux"))
			}
		})
		before, last := 0, time.Duration(0)
		for _, a := range e.attempts() {
			if a.at < mended {
				before++
			}
			last = max(last, a.at)
		}
		if last > mended+time.Minute {
			t.Errorf("the last job was served %s after the mending", last-mended)
		}
		if most := 8 + int(mended/(20*time.Second)); before > most {
			t.Errorf("%d attempts while nothing worked, want at most %d", before, most)
		}
		if depth["linux"] != 0 {
			t.Errorf("%d jobs are left", depth["linux"])
		}
	})
}

func TestAPoisonousJobHoldsUpNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &engine{types: []provisioner.RunnerType{linux()}}
		e.provision = func(_ context.Context, j provisioner.Job) (provisioner.Outcome, error) {
			if j.ID == 1 {
				return provisioner.Outcome{}, errors.New("only this job")
			}
			return launched(j), nil
		}
		seen := &events{}
		depth := work(t, e, queue.Config{Observer: seen}, 25*time.Hour, func(q *queue.Memory, _ *queue.Worker) {
			for i := range int64(50) {
				send(t, q, newJob(i+1, "linux"))
			}
		})
		for _, a := range e.attempts() {
			if a.job != 1 && a.at > 2*time.Minute {
				t.Errorf("job %d was tried after %s only", a.job, a.at)
			}
		}
		if depth["linux"] != 0 || seen.count(provisioner.EventGivenUp) != 1 {
			t.Errorf("after a day %v is left and %d jobs are given up, want the one", depth, seen.count(provisioner.EventGivenUp))
		}
	})
}

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
					if _, err := q.Receive(again, "linux"); err != nil {
						t.Errorf("the job is not visible at once: %v", err)
					}
				}
			})
		})
	}
}

// cloud lists the machines that a test says are alive.
type cloud struct {
	mu    sync.Mutex
	alive map[int64]bool
	lists int
	most  int
	fail  error
}

func (c *cloud) List(context.Context) ([]provisioner.Machine, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lists++
	var out []provisioner.Machine
	for id, alive := range c.alive {
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

func TestABrokenTypeGetsAProbeNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &engine{types: []provisioner.RunnerType{linux()}}
		work(t, e, queue.Config{}, time.Minute, func(q *queue.Memory, w *queue.Worker) {
			w.SetBroken("linux", true)
			for i := range int64(10) {
				send(t, q, newJob(i+1, "linux"))
			}
			time.Sleep(10*time.Minute + time.Second)
			if n := len(e.attempts()); n != 3 {
				t.Errorf("%d launches in ten minutes of a broken type, want 3", n)
			}
			w.SetBroken("linux", false)
		})
		if n := len(e.attempts()); n != 10 {
			t.Errorf("%d launches after the mending, want 10", n)
		}
	})
}

func TestDo(t *testing.T) {
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
