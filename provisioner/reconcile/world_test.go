package reconcile_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/reconcile"
)

var (
	app    = provisioner.Repository{Owner: "octo-org", Name: "app"}
	target = provisioner.Target{Owner: "octo-org", Repo: "app"}
	linux  = provisioner.RunnerType{
		Name: "linux", Labels: []string{"linux"}, Provider: "cloud", Scope: provisioner.ScopeRepository, BootDeadline: 5 * time.Minute, MaxLifetime: 6 * time.Hour,
	}
)

// world is a GitHub, a cloud and a worker, as simple as can be.
type world struct {
	jobs     []provisioner.Job
	states   map[int64]provisioner.JobState // of jobs that are not among jobs
	runners  []provisioner.Runner
	machines []provisioner.Machine
	attempts map[int64]bool // under way here
	waits    map[int64]bool // in the queue
	seen     map[provisioner.Repository][]provisioner.Job
	partial  bool // there are workflow runs that could not be read
	broken   map[string]bool
	doErr    error
	scope    provisioner.Scope

	repositoryID int64
	panics       map[string]int // how often a call is still to panic
	turnsBusy    map[int64]bool // registrations that take a job just before they are removed

	jobsErr, runnersErr, listErr, removeErr error

	did []string

	mu sync.Mutex // of what looks at several repositories side by side change
}

func (w *world) do(format string, args ...any) { w.did = append(w.did, fmt.Sprintf(format, args...)) }

// The engine.

func (w *world) TypeFor(j provisioner.Job) (provisioner.RunnerType, error) {
	if slices.Equal(j.Labels, linux.Labels) {
		return w.Types()[0], nil
	}
	return provisioner.RunnerType{}, provisioner.ErrNoRunnerType
}

func (w *world) Types() []provisioner.RunnerType {
	t := linux
	t.Scope = cmp.Or(w.scope, t.Scope)
	return []provisioner.RunnerType{t}
}

func (w *world) Deployment() provisioner.Deployment { return "mine" }

func (w *world) Providers() map[string]provisioner.Provider {
	return map[string]provisioner.Provider{"cloud": w}
}

// The cloud.

func (w *world) Launch(context.Context, provisioner.Launch) (provisioner.Machine, error) {
	panic("the reconciler launches nothing by itself")
}

func (w *world) mayPanic(what string) {
	if w.panics[what] > 0 {
		w.panics[what]--
		panic(what)
	}
}

func (w *world) List(context.Context) ([]provisioner.Machine, error) {
	w.mayPanic("list")
	return slices.Clone(w.machines), w.listErr
}

func (w *world) Terminate(_ context.Context, m provisioner.Machine) error {
	w.mayPanic("terminate " + m.ID)
	w.do("terminate %s", m.ID)
	for i := range w.machines {
		if w.machines[i].ID == m.ID {
			w.machines[i].State = provisioner.MachineEnded
		}
	}
	return nil
}

// GitHub.

func (w *world) QueuedJobs(_ context.Context, r provisioner.Repository, _ provisioner.Look) (provisioner.Sight, error) {
	var jobs []provisioner.Job
	for _, j := range w.jobs {
		if j.Repository == r {
			jobs = append(jobs, j)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	changed := !slices.EqualFunc(jobs, w.seen[r], func(a, b provisioner.Job) bool { return a.ID == b.ID })
	if w.seen == nil {
		w.seen = map[provisioner.Repository][]provisioner.Job{}
	}
	w.seen[r] = jobs
	return provisioner.Sight{Jobs: jobs, Changed: changed, Complete: !w.partial}, w.jobsErr
}

func (w *world) JobState(_ context.Context, j provisioner.Job) (provisioner.JobState, error) {
	for _, q := range w.jobs {
		if q.ID == j.ID {
			return provisioner.JobWaiting, nil
		}
	}
	if s, ok := w.states[j.ID]; ok {
		return s, nil
	}
	return provisioner.JobEnded, nil
}

func (w *world) RepositoryID(context.Context, provisioner.Repository) (int64, error) {
	return w.repositoryID, w.jobsErr
}

func (w *world) Runners(_ context.Context, t provisioner.Target) ([]provisioner.Runner, error) {
	if t != target && t != (provisioner.Target{Owner: target.Owner}) {
		return nil, w.runnersErr
	}
	return slices.Clone(w.runners), w.runnersErr
}

func (w *world) Runner(_ context.Context, _ provisioner.Target, id int64) (provisioner.Runner, error) {
	for _, r := range w.runners {
		if r.ID == id {
			return r, nil
		}
	}
	return provisioner.Runner{}, provisioner.ErrNotFound
}

func (w *world) Remove(_ context.Context, _ provisioner.Target, id int64) error {
	if w.removeErr != nil {
		return w.removeErr
	}
	for i, r := range w.runners {
		if r.ID == id && (r.Busy || w.turnsBusy[id]) {
			return provisioner.ErrRunnerBusy
		}
		if r.ID == id {
			w.runners = slices.Delete(w.runners, i, i+1)
			break
		}
	}
	w.do("remove %d", id)
	return nil
}

// The worker.

func (w *world) Requeue(_ context.Context, jobs []provisioner.Job) (queued []provisioner.Job, err error) {
	for _, j := range jobs {
		switch {
		case w.doErr != nil:
			w.do("try %d", j.ID)
		case !w.waits[j.ID]:
			beside := ""
			for _, id := range j.Stolen {
				beside += fmt.Sprintf(" beside %d", id)
			}
			w.do("start %s%s", provisioner.RunnerName("linux", j), beside)
			queued = append(queued, j)
		}
	}
	return queued, w.doErr
}

func (w *world) Attempting(j provisioner.Job) bool { return w.attempts[j.ID] }

func (w *world) ObserveMachines(string, time.Time, []provisioner.Machine) {}

func (w *world) SetBroken(runnerType string, broken bool) {
	if w.broken == nil {
		w.broken = map[string]bool{}
	}
	w.broken[runnerType] = broken
}

// queue adds a waiting job.
func (w *world) queue(ids ...int64) {
	for _, id := range ids {
		w.jobs = append(w.jobs, provisioner.Job{ID: id, RunAttempt: 1, Repository: app, Labels: []string{"linux"}, CreatedAt: time.Now()})
	}
}

// launch adds a machine of that age for a job, with a registration of the same number plus 100.
func (w *world) launch(job int64, age time.Duration, r provisioner.Runner) {
	name := provisioner.RunnerName("linux", provisioner.Job{ID: job, RunAttempt: 1})
	r.ID, r.Name, r.Labels = job+100, name, []string{"linux", "grp-deployment-mine"}
	w.runners = append(w.runners, r)
	w.machine(job, age)
}

// machine adds a machine without a registration.
func (w *world) machine(job int64, age time.Duration) {
	w.machines = append(w.machines, provisioner.Machine{
		ID: fmt.Sprint("i-", job), Provider: "cloud", Type: "linux", Repository: app, Job: job, RunnerID: job + 100,
		RunnerName: provisioner.RunnerName("linux", provisioner.Job{ID: job, RunAttempt: 1}), State: provisioner.MachineAlive, LaunchedAt: time.Now().Add(-age),
	})
}

const interval = time.Minute

// sweeps sweeps n times and returns what each did.
func sweeps(t *testing.T, w *world, s *reconcile.Sweeper, n int) (did []string) {
	t.Helper()
	for range n {
		w.did = nil
		if _, err := s.Sweep(t.Context()); err != nil {
			w.do("error")
		}
		slices.Sort(w.did)
		did = append(did, strings.Join(w.did, ", "))
		time.Sleep(interval)
	}
	return did
}

func newSweeper(w *world, cfg reconcile.Config) *reconcile.Sweeper {
	cfg.Repositories = append(cfg.Repositories, app)
	return reconcile.New(w, w, w, w, cfg)
}
