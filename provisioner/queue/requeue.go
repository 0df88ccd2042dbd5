package queue

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// Requeue puts jobs into the queue that wait at GitHub and have no machine, whether or not they
// were accepted before: the reconciler's way in. From there on they are tried as all others, in
// their turn and under the same limits. It returns those that were not there already.
//
// A queue that can't tell what waits in it (NoDeduplication) gets only those that could be tried
// now, and none again for the next 5, 10, 20 min and so on up to an hour, unless it has had an
// attempt or a machine since: a second message is harmless, and costs a request to GitHub.
func (w *Worker) Requeue(ctx context.Context, jobs []provisioner.Job) (queued []provisioner.Job, err error) {
	now := time.Now()
	if w.cfg.NoDeduplication {
		jobs = slices.DeleteFunc(slices.Clone(jobs), func(j provisioner.Job) bool { return !w.queued.due(j.ID, now) })
		var release func()
		jobs, release = w.admissibleNow(ctx, jobs)
		defer release()
	}
	var mu sync.Mutex
	var faults []error
	var g errgroup.Group
	g.SetLimit(w.cfg.Concurrency)
	for _, j := range jobs {
		g.Go(func() error {
			stored, err := w.requeue(ctx, j, now)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				faults = append(faults, err)
			}
			if stored {
				queued = append(queued, j)
			}
			return nil
		})
	}
	_ = g.Wait()
	return queued, errors.Join(faults...)
}

func (w *Worker) requeue(ctx context.Context, j provisioner.Job, now time.Time) (stored bool, err error) {
	t, err := w.provisioner.TypeFor(j)
	if err != nil {
		return false, err
	}
	j.Repeated = true
	stored, err = w.queue.Requeue(ctx, Message{Lane: t.Name, Job: j, Accepted: now})
	if stored {
		w.queued.add(j.ID, now)
	}
	return stored, err
}

// admissibleNow returns the jobs that could be tried now, all of them at once.
func (w *Worker) admissibleNow(ctx context.Context, jobs []provisioner.Job) (admitted []provisioner.Job, release func()) {
	var admissions []*admission
	for _, j := range jobs {
		t, err := w.provisioner.TypeFor(j)
		if err != nil {
			continue
		}
		a, r := w.admit(ctx, t, j)
		if a == nil {
			w.cfg.Logger.DebugContext(ctx, "a job without a machine waits", "job", j.ID, "repository", j.Repository.String(), "type", t.Name, "because", r.why.Because, "reason", r.why.String())
			continue
		}
		admitted, admissions = append(admitted, j), append(admissions, a)
	}
	return admitted, func() {
		for _, a := range admissions {
			a.settle(ctx, provisioner.Outcome{}, nil)
		}
	}
}

// queuedJobs remembers when jobs were last put into a queue that can't tell what waits in it.
type queuedJobs struct {
	mu   sync.Mutex
	jobs map[int64]queuedJob
}

type queuedJob struct {
	at    time.Time
	times int
}

const (
	// firstRequeue is how long a job in such a queue is left alone at first, and lastRequeue in the
	// end.
	firstRequeue = 5 * time.Minute
	lastRequeue  = time.Hour
	// keptQueued bounds the memory; GitHub ends a job after a day.
	keptQueued = 20_000
)

func (q queuedJob) due() time.Time {
	return q.at.Add(min(firstRequeue<<min(q.times-1, 10), lastRequeue))
}

func (s *queuedJobs) due(job int64, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, ok := s.jobs[job]
	return !ok || !now.Before(q.due())
}

func (s *queuedJobs) add(job int64, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.jobs) >= keptQueued || s.jobs == nil {
		kept := make(map[int64]queuedJob)
		for id, q := range s.jobs {
			if now.Before(q.due()) && len(kept) < keptQueued/2 {
				kept[id] = q
			}
		}
		s.jobs = kept
	}
	s.jobs[job] = queuedJob{at: now, times: s.jobs[job].times + 1}
}

// forget notes that a job's message has been dealt with.
func (s *queuedJobs) forget(job int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.jobs, job)
}

// observe notes the machines that jobs have got since, from whatever process.
func (s *queuedJobs) observe(machines []provisioner.Machine) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range machines {
		if q, ok := s.jobs[m.Job]; ok && m.LaunchedAt.After(q.at) {
			delete(s.jobs, m.Job)
		}
	}
}
