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
			[]string{"", "start grp-linux-1-1-2 beside 101"},
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
		{
			"one that takes a job at the last moment stays",
			func(w *world) { w.launch(1, time.Hour, online); w.turnsBusy = map[int64]bool{101: true} },
			[]string{"", "", ""},
		},
		{
			"so does one that comes up and takes a job when its deadline is over",
			func(w *world) {
				w.queue(1)
				w.launch(1, 6*time.Minute, booting)
				w.turnsBusy = map[int64]bool{101: true}
			},
			[]string{"", "start grp-linux-1-1", "start grp-linux-1-1"},
		},
		{
			"and a registration without a machine in the lists that does",
			func(w *world) {
				w.launch(1, time.Hour, booting)
				w.machines = nil
				w.turnsBusy = map[int64]bool{101: true}
			},
			[]string{"", "", ""},
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
			"one whose machine is listed as ended goes at once, and its job gets another",
			func(w *world) {
				w.queue(1)
				w.launch(1, time.Minute, booting)
				w.machines[0].State = provisioner.MachineEnded
			},
			[]string{"remove 101", "start grp-linux-1-1"},
		},
		{
			"another deployment's stays, as does that of a version before deployments",
			func(w *world) {
				w.launch(1, time.Hour, booting)
				w.launch(2, time.Hour, booting)
				w.machines = nil
				w.runners[0].Labels = []string{"linux", "grp-deployment-theirs"}
				w.runners[1].Labels = []string{"linux"}
			},
			[]string{"", "", ""},
		},
		{
			"a machine of a repository that has lost its name to another one is left to its lifetime",
			func(w *world) {
				w.machine(1, 5*time.Hour+58*time.Minute)
				w.machines[0].RepositoryID, w.repositoryID = 7, 8
			},
			[]string{"", "error", "error", "remove 101, terminate i-1"},
		},
		{
			"one of a repository whose number is the same, or can't be known, is not",
			func(w *world) { w.machine(1, time.Hour); w.machines[0].RepositoryID, w.repositoryID = 7, 0 },
			[]string{"", "terminate i-1", ""},
		},
		{
			"a machine that waits in its provider's queue is neither late nor old",
			func(w *world) {
				w.queue(1)
				w.launch(1, 7*time.Hour, booting)
				w.machines[0].State = provisioner.MachineQueued
			},
			[]string{"", "", ""},
		},
		{
			"its boot deadline begins when it begins to run",
			func(w *world) {
				w.queue(1)
				w.launch(1, 7*time.Hour, booting)
				w.machines[0].StartedAt = time.Now().Add(-4 * time.Minute)
			},
			[]string{"", "remove 101, terminate i-1"},
		},
		{
			"a machine that waits there and that nobody needs goes",
			func(w *world) { w.launch(1, time.Hour, booting); w.machines[0].State = provisioner.MachineQueued },
			[]string{"", "remove 101, terminate i-1", ""},
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
			func(w *world) {
				w.launch(1, time.Hour, online)
				w.launch(2, time.Hour, booting)
				w.machine(3, time.Hour)
				w.runnersErr = provisioner.ErrUnavailable
			},
			[]string{"error", "error", "error"},
		},
		{
			"nothing is removed while the jobs can't be listed",
			func(w *world) {
				w.launch(1, time.Hour, online)
				w.launch(2, time.Hour, booting)
				w.machine(3, time.Hour)
				w.jobsErr = provisioner.ErrUnavailable
			},
			[]string{"error", "error", "error"},
		},
		{
			"but a lifetime ends whatever GitHub says",
			func(w *world) {
				w.launch(1, 7*time.Hour, busy)
				w.runnersErr, w.jobsErr = provisioner.ErrUnavailable, provisioner.ErrUnavailable
			},
			[]string{"error, terminate i-1", "error"},
		},
		{
			"and whether or not the registration can be removed",
			func(w *world) { w.launch(1, 7*time.Hour, online); w.removeErr = provisioner.ErrUnavailable },
			[]string{"terminate i-1"},
		},
		{
			"the registration of a machine that is too old goes before it",
			func(w *world) { w.launch(1, 7*time.Hour, online) },
			[]string{"remove 101, terminate i-1", ""},
		},
		{
			"a repository that GitHub refuses us is left alone, and is no reason not to look after the rest",
			func(w *world) {
				w.launch(1, time.Hour, online)
				w.jobsErr = &provisioner.GitHubError{Err: provisioner.ErrRefused}
			},
			[]string{"", "", ""},
		},
		{
			"a queue that can't store jobs makes the sweep incomplete",
			func(w *world) { w.queue(1, 2); w.doErr = provisioner.ErrUnavailable },
			[]string{"", "error, try 1, try 2", "error, try 1, try 2"},
		},
		{
			"a job that waits in the queue already does not wait there twice",
			func(w *world) { w.queue(1, 2); w.waits = map[int64]bool{1: true} },
			[]string{"", "start grp-linux-2-1", "start grp-linux-2-1"},
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
