package reconcile_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/reconcile"
)

// heard are the events that somebody heard.
type heard []provisioner.Event

func (h *heard) Observe(_ context.Context, e provisioner.Event) { *h = append(*h, e) }

// told are the events since the last call, as "kind job machine because".
func (h *heard) told() string {
	var s []string
	for _, e := range *h {
		s = append(s, strings.Join(strings.Fields(fmt.Sprintf("%s %d %s %s", e.Kind, e.Job.ID, e.Machine.ID, e.Reason.Because)), " "))
	}
	*h = nil
	slices.Sort(s)
	return strings.Join(s, ", ")
}

// TestASweepSaysWhatBecomesOfJobs is of jobs and their machines, and of what each sweep says of
// them.
func TestASweepSaysWhatBecomesOfJobs(t *testing.T) {
	online := provisioner.Runner{Online: true}
	busy := provisioner.Runner{Online: true, Busy: true}
	booting := provisioner.Runner{}
	for _, c := range []struct {
		name  string
		world func(w *world, s *reconcile.Sweeper)
		want  []string // what each sweep says
	}{
		{"nothing of a job that is on its way", func(w *world, _ *reconcile.Sweeper) { w.queue(1); w.launch(1, time.Minute, booting) }, []string{"", ""}},
		{
			"that a runner is online, as long as it is", func(w *world, _ *reconcile.Sweeper) { w.queue(1); w.launch(1, time.Minute, online) },
			[]string{"online 1 i-1", "online 1 i-1"},
		},
		{"or busy with the job", func(w *world, s *reconcile.Sweeper) { w.launch(1, time.Minute, busy); s.JobTaken(101, 1) }, []string{"online 1 i-1", "online 1 i-1"}},
		{
			"that a runner has another job, as a webhook told", func(w *world, s *reconcile.Sweeper) {
				w.queue(1)
				w.launch(1, time.Minute, busy)
				s.JobTaken(101, 2)
			},
			[]string{"machine_lost 1 i-1 stolen", "machine_lost 1 i-1 stolen, requeued 1"},
		},
		{
			"that a machine did not come up in time, and that its job is in the queue again",
			func(w *world, _ *reconcile.Sweeper) { w.queue(1); w.launch(1, 6*time.Minute, booting) },
			[]string{"machine_lost 1 i-1 machine_lost", "requeued 1", "requeued 1"},
		},
		{
			"nothing of one that takes a job at the last moment",
			func(w *world, _ *reconcile.Sweeper) {
				w.launch(1, 6*time.Minute, booting)
				w.turnsBusy = map[int64]bool{101: true}
			},
			[]string{"", ""},
		},
		{
			"that a machine's registration is gone", func(w *world, _ *reconcile.Sweeper) { w.queue(1); w.machine(1, time.Minute) },
			[]string{"", "machine_lost 1 i-1 machine_lost, requeued 1"},
		},
		{
			"that a machine is too old", func(w *world, _ *reconcile.Sweeper) { w.launch(1, 7*time.Hour, busy) },
			[]string{"machine_lost 1 i-1 machine_lost, online 1 i-1", ""},
		},
		{
			"that nobody needs a machine", func(w *world, _ *reconcile.Sweeper) { w.launch(1, time.Minute, online) },
			[]string{"online 1 i-1", "machine_lost 1 i-1 gone, online 1 i-1", ""},
		},
		{
			"that a machine ended before its runner was online, once",
			func(w *world, _ *reconcile.Sweeper) {
				w.queue(1)
				w.machine(1, time.Minute)
				w.machines[0].State = provisioner.MachineEnded
			},
			[]string{"machine_lost 1 i-1 machine_lost", "requeued 1", "requeued 1"},
		},
		{
			"nothing of a machine that ended after its job", func(w *world, _ *reconcile.Sweeper) {
				w.machine(1, time.Minute)
				w.machines[0].State = provisioner.MachineEnded
			},
			[]string{"", ""},
		},
		{
			"that a job that somebody has in hand is not put into the queue", func(w *world, _ *reconcile.Sweeper) { w.queue(1, 2); w.waits = map[int64]bool{1: true} },
			[]string{"", "requeued 2", "requeued 2"},
		},
		{
			"that a job is given up, once", func(w *world, _ *reconcile.Sweeper) { w.queue(1); w.ended(1, 4) },
			[]string{"machine_lost 1 i-1-1 machine_lost, machine_lost 1 i-1-2 machine_lost, machine_lost 1 i-1-3 machine_lost, machine_lost 1 i-1-4 machine_lost", "given_up 1 never_came_up", ""},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, h := &world{}, heard{}
				s := newSweeper(w, reconcile.Config{Events: &h})
				c.world(w, s)
				for i, want := range c.want {
					sweeps(t, w, s, 1)
					for _, e := range h {
						if e.RunnerType != "linux" || e.Job.Repository != app || e.Kind != provisioner.EventGivenUp && e.Provider != "cloud" {
							t.Errorf("event %+v", e)
						}
					}
					if got := h.told(); got != want {
						t.Errorf("sweep %d says %q, want %q", i+1, got, want)
					}
				}
			})
		})
	}
}

// TestWhyAMachineIsLostIsSaid compares the sentences that a job's page shows.
func TestWhyAMachineIsLostIsSaid(t *testing.T) {
	lost := func(detail string) string {
		return "Its machine i-1 did not serve it (" + detail + "): another one is launched within two sweeps of the reconciler."
	}
	for name, c := range map[string]struct {
		world func(w *world, s *reconcile.Sweeper)
		want  string
	}{
		"its boot deadline": {func(w *world, _ *reconcile.Sweeper) { w.launch(1, 6*time.Minute, provisioner.Runner{}) }, lost("its runner was not online within its boot deadline")},
		"its registration":  {func(w *world, _ *reconcile.Sweeper) { w.machine(1, time.Minute) }, lost("its registration is gone")},
		"its lifetime":      {func(w *world, _ *reconcile.Sweeper) { w.launch(1, 7*time.Hour, provisioner.Runner{}) }, lost("its lifetime is over")},
		"it was never up": {func(w *world, _ *reconcile.Sweeper) {
			w.machine(1, time.Minute)
			w.machines[0].State = provisioner.MachineEnded
		}, lost("it ended before its runner was online")},
		"it is another job's": {func(w *world, s *reconcile.Sweeper) {
			w.launch(1, time.Minute, provisioner.Runner{Busy: true, Online: true})
			s.JobTaken(101, 9)
		}, "GitHub gave the runner of its machine i-1 to another job: another one is launched within two sweeps of the reconciler."},
		"nobody needs it":    {func(w *world, _ *reconcile.Sweeper) { w.jobs = nil; w.launch(1, time.Minute, provisioner.Runner{}) }, "It does not wait any more: it was cancelled, or ran elsewhere."},
		"four were never up": {func(w *world, _ *reconcile.Sweeper) { w.ended(1, 4) }, "It was given up: none of its 4 machines came up. Somebody has to mend the image, start-up script or network of linux, and run the job again."},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, h := &world{}, heard{}
				s := newSweeper(w, reconcile.Config{Events: &h})
				w.queue(1)
				c.world(w, s)
				sweeps(t, w, s, 2)
				for _, e := range h {
					if e.Reason.String() == c.want && (e.Kind == provisioner.EventGivenUp || e.Machine.ID == "i-1" && e.Machine.LaunchedAt.Equal(w.machines[0].LaunchedAt)) {
						return
					}
				}
				t.Errorf("nobody says %q: %+v", c.want, h)
			})
		})
	}
}

func TestWhatIsOnlineIsSaidWithItsRunner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, h := &world{}, heard{}
		s := newSweeper(w, reconcile.Config{Events: &h})
		w.queue(1)
		w.launch(1, time.Minute, provisioner.Runner{Online: true})
		w.machines[0].RepositoryID = 77
		w.repositoryID = 77
		sweeps(t, w, s, 1)
		if len(h) != 1 || h[0].Runner.Name != "grp-linux-1-1" || h[0].Runner.ID != 101 || h[0].Job.RepositoryID != 77 || !h[0].At.IsZero() || h[0].Reason != (provisioner.Reason{}) {
			t.Errorf("events %+v", h)
		}
	})
}

func TestAJobThatCantBeQueuedIsNotSaidToBe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, h := &world{doErr: provisioner.ErrUnavailable}, heard{}
		s := newSweeper(w, reconcile.Config{Events: &h})
		w.queue(1)
		if did := sweeps(t, w, s, 2); did[1] != "error, try 1" || h.told() != "" {
			t.Errorf("it did %q and said %v", did, h)
		}
	})
}

// mute is a provider that can't list its machines.
type mute struct{ provisioner.Provider }

// providers has further providers beside the world's own.
type providers struct {
	*world
	more map[string]provisioner.Provider
}

func (p providers) Providers() map[string]provisioner.Provider {
	all := p.world.Providers()
	maps.Copy(all, p.more)
	return all
}

func TestAReportNamesTheMachinesThatAreAlive(t *testing.T) {
	for name, c := range map[string]struct {
		world    func(w *world)
		more     map[string]provisioner.Provider
		alive    []string // machine and state
		unlisted []string
	}{
		"of every state": {
			world: func(w *world) {
				w.queue(1, 2, 3)
				w.launch(1, time.Minute, provisioner.Runner{})
				w.launch(2, 2*time.Minute, provisioner.Runner{Online: true})
				w.launch(3, 3*time.Minute, provisioner.Runner{Online: true, Busy: true})
				w.machine(4, 4*time.Minute)
				w.machine(5, 5*time.Minute)
				w.machines[4].State = provisioner.MachineEnded
				w.machine(6, 6*time.Minute)
				w.machines[5].Type = "retired"
			},
			alive: []string{"i-6 unknown", "i-4 dead", "i-3 busy", "i-2 idle", "i-1 booting"},
		},
		"of a provider that can't be listed now": {
			world: func(w *world) { w.launch(1, time.Minute, provisioner.Runner{}); w.listErr = provisioner.ErrUnavailable }, unlisted: []string{"cloud"},
		},
		"of a provider that can't be listed at all": {
			world: func(w *world) { w.queue(1); w.launch(1, time.Minute, provisioner.Runner{}) }, more: map[string]provisioner.Provider{"farm": mute{}},
			alive: []string{"i-1 booting"}, unlisted: []string{"farm"},
		},
		"of both": {
			world: func(w *world) { w.listErr = provisioner.ErrUnavailable }, more: map[string]provisioner.Provider{"farm": mute{}, "barn": mute{}}, unlisted: []string{"barn", "cloud", "farm"},
		},
		"when GitHub can't be asked": {
			world: func(w *world) {
				w.launch(1, time.Minute, provisioner.Runner{})
				w.runnersErr = provisioner.ErrUnavailable
			}, alive: []string{"i-1 unknown"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &world{}
				c.world(w)
				s := reconcile.New(providers{w, c.more}, w, w, w, reconcile.Config{Repositories: []provisioner.Repository{app}})
				r, _ := s.Sweep(t.Context())
				var alive []string
				for _, m := range r.Alive {
					alive = append(alive, m.ID+" "+string(m.State))
					if m.Provider != "cloud" || m.RunnerName == "" || m.LaunchedAt.IsZero() {
						t.Errorf("machine %+v", m)
					}
				}
				if diff := cmp.Diff(c.alive, alive); diff != "" {
					t.Error(diff)
				}
				if diff := cmp.Diff(c.unlisted, r.Unlisted); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}
