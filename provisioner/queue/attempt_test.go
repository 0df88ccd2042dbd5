package queue_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
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

// What the worker knows of a job's past it tells the engine, whose rule it is when to ask again.
func TestTheEngineHearsHowOldAJobsNewsIs(t *testing.T) {
	for _, c := range []struct {
		name  string
		cfg   queue.Config
		job   func(j *provisioner.Job)
		ended bool
		tried bool
		again bool // the process is another one
		want  bool
	}{
		{name: "a job that came once is new"},
		{name: "one that was found without its webhook and tried is not", tried: true, want: true},
		{name: "one that waited when the process began is not", again: true, want: true},
		{name: "one that GitHub had when the process began is not", job: func(j *provisioner.Job) { j.CreatedAt = epoch.Add(-time.Second) }, want: true},
		{name: "a job whose end was heard of is not", ended: true, want: true},
		{name: "a job that says so is not", job: func(j *provisioner.Job) { j.Repeated = true }, want: true},
		{name: "no job is when the queue may hold it twice", cfg: queue.Config{NoDeduplication: true}, want: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fail := c.tried
				e := &engine{types: []provisioner.RunnerType{linux()}, provision: func(_ context.Context, j provisioner.Job) (provisioner.Outcome, error) {
					if fail {
						return provisioner.Outcome{}, &provisioner.JobError{Err: provisioner.ErrUnavailable}
					}
					return launched(j), nil
				}}
				q := queue.NewMemory(0)
				j := newJob(1, "linux")
				if c.job != nil {
					c.job(&j)
				}
				w := queue.NewWorker(q, e, c.cfg)
				if c.tried {
					_, _ = w.Attempt(t.Context(), j, time.Now())
					e.tried, fail = nil, false
				}
				send(t, q, j)
				time.Sleep(time.Hour)
				if c.again {
					w = queue.NewWorker(q, e, c.cfg)
				}
				if c.ended {
					w.JobEnded(j)
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				_ = w.Run(ctx)
				got := e.attempts()
				if len(got) != 1 || got[0].repeated != c.want || got[0].waiting != time.Hour {
					t.Errorf("attempts %+v, want one with repeated=%v and an hour since the webhook", got, c.want)
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
		var log bytes.Buffer
		w := queue.NewWorker(queue.NewMemory(0), e, queue.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
		var again *queue.RetryError
		if _, err := w.Attempt(t.Context(), newJob(1, "linux"), time.Now()); !errors.As(err, &again) || !errors.Is(err, provisioner.ErrCapacity) {
			t.Errorf("a failed attempt: %v", err)
		}
		if _, err := w.Attempt(t.Context(), newJob(2, "linux"), time.Now()); !errors.As(err, &again) || len(e.attempts()) != 1 {
			t.Errorf("while the type is held back: %v after %d attempts", err, len(e.attempts()))
		}
		if line := log.String()[strings.LastIndex(strings.TrimSpace(log.String()), "\n")+1:]; !strings.Contains(line, `msg="job waits" job=2 repository=o/r type=linux `) ||
			!strings.Contains(line, `because=capacity system=cloud`) || !strings.Contains(line, `reason="cloud has no capacity for linux`) {
			t.Errorf("the log says of the job that waits: %s", line)
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

// GitHub shows an organisation's runners, and hides one of its repositories from us.
func TestARefusedRepositoryOfAnOrganisationHoldsUpNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		org := linux()
		org.Scope = provisioner.ScopeOrganization
		hidden := newJob(1, "linux")
		hidden.Repository.Name = "hidden"
		e := &engine{types: []provisioner.RunnerType{org}, provision: func(_ context.Context, j provisioner.Job) (provisioner.Outcome, error) {
			if j.ID == hidden.ID {
				t := provisioner.Target{Owner: j.Repository.Owner, Repo: j.Repository.Name}
				return provisioner.Outcome{}, &provisioner.GitHubError{Target: t, Err: provisioner.ErrRefused}
			}
			return launched(j), nil
		}}
		work(t, e, queue.Config{}, 5*time.Minute, func(q *queue.Memory, _ *queue.Worker) {
			send(t, q, hidden)
			for id := range int64(10) {
				time.Sleep(10 * time.Second)
				send(t, q, newJob(id+2, "linux"))
			}
		})
		for _, a := range e.attempts() {
			if sent := time.Duration(a.job-1) * 10 * time.Second; a.job != hidden.ID && a.at-sent > time.Second {
				t.Errorf("job %d waited for %s", a.job, a.at-sent)
			}
		}
	})
}

// A job that the reconciler finds, or that is delivered again, has waited since GitHub made it.
func TestAJobHasWaitedSinceGitHubCreatedIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &events{}
		worker := queue.NewWorker(queue.NewMemory(0), &engine{types: []provisioner.RunnerType{linux()}}, queue.Config{Observer: w})
		time.Sleep(time.Hour)
		for _, created := range []time.Time{time.Now().Add(-220 * time.Second), {}, time.Now().Add(time.Minute)} { // the last by a clock that is ahead
			j := newJob(1, "linux")
			j.CreatedAt = created
			if _, err := worker.Attempt(t.Context(), j, time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		if w.list[0].Took != 220*time.Second || w.list[1].Took != 0 || w.list[2].Took != 0 {
			t.Errorf("waited %s, %s and %s", w.list[0].Took, w.list[1].Took, w.list[2].Took)
		}
	})
}

// On Lambda an attempt ends with its invocation, which says nothing about the cloud.
func TestACallersDeadlineIsNobodysFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := true
		e := &engine{types: []provisioner.RunnerType{linux()}, provision: func(ctx context.Context, j provisioner.Job) (provisioner.Outcome, error) {
			if slow {
				<-ctx.Done()
				return provisioner.Outcome{Runner: provisioner.Runner{ID: j.ID}}, errors.Join(provisioner.ErrNoAnswer, ctx.Err())
			}
			return launched(j), nil
		}}
		w := queue.NewWorker(queue.NewMemory(0), e, queue.Config{})
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		var again *queue.RetryError
		if _, err := w.Attempt(ctx, newJob(1, "linux"), time.Now()); !errors.As(err, &again) {
			t.Errorf("error %v", err)
		}
		slow = false
		if _, err := w.Attempt(t.Context(), newJob(2, "linux"), time.Now()); err != nil {
			t.Errorf("the next job: %v", err)
		}
	})
}

// Another process received the message, and died.
func TestAMessageThatSomebodyElseReceivedIsRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &engine{types: []provisioner.RunnerType{linux()}}
		q := queue.NewMemory(0)
		w := queue.NewWorker(q, e, queue.Config{})
		time.Sleep(time.Second)
		send(t, q, newJob(1, "linux"))
		if _, err := q.Receive(t.Context(), "linux", nil); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var done sync.WaitGroup
		done.Go(func() { _ = w.Run(ctx) })
		time.Sleep(time.Minute)
		cancel()
		done.Wait()
		if got := e.attempts(); len(got) != 1 || !got[0].repeated {
			t.Errorf("%+v, want one attempt that is repeated", got)
		}
	})
}

// Somebody who saw no machine in a list that lagged may have begun to remove its registration, and
// died.
func TestAMachineThatIsNotUpYetIsLookedAtAgain(t *testing.T) {
	served := func(age time.Duration, r provisioner.Runner) provisioner.Outcome {
		return provisioner.Outcome{Status: provisioner.StatusServed, Runner: r, Machine: provisioner.Machine{ID: "i-1", LaunchedAt: time.Now().Add(-age)}}
	}
	for name, c := range map[string]struct {
		outcome func(at time.Duration) provisioner.Outcome
		want    []time.Duration // of the attempts
	}{
		"it comes up": {func(at time.Duration) provisioner.Outcome {
			return served(at, provisioner.Runner{Online: at > 90*time.Second})
		}, []time.Duration{0, 60, 120}},
		"it takes the job": {func(at time.Duration) provisioner.Outcome {
			if at > 0 {
				return provisioner.Outcome{Status: provisioner.StatusGone}
			}
			return served(at, provisioner.Runner{})
		}, []time.Duration{0, 60}},
		"it is dead, and is replaced": {func(at time.Duration) provisioner.Outcome {
			if at > 60*time.Second {
				return provisioner.Outcome{Status: provisioner.StatusLaunched}
			}
			return served(at, provisioner.Runner{})
		}, []time.Duration{0, 60, 120}},
		"it does not come up: that is not the queue's affair": {func(at time.Duration) provisioner.Outcome {
			return served(at+50*time.Second, provisioner.Runner{})
		}, []time.Duration{0, 60, 120, 130}},
		"it is old enough":       {func(time.Duration) provisioner.Outcome { return served(4*time.Minute, provisioner.Runner{}) }, []time.Duration{0}},
		"its runner is busy":     {func(time.Duration) provisioner.Outcome { return served(0, provisioner.Runner{Busy: true}) }, []time.Duration{0}},
		"a cloud without a list": {func(time.Duration) provisioner.Outcome { return provisioner.Outcome{Status: provisioner.StatusServed} }, []time.Duration{0}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := &engine{types: []provisioner.RunnerType{linux()}, provision: func(context.Context, provisioner.Job) (provisioner.Outcome, error) {
					return c.outcome(time.Since(epoch)), nil
				}}
				seen := &events{}
				depth := work(t, e, queue.Config{Observer: seen}, 10*time.Minute, func(q *queue.Memory, _ *queue.Worker) { send(t, q, newJob(1, "linux")) })
				var at []time.Duration
				for _, a := range e.attempts() {
					at = append(at, a.at.Round(time.Second)/time.Second)
				}
				if !slices.Equal(at, c.want) || depth["linux"] != 0 || seen.count(provisioner.EventSettled) != 1 || seen.count(provisioner.EventHeld) != len(c.want)-1 {
					t.Errorf("attempts after %d s, want %d; left %v; events %+v", at, c.want, depth, seen.list)
				}
			})
		})
	}
	w := queue.NewWorker(queue.NewMemory(0), &engine{types: []provisioner.RunnerType{linux()}, provision: func(context.Context, provisioner.Job) (provisioner.Outcome, error) {
		return served(0, provisioner.Runner{}), nil
	}}, queue.Config{})
	var again *queue.RetryError
	if _, err := w.Attempt(t.Context(), newJob(1, "linux"), time.Now()); !errors.As(err, &again) || again.After < 50*time.Second {
		t.Errorf("whoever has a queue of their own is told: %v", err)
	}
}
