package journal_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/journal"
)

// known are the ids that a journal knows, of so many.
func (w *world) known(most int64) (ids []int64) {
	for id := range most + 1 {
		if _, ok := w.Explain(id); ok {
			ids = append(ids, id)
		}
	}
	return ids
}

var ignored = passed(provisioner.EventIgnored, provisioner.BecauseNoType, "no")

func TestNoMoreJobsAreKeptThanMayBe(t *testing.T) {
	for name, c := range map[string]struct {
		jobs, add int64
		steps     func(id int64) []step
		kept      func(id int64) bool
	}{
		"those that are over go first, and of them the oldest": {
			100, 140, func(id int64) []step {
				if id%2 == 0 {
					return []step{accepted, ended(time.Hour, "i-1", "success")}
				}
				return []step{accepted}
			}, func(id int64) bool { return id%2 == 1 || id > 80 },
		},
		"of those that are not over the oldest": {
			50, 300, func(int64) []step { return []step{accepted} }, func(id int64) bool { return id > 250 },
		},
		"those that no type serves are a tenth, and push out no other": {
			100, 1000, func(id int64) []step {
				if id <= 60 {
					return []step{accepted, ended(time.Hour, "i-1", "success")}
				}
				return []step{ignored}
			}, func(id int64) bool { return id <= 60 || id > 990 },
		},
		"one": {1, 9, func(int64) []step { return []step{accepted} }, func(id int64) bool { return id == 9 }},
		"one that no type serves": {
			1, 9, func(int64) []step { return []step{ignored} }, func(id int64) bool { return id == 9 },
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(journal.Config{Jobs: int(c.jobs)})
				unused := max(c.jobs/10, 1)
				for id := range c.add {
					time.Sleep(second)
					w.do(of(id+1, app, c.steps(id+1)...))
					all := w.Jobs(nil)
					if int64(len(all)) > c.jobs {
						t.Fatalf("%d jobs are kept", len(all))
					}
					counted, are := w.Unused()
					if counted != are || int64(are) > unused {
						t.Fatalf("%d jobs that no type serves, counted as %d", are, counted)
					}
				}
				dropped, wrong := 0, []int64{}
				ids := w.known(c.add)
				has := map[int64]bool{}
				for _, id := range ids {
					has[id] = true
				}
				for id := int64(1); id <= c.add; id++ {
					switch {
					case has[id] && !c.kept(id):
						wrong = append(wrong, id)
					case !has[id] && c.kept(id):
						dropped++
					}
				}
				// Some more are dropped at once, so that it is seldom.
				if len(wrong) > 0 || int64(dropped) > c.jobs/10 {
					t.Errorf("%d too many are dropped, and %v kept", dropped, wrong)
				}
			})
		})
	}
}

func TestAJobIsForgottenAfterAWhile(t *testing.T) {
	const day = 24 * time.Hour
	for name, c := range map[string]struct {
		keep  time.Duration
		steps []step
		after time.Duration
		state journal.State // "" is forgotten
	}{
		"one that ended stays for days":            {0, []step{accepted, ended(0, "i-1", "success")}, 7*day - time.Hour, journal.Ended},
		"and no longer":                            {0, []step{accepted, ended(0, "i-1", "success")}, 7*day + time.Hour, ""},
		"or as long as is asked for":               {time.Hour, []step{accepted, ended(0, "i-1", "success")}, 2 * time.Hour, ""},
		"what happens to it counts":                {day, []step{accepted, after(20 * time.Hour), ended(0, "i-1", "success")}, 20 * time.Hour, journal.Ended},
		"one that waits is gone after a day":       {0, []step{accepted}, 26 * time.Hour, journal.Gone},
		"not before":                               {0, []step{accepted}, 24 * time.Hour, journal.Waiting},
		"nor if anything happens to it":            {0, []step{accepted, after(20 * time.Hour), held(capacity, minute)}, 20 * time.Hour, journal.Waiting},
		"one whose machine nobody heard of, too":   {0, []step{accepted, launch("i-1")}, 26 * time.Hour, journal.Gone},
		"one that runs may run for days":           {0, []step{accepted, started(0, "i-1")}, 5 * day, journal.Running},
		"one that was gone for a day is as it was": {0, []step{accepted, settled(provisioner.StatusGone, "")}, 26 * time.Hour, journal.Gone},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(journal.Config{Keep: c.keep})
				w.run(func() {
					w.do(c.steps...)
					time.Sleep(c.after)
				})
				got, ok := w.Explain(1)
				if got.State != c.state || ok != (c.state != "") {
					t.Errorf("it is %q, want %q", got.State, c.state)
				}
				if steps := kinds(got); name == "one that waits is gone after a day" && (!strings.HasSuffix(steps, " gone") || got.Because() != gone) {
					t.Errorf("%s, %s", steps, got.Because())
				}
			})
		})
	}
}

// TestALongHistoryKeepsItsBeginAndItsEnd has many steps of which some are the same in a row.
func TestALongHistoryKeepsItsBeginAndItsEnd(t *testing.T) {
	for name, again := range map[string]int{"each once": 1, "each three times": 3} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(journal.Config{})
				w.do(after(second), accepted)
				const steps = 500
				for i := range steps {
					why := capacity
					why.Detail = fmt.Sprint("attempt ", i)
					for range again {
						w.do(after(second), held(why, minute))
					}
				}
				w.do(launch("i-1"), received(provisioner.EventDuplicate), func(w *world) { // then GitHub's times, of the begin and the middle
					w.do(tell(provisioner.Event{Kind: provisioner.EventTakenOver, At: w.begun.Add(500 * time.Millisecond), Runner: runnerOf("i-1")}))
					w.do(tell(provisioner.Event{Kind: provisioner.EventStarted, At: w.begun.Add(100 * second), Runner: runnerOf("i-1")}))
				})
				got := w.explain(t, 1).Timeline
				if len(got) != journal.FirstSteps+journal.LastSteps {
					t.Fatalf("%d steps", len(got))
				}
				total := 0
				for i, s := range got {
					total += max(s.Times, 1)
					if left := s.Kind == journal.StepLeftOut; left != (i == journal.FirstSteps) {
						t.Errorf("step %d is %+v", i, s)
					}
					if i > 0 && s.At.Before(got[i-1].At) {
						t.Errorf("step %d is before the one above", i)
					}
				}
				// created, accepted, registered, launched, started, duplicate and taken over too
				if want := steps*again + 7; total != want {
					t.Errorf("%d steps are shown or counted, want %d", total, want)
				}
				first, left, last := got[0], got[journal.FirstSteps], got[len(got)-1]
				if first.Kind != journal.StepCreated || last.Kind != provisioner.EventDuplicate || left.Last.After(got[journal.FirstSteps+1].At) || got[journal.FirstSteps+1].At.Sub(left.Last) > second {
					t.Errorf("it begins with %+v, leaves out %+v before %+v, and ends with %+v", first, left, got[journal.FirstSteps+1], last)
				}
				if got[1].Kind != provisioner.EventTakenOver {
					t.Errorf("what comes late is not in its place: %+v", got[1])
				}
			})
		})
	}
}

func TestTheSameStepInARowIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(journal.Config{})
		w.do(accepted)
		for range 3 {
			w.do(after(minute), held(capacity, minute))
		}
		s := w.explain(t, 1).Timeline[2]
		if s.Times != 3 || s.At.Sub(w.begun) != minute || s.Last.Sub(w.begun) != 3*minute {
			t.Errorf("step %+v", s)
		}
	})
}

func TestWordsOfAStepAreCutBetweenCharacters(t *testing.T) {
	for name, words := range map[string]string{
		"short": "größe", "long": strings.Repeat("x", journal.LongestDetail-1) + "öäü", "all wide": strings.Repeat("語", journal.LongestDetail),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(journal.Config{})
				w.do(held(provisioner.Reason{Because: provisioner.BecauseOther, Detail: words}, minute))
				got := w.explain(t, 1).Timeline[1].Detail
				begin, cut := strings.CutSuffix(got, "...")
				if !utf8.ValidString(got) || !strings.HasPrefix(words, begin) || cut != (len(words) > journal.LongestDetail) || cut && len(begin) < journal.LongestDetail-3 || len(begin) > journal.LongestDetail {
					t.Errorf("%d bytes: %q", len(got), got)
				}
			})
		})
	}
}
