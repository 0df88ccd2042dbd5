package journal_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/journal"
)

var (
	app = provisioner.Repository{Owner: "octo", Name: "app"}
	lib = provisioner.Repository{Owner: "octo", Name: "lib"}
)

func types() []provisioner.RunnerType {
	return []provisioner.RunnerType{
		{Name: "linux", Labels: []string{"linux"}, Provider: "cloud", BootDeadline: 3 * time.Minute, Max: 7},
		{Name: "mac", Labels: []string{"mac"}, Provider: "farm"},
	}
}

func newJob(id int64) provisioner.Job {
	return provisioner.Job{ID: id, RunAttempt: 1, Repository: app, Labels: []string{"linux"}, Name: fmt.Sprint("test ", id), CreatedAt: time.Now().Truncate(time.Second)}
}

// holds hold back what a test says, by runner type or repository.
type holds struct {
	mu  sync.Mutex
	why map[string]provisioner.Reason
}

func (h *holds) set(key string, why provisioner.Reason) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.why == nil {
		h.why = map[string]provisioner.Reason{}
	}
	h.why[key] = why
	if why.Because == "" {
		delete(h.why, key)
	}
}

// Reason implements [journal.Holds].
func (h *holds) Reason(runnerType string, r provisioner.Repository) (why provisioner.Reason, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if why, ok = h.why[r.String()]; ok {
		return why, ok
	}
	why, ok = h.why[runnerType]
	return why, ok
}

// world is a journal, and one job in it that most of what happens happens to.
type world struct {
	*journal.Journal
	holds *holds
	job   provisioner.Job
	begun time.Time
}

// step is something that happens in a world.
type step func(w *world)

func newWorld(cfg journal.Config) *world {
	if cfg.Types == nil {
		cfg.Types = types()
	}
	w := &world{Journal: journal.New(cfg), holds: &holds{}, job: newJob(1), begun: time.Now()}
	w.Ask(w.holds)
	return w
}

func (w *world) do(steps ...step) {
	for _, s := range steps {
		s(w)
	}
}

func tell(e provisioner.Event) step {
	return func(w *world) {
		e := e // a step may be taken again, in another world
		if e.Job.ID == 0 {
			e.Job = w.job
		}
		w.Observe(context.Background(), e)
	}
}

// of has steps happen to another job: one of app, or of another repository.
func of(id int64, r provisioner.Repository, steps ...step) step {
	return func(w *world) {
		other := *w
		other.job = newJob(id)
		other.job.Repository = r
		other.do(steps...)
	}
}

func after(d time.Duration) step { return func(*world) { time.Sleep(d) } }

func runnerOf(machine string) provisioner.Runner {
	return provisioner.Runner{ID: 7, Name: "grp-" + machine}
}

// What the webhook tells.

func received(kind provisioner.EventKind) step {
	return tell(provisioner.Event{Kind: kind, RunnerType: "linux"})
}

func passed(kind provisioner.EventKind, because provisioner.Because, detail string) step {
	return tell(provisioner.Event{Kind: kind, Reason: provisioner.Reason{Because: because, Detail: detail}})
}

// started says that the runner of that machine took the job, that long after the world began.
func started(at time.Duration, machine string) step {
	return func(w *world) {
		w.do(tell(provisioner.Event{Kind: provisioner.EventStarted, RunnerType: "linux", At: w.begun.Add(at), Runner: runnerOf(machine)}))
	}
}

// ended says that the job ended so on that machine's runner; on none if it has no name.
func ended(at time.Duration, machine, conclusion string) step {
	return func(w *world) {
		e := provisioner.Event{Kind: provisioner.EventEnded, RunnerType: "linux", At: w.begun.Add(at), Conclusion: conclusion}
		if machine != "" {
			e.Runner = runnerOf(machine)
		}
		w.do(tell(e))
	}
}

// What the engine tells.

func engine(kind provisioner.EventKind, machine string) step {
	return tell(provisioner.Event{Kind: kind, RunnerType: "linux", Provider: "cloud", Runner: runnerOf(machine), Took: 1200 * time.Millisecond})
}

func launched(machine string) step {
	return tell(provisioner.Event{
		Kind: provisioner.EventLaunched, RunnerType: "linux", Provider: "cloud", Runner: runnerOf(machine), Machine: provisioner.Machine{ID: machine}, Place: "small in a",
	})
}

func tried(place, words string) step {
	err := fmt.Errorf("%s: %w", words, provisioner.ErrCapacity)
	return tell(provisioner.Event{Kind: provisioner.EventTried, RunnerType: "linux", Provider: "cloud", Place: place, Err: err})
}

// What the worker tells.

// held says that the job is tried again after that time.
func held(why provisioner.Reason, again time.Duration) step {
	return func(w *world) {
		e := provisioner.Event{Kind: provisioner.EventHeld, RunnerType: "linux", Provider: "cloud", Reason: why}
		e.Reason.Until = time.Now().Add(again)
		if why.Because == provisioner.BecauseNotUp {
			e.Runner, e.Machine = runnerOf(why.Name), provisioner.Machine{ID: why.Name, LaunchedAt: w.begun}
		}
		w.do(tell(e))
	}
}

func settled(status provisioner.Status, machine string) step {
	return tell(provisioner.Event{Kind: provisioner.EventSettled, RunnerType: "linux", Provider: "cloud", Status: status, Runner: runnerOf(machine), Machine: provisioner.Machine{ID: machine}})
}

// What the reconciler tells, which knows little of the job.

func swept(kind provisioner.EventKind, machine string, why provisioner.Reason) step {
	return func(w *world) {
		w.do(tell(provisioner.Event{
			Kind: kind, RunnerType: "linux", Provider: "cloud", Machine: provisioner.Machine{ID: machine, LaunchedAt: w.begun}, Runner: runnerOf(machine), Reason: why,
			Job: provisioner.Job{ID: w.job.ID, Repository: w.job.Repository},
		}))
	}
}

func online(machine string) step {
	return swept(provisioner.EventOnline, machine, provisioner.Reason{})
}

func lost(machine string, because provisioner.Because) step {
	return swept(provisioner.EventMachineLost, machine, provisioner.Reason{Because: because, Name: machine, Detail: "its fate"})
}

func requeued(w *world) {
	w.do(tell(provisioner.Event{Kind: provisioner.EventRequeued, RunnerType: "linux"}))
}

// launch is an attempt that launches a machine.
func launch(machine string) step {
	return func(w *world) {
		w.do(engine(provisioner.EventRegistered, machine), launched(machine), settled(provisioner.StatusLaunched, machine))
	}
}

// Often used.
var (
	accepted = received(provisioner.EventAccepted)
	capacity = provisioner.Reason{Because: provisioner.BecauseCapacity, Type: "linux", System: "aws", Detail: "Insufficient"}
)

// explain is the journal's word on a job that it has to know.
func (w *world) explain(t *testing.T, id int64) journal.Job {
	t.Helper()
	j, ok := w.Explain(id)
	if !ok {
		t.Fatalf("nothing is known of job %d", id)
	}
	return j
}

// kinds are those of a timeline, with how often each came in a row.
func kinds(j journal.Job) string {
	var s []string
	for _, step := range j.Timeline {
		kind := string(step.Kind)
		if step.Times > 1 {
			kind += fmt.Sprint("*", step.Times)
		}
		s = append(s, kind)
	}
	return strings.Join(s, " ")
}

// store keeps jobs in memory, and fails on demand.
type store struct {
	mu     sync.Mutex
	broken bool
	during func() // happens while jobs are saved
	rows   map[int64][]byte
	saves  []map[int64][]byte // what each call brought
	forgot [][]int64
}

var errBroken = errors.New("the disk is full")

// SaveJobs implements [journal.Store].
func (s *store) SaveJobs(_ context.Context, jobs map[int64][]byte, forgotten []int64) error {
	if s.during != nil {
		s.during()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken {
		return errBroken
	}
	if s.rows == nil {
		s.rows = map[int64][]byte{}
	}
	maps.Copy(s.rows, jobs)
	for _, id := range forgotten {
		delete(s.rows, id)
	}
	s.saves, s.forgot = append(s.saves, jobs), append(s.forgot, forgotten)
	return nil
}

func (s *store) setBroken(broken bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = broken
}

// ids are those of the jobs that are stored.
func (s *store) ids() []int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.rows))
}

func (s *store) has(id int64) bool { return slices.Contains(s.ids(), id) }

// LoadJobs implements [journal.Store].
func (s *store) LoadJobs(context.Context) (map[int64][]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken {
		return nil, errBroken
	}
	return maps.Clone(s.rows), nil
}

// run runs the journal while f does.
func (w *world) run(f func()) {
	ctx, stop := context.WithCancel(context.Background())
	var g sync.WaitGroup
	g.Go(func() { w.Run(ctx) })
	f()
	stop()
	g.Wait()
}
