package queue_test

import (
	"context"
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
	waiting  time.Duration // since GitHub said that it waits
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
	e.tried = append(e.tried, attempt{j.ID, time.Since(epoch), j.Repeated, time.Since(j.WaitingAt)})
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
	return provisioner.Outcome{
		Status: provisioner.StatusLaunched, Runner: provisioner.Runner{ID: j.ID},
		Machine: provisioner.Machine{ID: fmt.Sprint("i-", j.ID), Type: j.Labels[0], RunnerID: j.ID, State: provisioner.MachineAlive},
	}
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

func (e *events) of(k provisioner.EventKind) (found []provisioner.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, x := range e.list {
		if x.Kind == k {
			found = append(found, x)
		}
	}
	return found
}

func (e *events) count(k provisioner.EventKind) int { return len(e.of(k)) }

// work runs a worker on a memory queue in a bubble for a while, and returns what it left in the
// queue.
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
