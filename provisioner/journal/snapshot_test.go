package journal_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/journal"
)

// sweep is what a sweep sees: machines as "id state", of linux; and providers that it can't list.
func sweep(unlisted []string, machines ...string) step {
	return func(w *world) {
		var seen []journal.Machine
		for _, m := range machines {
			var id, state string
			fmt.Sscan(m, &id, &state) //nolint:errcheck // a state may be missing
			seen = append(seen, journal.Machine{
				Machine: provisioner.Machine{ID: id, Provider: "cloud", Type: "linux", RunnerName: "grp-" + id, LaunchedAt: w.begun, State: provisioner.MachineAlive}, State: journal.MachineState(state),
			})
		}
		w.Swept(time.Now(), seen, unlisted)
	}
}

func TestMachinesAreThoseOfTheLastSweepAndThoseLaunchedSince(t *testing.T) {
	cloud := []string{"cloud"}
	for name, c := range map[string]struct {
		steps []step
		want  string
		state journal.State // of job 1
	}{
		"none":                                     {[]step{accepted}, "", journal.Waiting},
		"one that was launched just now":           {[]step{accepted, launch("i-1")}, "i-1 booting", journal.Booting},
		"one that runs its job before any sweep":   {[]step{accepted, launch("i-1"), started(second, "i-1")}, "i-1 running", journal.Running},
		"one that a sweep does not list yet":       {[]step{sweep(nil), accepted, launch("i-1"), after(minute), sweep(nil)}, "i-1 booting", journal.Booting},
		"one that a sweep lists":                   {[]step{accepted, launch("i-1"), sweep(nil, "i-1 ready")}, "i-1 ready", journal.Booting},
		"one that a webhook says runs since":       {[]step{accepted, launch("i-1"), sweep(nil, "i-1 ready"), started(second, "i-1")}, "i-1 running", journal.Running},
		"one whose job ended since":                {[]step{accepted, launch("i-1"), sweep(nil, "i-1 running"), ended(second, "i-1", "success")}, "i-1 running", journal.Ended},
		"one that ended before any sweep":          {[]step{accepted, launch("i-1"), ended(second, "i-1", "success")}, "", journal.Ended},
		"one of which nothing else is known":       {[]step{sweep(nil, "i-7 unknown"), accepted}, "i-7 unknown", journal.Waiting},
		"one that is in no list any more":          {[]step{accepted, launch("i-1"), sweep(nil, "i-1 booting"), after(3 * minute), sweep(nil)}, "", journal.Waiting},
		"one that was never in any list":           {[]step{accepted, launch("i-1"), after(3 * minute), sweep(nil)}, "", journal.Waiting},
		"one that ran its job":                     {[]step{accepted, launch("i-1"), started(second, "i-1"), after(3 * minute), sweep(nil)}, "", journal.Ended},
		"one whose provider can't be listed":       {[]step{accepted, launch("i-1"), sweep(nil, "i-1 ready"), after(3 * minute), sweep(cloud)}, "i-1 ready", journal.Booting},
		"one whose provider never could be listed": {[]step{accepted, launch("i-1"), started(second, "i-1"), after(3 * minute), sweep(cloud)}, "", journal.Running},
		"another job's, that took this one":        {[]step{accepted, launch("i-1"), started(second, "i-7"), after(3 * minute), sweep(nil, "i-7 running")}, "i-7 running", journal.Running},
		"several, the oldest first":                {[]step{after(second), accepted, launch("i-3"), sweep(nil, "i-2 ready", "i-1 ending")}, "i-1 ending, i-2 ready, i-3 booting", journal.Booting},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(journal.Config{})
				w.do(c.steps...)
				var got []string
				for _, m := range w.Machines() {
					got = append(got, m.ID+" "+string(m.State))
					if m.Type != "linux" || m.Provider != "cloud" || m.RunnerName != "grp-"+m.ID || m.LaunchedAt.IsZero() || !m.Alive() {
						t.Errorf("machine %+v", m)
					}
				}
				if all := strings.Join(got, ", "); all != c.want {
					t.Errorf("machines %q, want %q", all, c.want)
				}
				j := w.explain(t, 1)
				if j.State != c.state {
					t.Errorf("the job is %s, want %s", j.State, c.state)
				}
				if lost := strings.Contains(kinds(j), "machine_lost"); lost != (strings.HasPrefix(name, "one that is in no") || strings.HasPrefix(name, "one that was never") || strings.HasPrefix(name, "one that ran")) {
					t.Errorf("steps %s", kinds(j))
				}
			})
		})
	}
}

func TestASweepThatSeesThatAMachineIsOverSaysSoOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(journal.Config{})
		w.do(accepted, launch("i-1"), sweep(nil, "i-1 booting"), after(2*minute), sweep(nil))
		if j := w.explain(t, 1); j.State != journal.Booting {
			t.Errorf("%s, although lists may lag", j.State)
		}
		w.do(after(second), sweep(nil), after(minute), sweep(nil))
		if j := w.explain(t, 1); !strings.HasSuffix(kinds(j), "launched machine_lost") || !strings.Contains(j.Because(), "Its machine i-1 did not serve it (it is over)") {
			t.Errorf("%s: %s", kinds(j), j.Because())
		}
	})
}

func TestTypesAreCountedInTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		full := provisioner.Reason{Because: provisioner.BecauseMax, Type: "linux", Max: 7}
		w := newWorld(journal.Config{})
		want := types()
		state := func(i int, reason provisioner.Reason, counts ...int) journal.Type {
			t := journal.Type{RunnerType: want[i], Reason: reason}
			for k, n := range counts {
				*[]*int{&t.Waiting, &t.Booting, &t.Ready, &t.Running}[k] = n
			}
			return t
		}
		check := func(what string, linux journal.Type) {
			t.Helper()
			if diff := cmp.Diff([]journal.Type{linux, state(1, provisioner.Reason{})}, w.Types()); diff != "" {
				t.Errorf("%s: %s", what, diff)
			}
		}
		check("nothing", state(0, provisioner.Reason{}))
		w.holds.set("linux", full)
		check("its max, which nobody minds", state(0, provisioner.Reason{}))
		w.holds.set("linux", capacity)
		check("a failure, which is news", state(0, capacity))
		w.holds.set("linux", provisioner.Reason{})

		w.do(after(second), of(2, app, accepted, held(capacity, minute)), after(second), of(3, lib, accepted, engine(provisioner.EventRegistered, "i-3")))
		w.do(of(4, app, accepted, launch("i-4")), of(5, app, accepted, launch("i-5"), started(second, "i-5")), of(6, app, ignored), of(7, app, accepted, settled(provisioner.StatusGone, "")))
		w.do(sweep(nil, "i-6 ready", "i-7 ready", "i-8 ready", "i-9 ending", "i-10 unknown"))
		linux := state(0, capacity, 2, 1, 3, 1)
		linux.Oldest, linux.Reason.Until = w.begun.Add(second), w.begun.Add(second+minute)
		check("what holds back the job that has waited longest", linux)
		w.holds.set("linux", full)
		linux.Reason = full
		check("its max, for which jobs wait", linux)
		w.holds.set("linux", provisioner.Reason{})
		w.do(of(2, app, engine(provisioner.EventRegistered, "i-2")))
		linux.Reason = provisioner.Reason{}
		w.holds.set("octo/app", full) // which held back the next
		check("all are tried", linux)
		w.holds.set("octo/app", provisioner.Reason{})

		got := w.Waits()
		if diff := cmp.Diff(map[journal.Wait]int{{Type: "linux", Because: provisioner.BecauseLaunching}: 2}, got); diff != "" {
			t.Error(diff)
		}
		w.do(of(10, app, accepted), of(11, app, accepted), of(12, app, accepted, held(capacity, minute)))
		got = w.Waits()
		if got[journal.Wait{Type: "linux", Because: provisioner.BecauseBehind}] != 2 || got[journal.Wait{Type: "linux", Because: provisioner.BecauseCapacity}] != 1 || len(got) != 3 {
			t.Errorf("they wait for %v", got)
		}
	})
}

func TestJobsThatWaitLongestComeFirstAndThoseThatEndedLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(journal.Config{})
		for id := int64(1); id <= 2; id++ {
			w.do(after(second),
				of(10+id, app, ignored), of(20+id, app, accepted, started(time.Duration(id)*second, "i-1")), of(30+id, app, accepted, launch("i-2")),
				of(40+id, app, accepted), of(50+id, app, accepted, engine(provisioner.EventRegistered, "i-3")))
		}
		ids := func(want func(journal.Job) bool) (ids []int64) {
			for _, j := range w.Jobs(want) {
				ids = append(ids, j.ID)
				if j.Timeline != nil {
					t.Error("it has its timeline")
				}
			}
			return ids
		}
		if got, want := ids(nil), []int64{41, 51, 42, 52, 31, 32, 21, 22, 12, 11}; !slices.Equal(got, want) {
			t.Errorf("jobs %v, want %v", got, want)
		}
		if got, want := ids(func(j journal.Job) bool { return j.State == journal.Running }), []int64{21, 22}; !slices.Equal(got, want) {
			t.Errorf("jobs %v, want %v", got, want)
		}
	})
}

func TestTheLastHourIsCountedByMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(journal.Config{})
		w.do(
			of(1, app, accepted, after(10*minute), launch("i-1"), after(10*minute), started(20*minute, "i-1"), after(10*minute), ended(30*minute, "i-1", "success")),
			of(2, app, accepted, after(5*minute), settled(provisioner.StatusGone, "")), // from 30 to 35
			of(3, app, accepted, after(5*minute)), // from 35
			of(4, app, ignored),
			of(5, app, accepted, launch("i-5"), after(2*minute), lost("i-5", provisioner.BecauseMachineLost)), // from 40
			after(8*minute), of(6, app, accepted, started(50*minute, "i-6")), // from 50
			of(7, app, accepted, launch("i-7"), held(capacity, minute)), // from 50
		)
		now := int(time.Since(w.begun) / minute)
		hour := w.LastHour()
		if len(hour) != 2 || len(hour["linux"]) != 60 || len(hour["mac"]) != 60 || now != 50 {
			t.Fatalf("%d types, %d and %d minutes", len(hour), len(hour["linux"]), len(hour["mac"]))
		}
		for i, got := range hour["linux"] {
			at := now - 59 + i
			within := func(from, to int) (n int) {
				if from <= at && at < to {
					n = 1
				}
				return n
			}
			want := journal.Minute{Waiting: within(0, 10) + within(30, 35) + within(35, 99) + within(40, 99) + within(50, 99), Running: within(20, 30) + within(50, 99)}
			if got != want {
				t.Errorf("minute %d: %+v, want %+v", at, got, want)
			}
			if hour["mac"][i] != (journal.Minute{}) {
				t.Errorf("another type: %+v", hour["mac"][i])
			}
		}
	})
}
