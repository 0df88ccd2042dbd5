package reconcile_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/reconcile"
)

// ended adds n machines of a job that are over, and whose registrations are gone.
func (w *world) ended(job int64, n int) {
	for range n {
		w.machine(job, time.Hour)
		m := &w.machines[len(w.machines)-1]
		m.ID, m.RunnerID, m.State = fmt.Sprint("i-", job, "-", len(w.machines)), 1000+int64(len(w.machines)), provisioner.MachineEnded
	}
}

// A type whose labels include another's lends its machines to the other's jobs.
func TestAJobWhoseMachinesWereWellButTakenIsNotGivenUp(t *testing.T) {
	for _, how := range []string{"they are still busy", "they have ended since", "a webhook told of them"} {
		t.Run(how, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &world{}
				w.queue(1)
				s := newSweeper(w, reconcile.Config{})
				for g := range 6 {
					j := provisioner.Job{ID: 1, RunAttempt: 1, Generation: g + 1}
					name, id := provisioner.RunnerName("linux", j), int64(101+g)
					want := "start " + name
					for stolen := 101; stolen < int(id); stolen++ {
						want += fmt.Sprint(" beside ", stolen)
					}
					if how != "they are still busy" {
						want = "start grp-linux-1-1" // the thief is done with the name
					}
					if did := sweeps(t, w, s, 2); did[1] != want {
						t.Fatalf("machine %d: %q, want %q", g+1, did, want)
					}
					w.machine(1, time.Minute)
					m := &w.machines[g]
					m.ID, m.RunnerName, m.RunnerID = fmt.Sprint("i-", g), name, id
					w.runners = append(w.runners, provisioner.Runner{ID: id, Name: name, Online: true, Busy: true, Labels: []string{"grp-deployment-mine"}})
					switch how {
					case "they have ended since":
						sweeps(t, w, s, 1)
						w.runners, m.State = nil, provisioner.MachineEnded
					case "a webhook told of them": // the job was so short that no sweep saw it
						s.JobTaken(id, 2)
						w.runners, m.State = nil, provisioner.MachineEnded
					}
				}
			})
		})
	}
}

func TestWhatWasGivenUpStaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		kept := store{}
		w.queue(1)
		w.ended(1, 4)
		s := newSweeper(w, reconcile.Config{Store: kept})
		did := sweeps(t, w, s, 3)
		w.machines = nil // EC2 shows them for an hour
		did = append(did, sweeps(t, w, s, 3)...)
		w.jobsErr = provisioner.ErrUnavailable // for hours nobody can tell whether it waits
		for range 3 {
			if _, err := s.Sweep(t.Context()); err == nil {
				t.Error("a sweep that could not read the jobs was complete")
			}
			time.Sleep(time.Hour)
		}
		w.jobsErr = nil
		did = append(did, sweeps(t, w, s, 3)...)
		did = append(did, sweeps(t, w, newSweeper(w, reconcile.Config{Store: kept}), 3)...)
		if got := strings.Join(did, ""); got != "" {
			t.Errorf("a job that was given up: %q", did)
		}
		w.jobs = nil
		time.Sleep(26 * time.Hour)
		s = newSweeper(w, reconcile.Config{Store: kept})
		sweeps(t, w, s, 1)
		w.queue(2)
		w.ended(2, 1)
		sweeps(t, w, s, 1)
		if strings.Contains(kept["trials"], `"1-1"`) || !strings.Contains(kept["trials"], `"2-1"`) {
			t.Errorf("a day later it is still remembered: %s", kept["trials"])
		}
	})
}

func TestAMachineThatSomebodyEndedIsNoBrokenType(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		s := newSweeper(w, reconcile.Config{BreakAfter: 1})
		w.launch(1, time.Minute, provisioner.Runner{})
		w.machines[0].State, w.machines[0].Terminated = provisioner.MachineEnded, true
		sweeps(t, w, s, 1)
		if w.broken["linux"] {
			t.Error("a machine that was ended by hand before it registered counts as one that never came up")
		}
	})
}

func TestOnlyReplacementsOfMachinesThatFailedAreCountedAsSuch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		w.queue(1, 2)
		w.launch(1, time.Minute, provisioner.Runner{Online: true, Busy: true}) // stolen
		w.ended(2, 1)
		s := newSweeper(w, reconcile.Config{})
		replaced, started := 0, 0
		for range 2 {
			r, err := s.Sweep(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			replaced, started = replaced+r.Replaced, started+r.Requeued
			time.Sleep(interval)
		}
		if replaced != 1 || started != 2 {
			t.Errorf("%d of %d were replacements, want 1 of 2", replaced, started)
		}
	})
}

func TestAPanicOfAProviderStopsNoSweep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		w.launch(1, 7*time.Hour, provisioner.Runner{Online: true})
		w.launch(2, 7*time.Hour, provisioner.Runner{Online: true})
		w.panics = map[string]int{"list": 1, "terminate i-1": 2}
		did := sweeps(t, w, newSweeper(w, reconcile.Config{}), 4)
		if want := []string{"error", "error, remove 101, remove 102, terminate i-2", "error, remove 101", "remove 101, terminate i-1"}; !slices.Equal(did, want) {
			t.Errorf("the sweeps did %q, want %q", did, want)
		}
	})
}

// A registration whose answer was lost may take effect when the sweeps have found nothing there.
func TestARegistrationThatTurnsUpLateInAQuietRepositoryGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		s := newSweeper(w, reconcile.Config{})
		sweeps(t, w, s, 5)
		s.MarkActive(app)
		sweeps(t, w, s, 1)
		w.launch(1, time.Minute, provisioner.Runner{})
		w.machines = nil
		if did := sweeps(t, w, s, 2); !slices.Equal(did, []string{"", "remove 101"}) {
			t.Errorf("the sweeps did %q", did)
		}
	})
}

// GitHub calls a job queued for a while after its own runner took it. A webhook may say that the
// runner took another job, and then nobody has to wait; what it says otherwise GitHub says better.
func TestABusyRunnerIsItsOwnJobsForAsLongAsGitHubMayLag(t *testing.T) {
	const replaced = "start grp-linux-1-1-2 beside 101"
	for name, c := range map[string]struct {
		took int64
		want []string // every 10 s
	}{
		"no webhook came":            {0, []string{"", "", "", replaced}},
		"it took another job":        {2, []string{"", replaced}},
		"it took this job, they say": {1, []string{"", "", "", replaced}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &world{}
				w.queue(1)
				w.launch(1, time.Minute, provisioner.Runner{Online: true, Busy: true})
				s := newSweeper(w, reconcile.Config{})
				s.JobTaken(101, c.took)
				for i, want := range c.want {
					w.did = nil
					if _, err := s.Sweep(t.Context()); err != nil {
						t.Fatal(err)
					}
					if got := strings.Join(w.did, ", "); got != want {
						t.Errorf("sweep %d did %q, want %q", i+1, got, want)
					}
					time.Sleep(10 * time.Second)
				}
			})
		})
	}
}

// Sweeps may follow each other quickly; what is on its way still has its time.
func TestARegistrationOnItsWayHasItsTimeHoweverOftenSweepsCome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		w.launch(1, time.Hour, provisioner.Runner{})
		w.machines = nil
		s := newSweeper(w, reconcile.Config{})
		begun := time.Now()
		for len(w.did) == 0 && time.Since(begun) < time.Minute {
			if _, err := s.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		if took := time.Since(begun); took < 20*time.Second || took > 25*time.Second {
			t.Errorf("%q after %s, want a removal after 20 s", w.did, took)
		}
	})
}

// The worker takes over a dead registration that the sweep can't remove.
func TestAJobWhoseRegistrationCanNotBeRemovedIsTakenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{removeErr: provisioner.ErrUnavailable}
		w.queue(1)
		w.launch(1, time.Hour, provisioner.Runner{})
		w.machines = nil
		if did := sweeps(t, w, newSweeper(w, reconcile.Config{}), 3); !strings.Contains(did[2], "start grp-linux-1-1") {
			t.Errorf("the sweeps did %q", did)
		}
	})
}

func TestOnlyMachinesInARowThatNeverComeUpBreakAType(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		s := newSweeper(w, reconcile.Config{BreakAfter: 5})
		for round := range int64(3) {
			for i := range int64(4) {
				w.launch(10*round+i+1, 6*time.Minute, provisioner.Runner{})
			}
			sweeps(t, w, s, 2)
			if w.broken["linux"] {
				t.Fatalf("four machines in a row did not come up, for the %d. time, and the type is broken", round+1)
			}
			w.launch(10*round+9, time.Minute, provisioner.Runner{Online: true, Busy: true})
			sweeps(t, w, s, 1)
		}
	})
}
