package queue_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/queue"
)

// dear is a queue whose every delivery takes a while, and is counted by repository.
type dear struct {
	*queue.Memory
	takes    time.Duration
	received [2]atomic.Int64 // of o/shut, and of others
}

func (q *dear) Receive(ctx context.Context, lane string, ready queue.Ready) (queue.Message, error) {
	m, err := q.Memory.Receive(ctx, lane, ready)
	if err == nil {
		time.Sleep(q.takes)
		of := &q.received[1]
		if m.Job.Repository.Name == "shut" {
			of = &q.received[0]
		}
		of.Add(1)
	}
	return m, err
}

// Putting its jobs back one by one takes longer than any wait, once there are many of them: then
// they are always the oldest that are visible.
func TestThousandsOfJobsOfARefusedRepositoryStarveNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &engine{types: []provisioner.RunnerType{linux()}, provision: func(_ context.Context, j provisioner.Job) (provisioner.Outcome, error) {
			if j.Repository.Name == "shut" {
				t := provisioner.Target{Owner: j.Repository.Owner, Repo: j.Repository.Name}
				return provisioner.Outcome{}, &provisioner.GitHubError{Target: t, Err: provisioner.ErrRefused}
			}
			return launched(j), nil
		}}
		q := &dear{Memory: queue.NewMemory(0), takes: 10 * time.Millisecond}
		for id := range int64(3000) {
			j := newJob(id+10, "linux")
			j.Repository.Name = "shut"
			send(t, q, j)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		done := make(chan error)
		go func() { done <- queue.NewWorker(q, e, queue.Config{}).Run(ctx) }()
		time.Sleep(5 * time.Minute)
		send(t, q, newJob(1, "linux"))
		sent := time.Since(epoch)
		if err := <-done; err != nil {
			t.Error(err)
		}
		for _, a := range e.attempts() {
			if a.job != 1 {
				continue
			}
			if waited := a.at - sent; waited > 10*time.Second {
				t.Errorf("the other repository's job waited for %s", waited)
			}
			// A probe whenever the backoff is over, and the seven that were taken beside the first.
			if n := q.received[0].Load(); n > 60 {
				t.Errorf("%d deliveries of jobs that could only wait", n)
			}
			return
		}
		t.Errorf("the other repository's job was not tried")
	})
}

func TestARepositoryWithThousandsOfJobsDelaysAnotherByOneTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &engine{types: []provisioner.RunnerType{linux()}, provision: func(_ context.Context, j provisioner.Job) (provisioner.Outcome, error) {
			time.Sleep(10 * time.Second)
			return launched(j), nil
		}}
		modest := newJob(1, "linux")
		modest.Repository.Name = "modest"
		var sent time.Duration
		work(t, e, queue.Config{}, time.Hour, func(q *queue.Memory, _ *queue.Worker) {
			for id := range int64(3000) {
				send(t, q, newJob(id+10, "linux"))
			}
			time.Sleep(time.Minute + 5*time.Second)
			send(t, q, modest)
			sent = time.Since(epoch)
		})
		for _, a := range e.attempts() {
			if a.job == modest.ID && a.at-sent > 20*time.Second {
				t.Errorf("it waited for %s", a.at-sent)
			}
		}
		if n := len(e.attempts()); n < 2500 {
			t.Errorf("%d attempts in an hour", n)
		}
	})
}
