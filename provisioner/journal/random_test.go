package journal_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/journal"
)

var seed = flag.Uint64("journal.seed", 0, "of the random events; 0 takes another one each time")

// TestWhateverHappensTheJournalMakesSense tells what may come in any order, of few jobs so that
// much happens to each, and checks after every event what has to hold in any case.
func TestWhateverHappensTheJournalMakesSense(t *testing.T) {
	for round := range 10 {
		seed := *seed
		if seed == 0 {
			seed = rand.Uint64()
		}
		t.Run(fmt.Sprint(round), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &store{}
				w := newWorld(journal.Config{Store: s, Jobs: 30})
				random := rand.New(rand.NewPCG(seed, 1))
				ended := map[int64]bool{} // as GitHub says
				w.run(func() {
					for range 400 {
						id := 1 + random.Int64N(40)
						if _, ok := w.Explain(id); !ok {
							ended[id] = false
						}
						kind := w.happens(random, id)
						ended[id] = ended[id] || kind == provisioner.EventEnded
						w.check(t, id, ended)
					}
				})
				before, again := w.everything(), w.reload(t, s)
				again.holds.why = w.holds.why
				for id, j := range before { // those that the queue has
					if s.rows[id] == nil && j.State == journal.Waiting {
						delete(before, id)
					}
				}
				// Without those, fewer come first.
				if diff := cmp.Diff(before, again.everything(), cmpopts.IgnoreFields(provisioner.Reason{}, "Ahead")); diff != "" {
					t.Errorf("what is read back: %s", diff)
				}
				if t.Failed() {
					t.Logf("to repeat: -journal.seed=%d", seed)
				}
			})
		})
	}
}

func pick[T any](random *rand.Rand, of ...T) T { return of[random.IntN(len(of))] }

// happens lets something happen to a job and perhaps to others, and returns its kind.
func (w *world) happens(random *rand.Rand, id int64) provisioner.EventKind {
	w.holds.set("linux", pick(random, provisioner.Reason{}, capacity, provisioner.Reason{Because: provisioner.BecauseMax, Type: "linux", Max: 3}))
	if random.IntN(10) == 0 {
		w.do(after(pick(random, second, minute, 10*minute)))
	}
	if random.IntN(400) == 0 {
		w.do(after(26 * time.Hour))
	}
	if random.IntN(20) == 0 {
		w.do(sweep(pick(random, nil, []string{"cloud"}), pick(random, "i-1 ready", "i-2 running")))
	}
	machine := fmt.Sprint("i-", 1+random.IntN(3))
	ago := -time.Duration(random.IntN(90)) * second
	because := pick(random, provisioner.BecauseMachineLost, provisioner.BecauseStolen, provisioner.BecauseGone)
	kinds := map[provisioner.EventKind]step{
		provisioner.EventAccepted: accepted, provisioner.EventDuplicate: received(provisioner.EventDuplicate), provisioner.EventIgnored: ignored,
		provisioner.EventDenied:     passed(provisioner.EventDenied, provisioner.BecauseNotAllowed, "no"),
		provisioner.EventRegistered: engine(provisioner.EventRegistered, machine), provisioner.EventLaunched: launched(machine), provisioner.EventServed: engine(provisioner.EventServed, machine),
		provisioner.EventTried: tried("small", "sold out"), provisioner.EventUndone: engine(provisioner.EventUndone, machine), provisioner.EventFailed: engine(provisioner.EventFailed, machine),
		provisioner.EventHeld:    held(pick(random, capacity, provisioner.Reason{Because: provisioner.BecauseNotUp, Name: machine}), pick(random, 0, minute)),
		provisioner.EventSettled: settled(pick(random, provisioner.StatusGone, provisioner.StatusServed, provisioner.StatusLaunched), machine),
		provisioner.EventGivenUp: tell(provisioner.Event{Kind: provisioner.EventGivenUp, RunnerType: "linux", Reason: provisioner.Reason{Because: provisioner.BecauseGivenUp, Detail: "x"}}),
		provisioner.EventStarted: started(time.Since(w.begun)+ago, machine), provisioner.EventEnded: ended(time.Since(w.begun)+ago, pick(random, machine, ""), "success"),
		provisioner.EventOnline: online(machine), provisioner.EventMachineLost: lost(machine, because), provisioner.EventRequeued: requeued,
		"unknown": engine("unknown", machine),
	}
	names := make([]provisioner.EventKind, 0, len(kinds))
	for kind := range kinds {
		names = append(names, kind)
	}
	slices.Sort(names)
	kind := pick(random, names...)
	w.do(of(id, pick(random, app, lib), kinds[kind]))
	return kind
}

var states = []journal.State{
	journal.Waiting, journal.Launching, journal.Booting, journal.Running, journal.Ended, journal.Gone, journal.Denied, journal.Ignored, journal.GivenUp,
}

// check checks what has to hold of all jobs, and of the one that something has happened to.
func (w *world) check(t *testing.T, id int64, ended map[int64]bool) {
	t.Helper()
	jobs := w.Jobs(nil)
	for _, j := range jobs {
		if !slices.Contains(states, j.State) {
			t.Fatalf("job %d has state %q", j.ID, j.State)
		}
		if silent := j.State == journal.Running || j.State == journal.Ended; silent != (j.Because() == "") {
			t.Fatalf("job %d is %s because %q", j.ID, j.State, j.Because())
		}
		if ended[j.ID] && j.State != journal.Ended && j.State != journal.Gone && j.State != journal.GivenUp {
			t.Fatalf("job %d is %s after GitHub said that it ended", j.ID, j.State)
		}
		if j.Since.IsZero() || j.Accepted.IsZero() || j.Machine != "" && j.State == journal.Waiting && j.Reason.Because == provisioner.BecauseMachineLost {
			t.Fatalf("job %+v", j)
		}
	}
	if counted, are := w.Unused(); counted != are || are > 3 || len(jobs) > 30 {
		t.Fatalf("%d jobs, of which %d are of no type, counted as %d", len(jobs), are, counted)
	}
	j, ok := w.Explain(id)
	for i, s := range j.Timeline {
		if i > 0 && s.At.Before(j.Timeline[i-1].At) || s.Times == 1 || !s.Last.IsZero() && s.Last.Before(s.At) {
			t.Fatalf("step %d of job %d: %+v", i, id, s)
		}
	}
	if most := journal.FirstSteps + journal.LastSteps; len(j.Timeline) > most || ok && len(j.Timeline) == 0 {
		t.Fatalf("job %d has %d steps", id, len(j.Timeline))
	}
	w.Types()
	w.Waits()
	for _, hour := range w.LastHour() {
		for _, m := range hour {
			if m.Waiting < 0 || m.Running < 0 || m.Waiting+m.Running > 2*len(jobs) {
				t.Fatalf("%+v of %d jobs", m, len(jobs))
			}
		}
	}
}
