package reconcile_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
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
	broken   map[string]bool
	doErr    error

	jobsErr, runnersErr, listErr error

	did []string
}

func (w *world) do(format string, args ...any) { w.did = append(w.did, fmt.Sprintf(format, args...)) }

// The engine.

func (w *world) TypeFor(j provisioner.Job) (provisioner.RunnerType, error) {
	if slices.Equal(j.Labels, linux.Labels) {
		return linux, nil
	}
	return provisioner.RunnerType{}, provisioner.ErrNoRunnerType
}
func (w *world) Types() []provisioner.RunnerType { return []provisioner.RunnerType{linux} }
func (w *world) Providers() map[string]provisioner.Provider {
	return map[string]provisioner.Provider{"cloud": w}
}

// The cloud.

func (w *world) Launch(context.Context, provisioner.Launch) (provisioner.Machine, error) {
	panic("the reconciler launches nothing by itself")
}

func (w *world) List(context.Context) ([]provisioner.Machine, error) {
	return slices.Clone(w.machines), w.listErr
}

func (w *world) Terminate(_ context.Context, m provisioner.Machine) error {
	w.do("terminate %s", m.ID)
	for i := range w.machines {
		if w.machines[i].ID == m.ID {
			w.machines[i].State = provisioner.MachineEnded
		}
	}
	return nil
}

// GitHub.

func (w *world) QueuedJobs(_ context.Context, r provisioner.Repository, _ bool) ([]provisioner.Job, bool, error) {
	var jobs []provisioner.Job
	for _, j := range w.jobs {
		if j.Repository == r {
			jobs = append(jobs, j)
		}
	}
	return jobs, true, w.jobsErr
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

func (w *world) Runners(_ context.Context, t provisioner.Target) ([]provisioner.Runner, error) {
	if t != target {
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
	for i, r := range w.runners {
		if r.ID == id && r.Busy {
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

func (w *world) Attempt(_ context.Context, j provisioner.Job, _ time.Time) (provisioner.Outcome, error) {
	if w.doErr != nil {
		w.do("try %d", j.ID)
		return provisioner.Outcome{}, w.doErr
	}
	w.do("start %s", provisioner.RunnerName("linux", j))
	return provisioner.Outcome{Status: provisioner.StatusLaunched, Machine: provisioner.Machine{ID: "i-new"}}, nil
}
func (w *world) Attempting(j provisioner.Job) bool                        { return w.attempts[j.ID] }
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
	r.ID, r.Name = job+100, name
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

func TestSweep(t *testing.T) {
	online := provisioner.Runner{Online: true}
	busy := provisioner.Runner{Online: true, Busy: true}
	booting := provisioner.Runner{}
	for _, c := range []struct {
		name  string
		world func(w *world)
		want  []string // what each sweep does
	}{
		{"nothing is to be done where nothing is", func(*world) {}, []string{"", ""}},
		{"a queued job without a machine gets one in the second sweep", func(w *world) { w.queue(1) }, []string{"", "start grp-linux-1-1"}},
		{"and not more than one for each job", func(w *world) { w.queue(1, 2) }, []string{"", "start grp-linux-1-1, start grp-linux-2-1"}},
		{"a job whose machine boots has one", func(w *world) { w.queue(1); w.launch(1, time.Minute, booting) }, []string{"", "", ""}},
		{"a job whose machine is online has one", func(w *world) { w.queue(1); w.launch(1, time.Hour, online) }, []string{"", "", ""}},
		{"an idle machine of another job serves as well", func(w *world) { w.queue(1); w.launch(2, time.Hour, online) }, []string{"", "", ""}},
		{"a job that is being attempted has none coming twice", func(w *world) { w.queue(1); w.attempts = map[int64]bool{1: true} }, []string{"", "", ""}},
		{
			"a job whose runner took another job gets a replacement under another name",
			func(w *world) { w.queue(1); w.launch(1, time.Hour, busy) },
			[]string{"", "start grp-linux-1-1-2"},
		},
		{
			"a machine that never came up goes, and its job gets another under the same name",
			func(w *world) { w.queue(1); w.launch(1, 6*time.Minute, booting) },
			[]string{"remove 101, terminate i-1", "start grp-linux-1-1"},
		},
		{
			"a job whose machines never come up gets no more than three replacements",
			func(w *world) {
				w.queue(1)
				for i := range 4 {
					w.machine(1, time.Hour)
					w.machines[i].ID, w.machines[i].State = fmt.Sprint("i-", i), provisioner.MachineEnded
				}
			},
			[]string{"", "", ""},
		},
		{
			"a machine that nobody needs goes in the second sweep, its registration first",
			func(w *world) { w.launch(1, time.Hour, online) },
			[]string{"", "remove 101, terminate i-1", ""},
		},
		{
			"so does one that still boots, when its job was cancelled",
			func(w *world) { w.launch(1, time.Minute, booting) },
			[]string{"", "remove 101, terminate i-1", ""},
		},
		{
			"one whose own job waits in truth, although the list does not show it yet, stays",
			func(w *world) {
				w.launch(1, time.Minute, online)
				w.states = map[int64]provisioner.JobState{1: provisioner.JobWaiting}
			},
			[]string{"", "", ""},
		},
		{
			"of two machines for one job the one goes whose own job is over",
			func(w *world) { w.queue(2); w.launch(1, time.Hour, online); w.launch(2, time.Hour, online) },
			[]string{"", "remove 101, terminate i-1", ""},
		},
		{"a busy machine stays, whatever else", func(w *world) { w.launch(1, time.Hour, busy) }, []string{"", "", ""}},
		{"at the end of its lifetime it goes all the same", func(w *world) { w.launch(1, 7*time.Hour, busy) }, []string{"terminate i-1", ""}},
		{
			"a machine whose registration is gone goes in the second sweep: after a job it ends by itself",
			func(w *world) { w.machine(1, time.Hour) },
			[]string{"", "terminate i-1", ""},
		},
		{
			"a registration without a machine goes when it has been so for two sweeps",
			func(w *world) { w.launch(1, time.Hour, booting); w.machines = nil },
			[]string{"", "remove 101", ""},
		},
		{
			"one that an attempt here is about to use stays",
			func(w *world) {
				w.launch(1, time.Hour, booting)
				w.machines = nil
				w.queue(1)
				w.attempts = map[int64]bool{1: true}
			},
			[]string{"", "", ""},
		},
		{
			"a registration that is online stays, even if its machine is in no list",
			func(w *world) { w.launch(1, time.Hour, online); w.machines = nil },
			[]string{"", "", ""},
		},
		{
			"runners that are not ours by name stay",
			func(w *world) {
				w.runners = []provisioner.Runner{{ID: 1, Name: "my-runner"}, {ID: 2, Name: "grp-other-1-1"}, {ID: 3, Name: "grp-linux-x"}}
			},
			[]string{"", "", ""},
		},
		{
			"a job of labels that nobody serves is nobody's business",
			func(w *world) { w.queue(1); w.jobs[0].Labels = []string{"ubuntu-latest"} },
			[]string{"", "", ""},
		},
		{
			"nothing is removed while the machines can't be listed",
			func(w *world) { w.launch(1, 7*time.Hour, online); w.listErr = provisioner.ErrUnavailable },
			[]string{"error", "error", "error"},
		},
		{
			"nothing is removed while the runners can't be listed",
			func(w *world) { w.launch(1, 7*time.Hour, online); w.runnersErr = provisioner.ErrUnavailable },
			[]string{"error", "error", "error"},
		},
		{
			"nothing is removed while the jobs can't be listed",
			func(w *world) { w.launch(1, 7*time.Hour, online); w.jobsErr = provisioner.ErrUnavailable },
			[]string{"error", "error", "error"},
		},
		{
			"a repository that GitHub refuses us is left alone, and is no reason not to look after the rest",
			func(w *world) {
				w.launch(1, time.Hour, online)
				w.jobsErr = &provisioner.RegistrationError{Err: provisioner.ErrRefused}
			},
			[]string{"", "", ""},
		},
		{
			"when one job is held back, those behind it are not tried",
			func(w *world) { w.queue(1, 2); w.doErr = provisioner.ErrCapacity },
			[]string{"", "try 1", "try 1"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &world{}
				c.world(w)
				if did := sweeps(t, w, newSweeper(w, reconcile.Config{}), len(c.want)); !slices.Equal(did, c.want) {
					t.Errorf("the sweeps did\n %q, want\n %q", did, c.want)
				}
			})
		})
	}
}

func TestAJobThatIsGivenUpIsReportedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		var log bytes.Buffer
		s := newSweeper(w, reconcile.Config{Replacements: 1, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		w.queue(1)
		for i := range 2 {
			w.machine(1, time.Hour)
			w.machines[i].ID, w.machines[i].State = fmt.Sprint("i-", i), provisioner.MachineEnded
		}
		reported := 0
		for range 4 {
			r, err := s.Sweep(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			reported += r.GivenUp
		}
		if told := strings.Count(log.String(), "level=ERROR"); reported != 1 || told != 1 {
			t.Errorf("it was reported %d times, and told %d times:\n%s", reported, told, log.String())
		}
	})
}

func TestATypeWhoseMachinesNeverComeUpIsBrokenUntilOneDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		var log bytes.Buffer
		s := newSweeper(w, reconcile.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
		for i := range int64(5) {
			if w.broken["linux"] {
				t.Fatalf("broken after %d machines", i)
			}
			w.queue(i + 1)
			w.launch(i+1, 6*time.Minute, provisioner.Runner{})
			sweeps(t, w, s, 1)
		}
		if !w.broken["linux"] {
			t.Error("five machines in a row never registered, and the type is not broken")
		}
		if !strings.Contains(log.String(), "level=ERROR") {
			t.Errorf("nobody is told:\n%s", log.String())
		}
		w.launch(9, time.Minute, provisioner.Runner{Online: true})
		sweeps(t, w, s, 1)
		if w.broken["linux"] {
			t.Error("a machine came up, and the type is still broken")
		}
	})
}

func TestAMachineThatEndedBeforeItRegisteredCountsAsOneThatNeverCameUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		s := newSweeper(w, reconcile.Config{BreakAfter: 1})
		w.launch(1, time.Minute, provisioner.Runner{})
		w.machines[0].State = provisioner.MachineEnded
		sweeps(t, w, s, 1)
		if !w.broken["linux"] {
			t.Error("it does not")
		}
	})
}

func TestSweepGivesWayToLaunchesWhenTheQuotaIsLow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		w.queue(1)
		remaining := 499
		s := newSweeper(w, reconcile.Config{Quota: func() (int, int, time.Time) { return remaining, 5000, time.Now().Add(10 * time.Minute) }})
		r, err := s.Sweep(t.Context())
		if err != nil || r.PutOff != 10*time.Minute {
			t.Errorf("report %+v, %v", r, err)
		}
		remaining = 500
		if did := sweeps(t, w, s, 2); did[1] == "" {
			t.Error("with a tenth of the quota left nothing is done")
		}
	})
}

// log is a delivery log with two failed deliveries.
type log struct {
	asked       []string
	redelivered []int64
	fail        error
}

func (l *log) Name() string { return "octo-org/1" }

func (l *log) Failed(_ context.Context, after string) ([]int64, string, error) {
	l.asked = append(l.asked, after)
	if after == "12" {
		return nil, "12", nil
	}
	return []int64{11, 12}, "12", nil
}

func (l *log) Redeliver(_ context.Context, id int64) error {
	if l.fail != nil && id == 12 {
		return l.fail
	}
	l.redelivered = append(l.redelivered, id)
	return nil
}

// store is kept by a map.
type store map[string]string

func (n store) Get(_ context.Context, key string) (string, bool, error) {
	v, ok := n[key]
	return v, ok, nil
}

func (n store) Put(_ context.Context, key, value string) error {
	n[key] = value
	return nil
}

func TestFailedDeliveriesAreProcessedOnceAcrossRestarts(t *testing.T) {
	for _, c := range []struct {
		name  string
		store reconcile.Store
	}{{"with a store", store{}}, {"in memory", nil}} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, l := &world{}, &log{fail: provisioner.ErrUnavailable}
				s := newSweeper(w, reconcile.Config{Deliveries: []reconcile.DeliveryLog{l}, Store: c.store})
				if did := sweeps(t, w, s, 1); did[0] != "error" {
					t.Error("a delivery that can't be processed is no error")
				}
				l.fail = nil
				if r, err := s.Sweep(t.Context()); err != nil || r.Recovered != 2 {
					t.Errorf("report %+v, %v", r, err)
				}
				if c.store != nil {
					s = newSweeper(w, reconcile.Config{Deliveries: []reconcile.DeliveryLog{l}, Store: c.store})
				}
				sweeps(t, w, s, 1)
				if want := []string{"", "", "12"}; !slices.Equal(l.asked, want) {
					t.Errorf("the log was read after %q, want %q", l.asked, want)
				}
			})
		})
	}
}

func TestRepositoriesSeenAreLookedAfterAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := store{}
		w := &world{}
		s := reconcile.New(w, w, w, w, reconcile.Config{Store: n})
		s.MarkActive(app)
		sweeps(t, w, s, 1)
		w.queue(1)
		s = reconcile.New(w, w, w, w, reconcile.Config{Store: n})
		if did := sweeps(t, w, s, 2); did[1] != "start grp-linux-1-1" {
			t.Errorf("after a restart the sweeps did %q", did)
		}
	})
}

func TestRepositoriesThatAreNotAllowedAreNotServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		w.queue(1)
		s := newSweeper(w, reconcile.Config{Allowed: func(r provisioner.Repository) bool { return r != app }})
		if did := sweeps(t, w, s, 3); did[2] != "" {
			t.Errorf("the sweeps did %q", did)
		}
	})
}

func TestRunSweepsUntilItsContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		w.queue(1)
		ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
		defer cancel()
		newSweeper(w, reconcile.Config{}).Run(ctx, interval)
		if len(w.did) != 1 {
			t.Errorf("in two sweeps: %q", w.did)
		}
	})
}
