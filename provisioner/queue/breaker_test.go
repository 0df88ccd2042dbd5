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

// TestWorkerWaits is the table of what an error means: for how long the type, and the repository,
// get no further attempt.
func TestWorkerWaits(t *testing.T) {
	here := func(err error) error {
		return &provisioner.GitHubError{Target: provisioner.Target{Owner: "o", Repo: "r"}, Err: err}
	}
	slow := &provisioner.RetryAfterError{After: 90 * time.Second, Err: errors.New("slow")}
	for _, c := range []struct {
		name string
		err  error
		// the second job, of the same type and repository, and the third, of another repository,
		// follow at
		second, third time.Duration
	}{
		{"no capacity holds back the type", provisioner.ErrCapacity, time.Second, time.Second},
		{"a refusing cloud holds back the type", provisioner.ErrRefused, time.Second, time.Second},
		{"a failing cloud holds back the type", provisioner.ErrUnavailable, time.Second, time.Second},
		{"silence holds back the type", provisioner.ErrNoAnswer, time.Second, time.Second},
		{"an unknown error holds back the type", errors.New("?"), time.Second, time.Second},
		{"a cloud's rate limit holds back the type as long as it says", slow, 90 * time.Second, 90 * time.Second},
		{"a repository that GitHub refuses holds back itself", here(provisioner.ErrRefused), time.Second, 0},
		{"one that it fails at, too", here(provisioner.ErrUnavailable), time.Second, 0},
		{"one that it is silent about, too", here(provisioner.ErrNoAnswer), time.Second, 0},
		{"one whose credential is rate limited, as long as GitHub says", here(slow), 90 * time.Second, 0},
		{"another place at GitHub holds back the job", &provisioner.GitHubError{Target: provisioner.Target{Owner: "x"}, Err: provisioner.ErrRefused}, 0, 0},
		{"what is the job's own affair holds back the job", here(&provisioner.JobError{Err: provisioner.ErrUnavailable}), 0, 0},
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
					mac := newJob(4, "mac")
					mac.Repository.Name = "for macs"
					send(t, q, newJob(1, "linux"), newJob(2, "linux"), other, mac)
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

// Cancelled jobs are what a broken type has most of.
func TestAProbeIsSpentByALaunchAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const gone = 9
		e := &engine{types: []provisioner.RunnerType{linux()}, provision: func(_ context.Context, j provisioner.Job) (provisioner.Outcome, error) {
			switch {
			case j.ID <= 3:
				return provisioner.Outcome{Status: provisioner.StatusServed}, nil
			case j.ID <= gone:
				return provisioner.Outcome{Status: provisioner.StatusGone}, nil
			}
			return launched(j), nil
		}}
		work(t, e, queue.Config{}, time.Minute, func(q *queue.Memory, w *queue.Worker) {
			w.SetBroken("linux", true)
			for i := range int64(gone + 3) {
				send(t, q, newJob(i+1, "linux"))
			}
			time.Sleep(queue.ProbeEvery + 30*time.Second)
			if n := len(e.attempts()); n != gone+1 {
				t.Errorf("%d attempts by the end of the first probe's time, want the %d jobs that need nothing and one launch", n, gone)
			}
			time.Sleep(queue.ProbeEvery - 31*time.Second)
			if n := len(e.attempts()); n != gone+1 {
				t.Errorf("%d attempts before the second probe's time", n)
			}
			time.Sleep(time.Minute)
			if n := len(e.attempts()); n != gone+2 {
				t.Errorf("%d attempts by the end of the second probe's time", n)
			}
		})
	})
	synctest.Test(t, func(t *testing.T) {
		e := &engine{types: []provisioner.RunnerType{linux()}, provision: func(context.Context, provisioner.Job) (provisioner.Outcome, error) {
			return provisioner.Outcome{Runner: provisioner.Runner{ID: 7}}, provisioner.ErrNoAnswer
		}}
		work(t, e, queue.Config{}, 0, func(q *queue.Memory, w *queue.Worker) {
			w.SetBroken("linux", true)
			send(t, q, newJob(1, "linux"), newJob(2, "linux"))
			time.Sleep(2*queue.ProbeEvery - time.Second)
			if n := len(e.attempts()); n != 1 {
				t.Errorf("%d launches without an answer within two probes' time, want 1: a machine may have come of it", n)
			}
		})
	})
	synctest.Test(t, func(t *testing.T) { // GitHub's silence to a registration is no launch
		silent := &provisioner.GitHubError{Target: provisioner.Target{Owner: "o", Repo: "r"}, Err: provisioner.ErrNoAnswer}
		e := &engine{types: []provisioner.RunnerType{linux()}, provision: func(context.Context, provisioner.Job) (provisioner.Outcome, error) {
			return provisioner.Outcome{}, silent
		}}
		work(t, e, queue.Config{}, 0, func(q *queue.Memory, w *queue.Worker) {
			w.SetBroken("linux", true)
			send(t, q, newJob(1, "linux"))
			time.Sleep(queue.ProbeEvery + time.Minute)
			if n := len(e.attempts()); n < 3 {
				t.Errorf("%d attempts in the minute after a probe's time, while GitHub does not answer: none of them was a launch", n)
			}
		})
	})
}

func TestAJobThatNeedsNoMachineProvesNothingAboutLaunches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &engine{types: []provisioner.RunnerType{linux()}, provision: func(_ context.Context, j provisioner.Job) (provisioner.Outcome, error) {
			if j.ID%2 == 0 {
				return provisioner.Outcome{Status: provisioner.StatusGone}, nil
			}
			return provisioner.Outcome{}, provisioner.ErrCapacity
		}}
		w := queue.NewWorker(queue.NewMemory(0), e, queue.Config{})
		for i := range int64(600) { // as Lambda hands them over
			_, _ = w.Attempt(t.Context(), newJob(2*i+2, "linux"), time.Now())
			_, _ = w.Attempt(t.Context(), newJob(2*i+1, "linux"), time.Now())
			time.Sleep(time.Second)
		}
		failed := 0
		for _, a := range e.attempts() {
			failed += int(a.job % 2)
		}
		if most := 5 + 600/25; failed > most { // after 1, 2, 4, 8, 16 s, then each 25 s
			t.Errorf("%d fruitless launches in ten minutes without capacity, want at most %d", failed, most)
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
