package journal_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/journal"
)

// everything is what is known of all jobs, with their histories.
func (w *world) everything() map[int64]journal.Job {
	all := map[int64]journal.Job{}
	for _, j := range w.Jobs(nil) {
		all[j.ID], _ = w.Explain(j.ID)
	}
	return all
}

// reload is the journal of the next process.
func (w *world) reload(t *testing.T, s *store) *world {
	t.Helper()
	again := newWorld(journal.Config{Store: s})
	if err := again.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	return again
}

// lives are jobs in all states: 1 to 9.
func lives() []step {
	return []step{
		of(1, app, accepted, held(capacity, time.Hour)),
		of(2, app, accepted, engine(provisioner.EventRegistered, "i-2")),
		of(3, lib, accepted, tried("large in b", "sold out"), launch("i-3")),
		of(4, lib, accepted, launch("i-4"), started(minute, "i-4")),
		of(5, app, accepted, launch("i-5"), started(minute, "i-5"), ended(2*minute, "i-5", "success")),
		of(6, app, accepted, settled(provisioner.StatusGone, "")),
		of(7, app, passed(provisioner.EventDenied, provisioner.BecauseNotAllowed, "no")),
		of(8, app, ignored),
		of(9, app, tell(provisioner.Event{Kind: provisioner.EventGivenUp, RunnerType: "linux", Reason: provisioner.Reason{Because: provisioner.BecauseGivenUp, Detail: "too old"}})),
	}
}

func TestWhatIsWrittenDownIsReadBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{}
		w := newWorld(journal.Config{Store: s})
		w.run(func() { w.do(lives()...); time.Sleep(6 * second) })
		again := w.reload(t, s)
		before, after := w.everything(), again.everything()
		if diff := cmp.Diff(before, after); diff != "" || len(before) != 9 {
			t.Errorf("of %d jobs: %s", len(before), diff)
		}
		states := map[journal.State]bool{}
		for _, j := range after {
			states[j.State] = true
		}
		if counted, are := again.Unused(); len(states) != 9 || counted != 2 || are != 2 {
			t.Errorf("states %v; %d are counted as jobs that no type serves", states, counted)
		}
		again.do(of(5, app, ended(2*minute, "i-5", "success")), of(4, lib, ended(3*minute, "i-4", "success")))
		if j := again.explain(t, 4); j.State != journal.Ended || !strings.HasSuffix(kinds(j), "started ended") {
			t.Errorf("what happens next: %s, %s", j.State, kinds(j))
		}
	})
}

func TestWhatWasToldBeforeARestartIsNotToldAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{}
		w := newWorld(journal.Config{Store: s})
		w.run(func() { w.do(lives()...); time.Sleep(6 * second) })
		told := []int64{}
		again := newWorld(journal.Config{Store: s, Changed: func(_ context.Context, j journal.Job) { told = append(told, j.ID) }})
		if err := again.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		again.run(func() {
			again.do(after(30*second), of(4, lib, ended(minute, "i-4", "success")), after(second))
		})
		if !slices.Equal(told, []int64{4}) {
			t.Errorf("told of %v, of which only 4 has changed", told)
		}
	})
}

func TestAJobThatWasOnlyAcceptedIsTheQueuesToKeep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{}
		w := newWorld(journal.Config{Store: s})
		w.run(func() {
			w.do(of(1, app, accepted), of(2, app, ignored), of(3, app, accepted, received(provisioner.EventDuplicate)))
			time.Sleep(30 * second) // it is also told that they wait
			if j := w.explain(t, 1); !strings.HasSuffix(kinds(j), "waits") {
				t.Errorf("steps %s", kinds(j))
			}
			if ids := s.ids(); !slices.Equal(ids, []int64{2, 3}) {
				t.Errorf("written down are %v", ids)
			}
			w.do(of(1, app, engine(provisioner.EventRegistered, "i-1")))
			time.Sleep(1100 * time.Millisecond)
			if !s.has(1) {
				t.Error("it is not written down when it is tried")
			}
		})
	})
}

func TestAStoreThatFailsLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{}
		w := newWorld(journal.Config{Store: s, Jobs: 20})
		w.run(func() {
			w.do(of(100, app, accepted, ended(0, "i-1", "success")), after(2*second))
			s.setBroken(true)
			w.do(lives()...)
			time.Sleep(5 * second)
			for id := range int64(15) { // which push out the first
				w.do(of(200+id, app, accepted))
			}
			time.Sleep(5 * second)
			if _, ok := w.Explain(100); ok || !slices.Equal(s.ids(), []int64{100}) {
				t.Errorf("while it is broken, it has %v", s.ids())
			}
			s.setBroken(false)
			time.Sleep(1100 * time.Millisecond)
			for id := range w.everything() {
				if id < 200 && !s.has(id) {
					t.Errorf("job %d is not written down", id)
				}
			}
			if s.has(100) {
				t.Error("what was to be forgotten is not")
			}
			time.Sleep(4 * second)
			w.do(after(time.Millisecond))
		})
		if len(s.saves) != 2 {
			t.Errorf("it was written down %d times", len(s.saves))
		}
	})
}

// Its row would come back with the next start, and the job with what it was before.
func TestAJobThatIsForgottenAndAcceptedAgainIsTheQueuesToKeep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, again := range []time.Duration{0, 2 * second} {
			s := &store{}
			w := newWorld(journal.Config{Store: s, Keep: time.Hour})
			w.run(func() {
				w.do(of(1, app, accepted, settled(provisioner.StatusGone, "")), after(2*second))
				if !s.has(1) {
					t.Error("it is not written down")
				}
				w.do(after(69*minute+57*second+500*time.Millisecond), func(*world) {
					for range 20 {
						if _, ok := w.Explain(1); !ok {
							break
						}
						time.Sleep(second / 4)
					}
				}, after(again), of(1, app, accepted), after(2*second))
				if j := w.explain(t, 1); kinds(j) != "created accepted" || s.has(1) {
					t.Errorf("steps %s; the store has it: %t", kinds(j), s.has(1))
				}
				w.do(of(1, app, launch("i-1")), after(2*second))
				if !s.has(1) {
					t.Error("it is not written down again")
				}
			})
		}
	})
}

// It waits, so that a moment later it would be written down why.
func TestAJobThatIsForgottenAtOnceIsNotWrittenDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{}
		w := newWorld(journal.Config{Store: s, Jobs: 1})
		w.run(func() {
			w.do(of(1, app, held(capacity, minute)), of(2, app, held(capacity, minute)), after(2*second))
			if ids := s.ids(); !slices.Equal(ids, []int64{2}) {
				t.Errorf("the store has %v", ids)
			}
		})
	})
}

func TestAJobThatIsForgottenWhileItCantBeWrittenDownIsNotLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{broken: true}
		w := newWorld(journal.Config{Store: s, Jobs: 1})
		s.during = func() {
			if _, ok := w.Explain(1); ok {
				w.do(of(2, app, held(capacity, minute)))
			}
		}
		w.run(func() {
			w.do(of(1, app, held(capacity, minute)), after(2500*time.Millisecond))
			s.setBroken(false)
			w.do(after(2 * second))
			if ids := s.ids(); !slices.Equal(ids, []int64{2}) {
				t.Errorf("the store has %v", ids)
			}
		})
	})
}

func TestWhatCantBeReadIsLeftOutAndForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{rows: map[int64][]byte{
			1: []byte(`{"job":{"id":1},"state":"ended","Updated":"2000-01-01T00:00:00Z"}`),
			2: []byte(`{"job":{"id":3},"state":"ended","Updated":"2000-01-01T00:00:00Z"}`),
			4: []byte(`{"job":{"id":4},"state":"elsewhere","Updated":"2000-01-01T00:00:00Z"}`),
			5: []byte(`{"job":{"id":5},"Updated":"2000-01-01T00:00:00Z"}`),
			6: []byte(`{`),
			7: []byte(`{"job":{"id":7},"state":"ended","Updated":"1999-12-01T00:00:00Z"}`), // too old
		}}
		w := (&world{}).reload(t, s)
		if ids := w.known(9); !slices.Equal(ids, []int64{1}) {
			t.Errorf("it knows %v", ids)
		}
		w.run(func() { time.Sleep(2 * second) })
		if ids := s.ids(); !slices.Equal(ids, []int64{1}) {
			t.Errorf("the store has %v", ids)
		}
	})
}

func TestAStoreThatCantBeReadIsAnError(t *testing.T) {
	w := newWorld(journal.Config{Store: &store{broken: true}})
	if err := w.Load(t.Context()); !errors.Is(err, errBroken) {
		t.Errorf("error %v", err)
	}
	if err := newWorld(journal.Config{}).Load(t.Context()); err != nil {
		t.Errorf("without a store: %v", err)
	}
}

func TestOnlySoMuchIsWrittenDownAtOnceAndWhatNoTypeServesLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{}
		w := newWorld(journal.Config{Store: s})
		w.run(func() {
			for id := int64(1); id <= 600; id++ {
				if id%2 == 0 {
					w.do(of(id, app, ignored))
				} else {
					w.do(of(id, app, accepted, settled(provisioner.StatusGone, "")))
				}
			}
			time.Sleep(3500 * time.Millisecond)
		})
		sizes := []int{}
		for i, save := range s.saves {
			sizes = append(sizes, len(save))
			unused := 0
			for id := range save {
				if id%2 == 0 {
					unused++
				}
			}
			if want := []int{0, 212, 88}[min(i, 2)]; unused != want {
				t.Errorf("save %d has %d that no type serves, want %d", i, unused, want)
			}
		}
		if !slices.Equal(sizes, []int{256, 256, 88}) || len(s.rows) != 600 {
			t.Errorf("%d are written down, in steps of %d", len(s.rows), sizes)
		}
	})
}

func TestAtTheEndTheRestIsWrittenDownAndForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{}
		w := newWorld(journal.Config{Store: s, Jobs: 4000})
		w.run(func() {
			for id := int64(1); id <= 4000; id++ {
				w.do(of(id, app, accepted, settled(provisioner.StatusGone, "")))
			}
			time.Sleep(20500 * time.Millisecond) // not when it is written down anyway
			w.do(after(second), of(5000, app, accepted, settled(provisioner.StatusGone, "")), of(5001, app, accepted, launch("i-1")))
		})
		for i, save := range s.saves {
			if len(save) > 256 || len(s.forgot[i]) > 256 {
				t.Errorf("at once %d jobs are written down and %d forgotten", len(save), len(s.forgot[i]))
			}
		}
		if got, want := len(s.rows), len(w.everything()); got != want || s.rows[5001] == nil {
			t.Errorf("the store has %d jobs, and the journal %d", got, want)
		}
		if diff := cmp.Diff(w.everything(), w.reload(t, s).everything()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAStoreThatHangsAtTheEndIsNotWaitedForForever(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(journal.Config{Store: hanging{}})
		w.do(lives()...)
		begun := time.Now()
		ctx, stop := context.WithCancel(t.Context())
		stop()
		w.Run(ctx)
		if took := time.Since(begun); took != 5*second {
			t.Errorf("the end took %s", took)
		}
	})
}

type hanging struct{}

func (hanging) SaveJobs(ctx context.Context, _ map[int64][]byte, _ []int64) error {
	<-ctx.Done()
	return ctx.Err()
}

func (hanging) LoadJobs(context.Context) (map[int64][]byte, error) { return nil, nil }
