package journal_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/journal"
)

// TestEachChangeIsToldOnce runs a journal for a while, and looks at what Changed hears of job 1 and
// when: events after a tenth of a second, what no event tells with the next look, every 5 s.
func TestEachChangeIsToldOnce(t *testing.T) {
	full := provisioner.Reason{Because: provisioner.BecauseMax, Type: "linux", Max: 7}
	hold := func(why provisioner.Reason) step { return func(w *world) { w.holds.set("linux", why) } }
	for name, c := range map[string]struct {
		steps []step
		want  string // seconds, state, reason
		waits int    // steps of its timeline that say why it waits
	}{
		"a job that is served soon": {
			[]step{accepted, after(2 * second), engine(provisioner.EventRegistered, "i-1"), after(second), launched("i-1"), settled(provisioner.StatusLaunched, "i-1"), after(8 * second), online("i-1"), after(second), online("i-1"), started(12*second, "i-1"), after(9 * second), ended(20*second, "i-1", "success"), after(minute)},
			"3.1 booting booting, 11.1 booting online, 12.1 running, 21.1 ended", 0,
		},
		"events in one go": {
			[]step{accepted, engine(provisioner.EventRegistered, "i-1"), launched("i-1"), after(minute)}, "0.1 booting booting", 0,
		},
		"a job that waits in its turn": {
			[]step{accepted, after(9 * second)}, "", 0,
		},
		"a job that waits longer in its turn": {
			[]step{accepted, after(minute)}, "10.0 waiting behind", 1,
		},
		"a job whose attempts fail in the same way": {
			[]step{
				accepted, held(capacity, 30*second), after(20 * second), engine(provisioner.EventRegistered, "i-1"), after(6 * second), held(capacity, 40*second), after(20 * second),
				engine(provisioner.EventRegistered, "i-2"), after(second), held(capacity, 80*second), after(20 * second),
			},
			"0.1 waiting capacity", 1,
		},
		"and then in another way": {
			[]step{accepted, held(capacity, 30*second), after(21 * second), held(provisioner.Reason{Because: provisioner.BecauseTimeout, System: "aws"}, minute), after(20 * second)},
			"0.1 waiting capacity, 21.1 waiting timeout", 2,
		},
		"a level that begins and ends": {
			[]step{accepted, after(21 * second), hold(full), after(10 * second), hold(provisioner.Reason{}), after(minute)},
			"10.0 waiting behind, 25.0 waiting max, 35.0 waiting behind", 3,
		},
		"a job that is never held by anything but a level": {
			[]step{hold(full), accepted, after(minute)}, "5.0 waiting max", 1,
		},
		"a machine that is lost": {
			[]step{accepted, launch("i-1"), after(21 * second), lost("i-1", provisioner.BecauseMachineLost), after(second), lost("i-1", provisioner.BecauseMachineLost), requeued, after(30 * second)},
			"0.1 booting booting, 21.1 waiting machine_lost, 22.1 waiting behind", 2,
		},
		"a machine that a sweep does not see any more": {
			[]step{accepted, launch("i-1"), after(3*minute + second), sweep(nil), after(second), sweep(nil), after(3 * second)},
			"0.1 booting booting, 181.1 waiting machine_lost", 1,
		},
		"what happens in the last moment before the stop": {
			[]step{accepted, launch("i-1"), started(0, "i-1")}, "0.0 running", 0,
		},
		"a job that a sweep finds over before GitHub says so": {
			[]step{accepted, launch("i-1"), after(second), online("i-1"), started(2*second, "i-1"), after(4 * minute), sweep(nil), after(second), ended(3*minute, "i-1", "success"), after(minute)},
			"0.1 booting booting, 1.1 running, 241.1 ended, 242.1 ended", 0,
		},
		"a job that no type serves": {
			[]step{ignored, after(10 * second), ignored, after(minute)}, "0.1 ignored no_type", 0,
		},
		"a job that is gone by itself": {
			[]step{accepted, hold(full), after(26 * time.Hour)}, "5.0 waiting max, 90610.0 gone gone", 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var told []string
				var begun time.Time
				w := newWorld(journal.Config{Changed: func(_ context.Context, j journal.Job) {
					if j.ID != 1 || j.Timeline != nil || j.Name == "" || (j.Because() == "") != (j.State == journal.Running || j.State == journal.Ended) {
						t.Errorf("told of %+v", j)
					}
					s := fmt.Sprintf("%.1f %s %s", time.Since(begun).Seconds(), j.State, j.Reason.Because)
					told = append(told, strings.TrimSpace(s))
				}})
				begun = w.begun
				w.run(func() { w.do(c.steps...) })
				got := strings.Join(told, ", ")
				if strings.HasPrefix(c.want, "5.0 waiting max, ") { // a day later, with the next look for what is old
					got, c.want = strings.TrimPrefix(got, "5.0 waiting max, "), "gone gone"
					if at, rest, _ := strings.Cut(got, " "); rest == c.want && at > "90000.0" && at < "90610.0" {
						got = rest
					}
				}
				if got != c.want {
					t.Errorf("told: %s\nwant:  %s", got, c.want)
				}
				var waits []string
				for _, s := range w.explain(t, 1).Timeline {
					if s.Kind == journal.StepWaits {
						waits = append(waits, s.Detail)
					}
				}
				if len(waits) != c.waits || slices.Contains(waits, "") {
					t.Errorf("it waits because %q, want %d reasons", waits, c.waits)
				}
			})
		})
	}
}

func TestAReasonIsToldWithHowManyComeFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ahead := map[int64]int{}
		w := newWorld(journal.Config{Changed: func(_ context.Context, j journal.Job) { ahead[j.ID] = j.Reason.Ahead }})
		w.run(func() {
			w.do(of(1, app, accepted), after(second), of(2, app, accepted), after(second), of(3, app, accepted), after(20*second))
		})
		if len(ahead) != 3 || ahead[1] != 0 || ahead[2] != 1 || ahead[3] != 2 {
			t.Errorf("before the jobs come %v", ahead)
		}
	})
}

func TestNewsComesWithEveryChange(t *testing.T) {
	for name, c := range map[string]struct {
		step step
		want bool
	}{
		"an event":                          {accepted, true},
		"an event that is known already":    {started(0, "i-2"), false},
		"an event of a job that is unknown": {of(9, app, online("i-9")), false},
		"a sweep":                           {func(w *world) { w.Swept(time.Now(), nil, nil) }, true},
		"a reason that nobody has told of":  {func(w *world) { w.holds.set("linux", capacity); time.Sleep(5 * second) }, true},
		"nothing":                           {after(5 * second), false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(journal.Config{})
				w.do(of(2, app, accepted), of(1, app, accepted, started(0, "i-2")))
				w.run(func() {
					w.do(after(20 * second))
					news := w.News()
					w.do(c.step)
					synctest.Wait()
					select {
					case <-news:
						if !c.want {
							t.Error("there is news")
						}
						if news = w.News(); news == nil {
							t.Error("there will be no further news")
						}
						select {
						case <-news:
							t.Error("there is news of nothing")
						default:
						}
					default:
						if c.want {
							t.Error("there is no news")
						}
					}
				})
			})
		})
	}
}
