package journal_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/journal"
)

const (
	second = time.Second
	minute = time.Minute
)

// life is a job's history, and what the journal has to say of it. Times are those since GitHub
// created the job; the bubble's clock begins at midnight.
type life struct {
	name     string
	steps    []step
	state    journal.State
	because  string // the sentence
	since    time.Duration
	timeline string
	runner   string // of the machine that the job has or had; "" is any
}

func (l life) check(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(journal.Config{})
		w.do(l.steps...)
		got := w.explain(t, 1)
		if got.State != l.state || got.Since.Sub(w.begun) != l.since {
			t.Errorf("%s since %s, want %s since %s", got.State, got.Since.Sub(w.begun), l.state, l.since)
		}
		if got.Because() != l.because {
			t.Errorf("because %q\nwant    %q", got.Because(), l.because)
		}
		if k := kinds(got); k != l.timeline {
			t.Errorf("timeline %s\nwant     %s", k, l.timeline)
		}
		for i, s := range got.Timeline {
			if i > 0 && s.At.Before(got.Timeline[i-1].At) {
				t.Errorf("step %d is before the one above", i)
			}
		}
		if l.runner != "" && l.runner != got.Machine+" "+got.Runner {
			t.Errorf("machine and runner %q, want %q", got.Machine+" "+got.Runner, l.runner)
		}
		if got.Type != "linux" && got.State != journal.Ignored && got.State != journal.Denied || got.Name != "test 1" || got.Repository != app {
			t.Errorf("type %q, job %+v", got.Type, got.Job)
		}
	})
}

func TestTheLifeOfAJobThatIsServed(t *testing.T) {
	for _, l := range []life{
		{
			"accepted",
			[]step{after(2 * second), accepted, after(second)},
			journal.Waiting, "It is the next job of linux: its attempt begins as soon as one of those under way ends.", 2 * second, "created accepted", "",
		},
		{
			"delivered twice",
			[]step{after(2 * second), accepted, after(second), received(provisioner.EventDuplicate), received(provisioner.EventDuplicate)},
			journal.Waiting, "It is the next job of linux: its attempt begins as soon as one of those under way ends.", 2 * second, "created accepted duplicate*2", "",
		},
		{
			"registered",
			[]step{after(second), accepted, after(second), engine(provisioner.EventRegistered, "i-1"), after(second)},
			journal.Launching, "Its runner grp-i-1 is registered, and its machine is being launched.", 2 * second, "created accepted registered", " grp-i-1",
		},
		{
			"registered before its delivery was answered",
			[]step{after(2 * second), func(w *world) {
				w.do(engine(provisioner.EventRegistered, "i-1"), after(second))
				w.do(tell(provisioner.Event{Kind: provisioner.EventAccepted, RunnerType: "linux", At: w.begun.Add(second)}))
			}},
			journal.Launching, "Its runner grp-i-1 is registered, and its machine is being launched.", 2 * second, "created accepted registered", "",
		},
		{
			"launched",
			[]step{after(second), accepted, launch("i-1"), after(20 * second)},
			journal.Booting, "Its machine i-1 starts; without an online runner it is replaced at 00:03:01 UTC.", second, "created accepted registered launched", "i-1 grp-i-1",
		},
		{
			"online",
			[]step{after(second), accepted, launch("i-1"), after(20 * second), online("i-1"), after(minute), online("i-1")},
			journal.Booting, "Its runner grp-i-1 is online and waits for GitHub to give it the job.", second, "created accepted registered launched online", "i-1 grp-i-1",
		},
		{
			"running",
			[]step{after(second), accepted, launch("i-1"), after(20 * second), started(15*second, "i-1"), started(15*second, "i-1"), online("i-1")},
			journal.Running, "", 15 * second, "created accepted registered launched started online", "i-1 grp-i-1",
		},
		{
			"ended",
			[]step{after(second), accepted, launch("i-1"), after(20 * second), started(15*second, "i-1"), after(minute), ended(65*second, "i-1", "failure"), ended(65*second, "i-1", "failure")},
			journal.Ended, "", 65 * second, "created accepted registered launched started ended", "i-1 grp-i-1",
		},
		{
			"started after it ended, as deliveries overtake each other",
			[]step{after(second), accepted, launch("i-1"), after(minute), ended(50*second, "i-1", "success"), started(15*second, "i-1")},
			journal.Ended, "", 50 * second, "created accepted registered launched started ended", "i-1 grp-i-1",
		},
		{
			"accepted after it ended",
			[]step{after(minute), started(15*second, "i-1"), ended(50*second, "i-1", "success"), accepted},
			journal.Ended, "", 50 * second, "created started ended accepted", " grp-i-1",
		},
		{
			"served by a machine that another attempt launched",
			[]step{after(second), accepted, engine(provisioner.EventServed, "i-1"), settled(provisioner.StatusServed, "i-1")},
			journal.Booting, "Its machine i-1 starts; without an online runner it is replaced at 00:03:01 UTC.", second, "created accepted served", "i-1 grp-i-1",
		},
		{
			"served by a runner whose machine nobody knows",
			[]step{after(second), accepted, tell(provisioner.Event{
				Kind: provisioner.EventSettled, RunnerType: "linux", Provider: "cloud", Status: provisioner.StatusServed, Runner: runnerOf("i-9"),
			})},
			journal.Booting, "Its machine for runner grp-i-9 starts; without an online runner it is replaced at 00:03:01 UTC.", second, "created accepted", " grp-i-9",
		},
		{
			"another attempt's machine is not up yet",
			[]step{after(second), accepted, held(provisioner.Reason{Because: provisioner.BecauseNotUp, Name: "i-1"}, 30*second)},
			journal.Booting, "Its machine i-1, which another attempt launched, is not up yet: it is looked at again at 00:00:31 UTC.", second, "created accepted held", "i-1 grp-i-1",
		},
		{
			"and then it is",
			[]step{after(second), accepted, held(provisioner.Reason{Because: provisioner.BecauseNotUp, Name: "i-1"}, 30*second), online("i-1")},
			journal.Booting, "Its runner grp-i-1 is online and waits for GitHub to give it the job.", second, "created accepted held online", "",
		},
		{
			"and then it is, as its next attempt finds",
			[]step{after(second), accepted, held(provisioner.Reason{Because: provisioner.BecauseNotUp, Name: "i-1"}, 30*second), after(30 * second), settled(provisioner.StatusServed, "i-1")},
			journal.Booting, "Its machine i-1 starts; without an online runner it is replaced at 00:03:00 UTC.", second, "created accepted held", "i-1 grp-i-1",
		},
		{
			"online first, and then found to have another machine that is not up",
			[]step{
				after(second), accepted, launch("i-1"), online("i-1"), held(provisioner.Reason{Because: provisioner.BecauseNotUp, Name: "i-2"}, 30*second),
			},
			journal.Booting, "Its machine i-2, which another attempt launched, is not up yet: it is looked at again at 00:00:31 UTC.", second, "created accepted registered launched online held", "i-2 grp-i-2",
		},
		{
			"taken over from a dead registration",
			[]step{after(second), accepted, engine(provisioner.EventTakenOver, "i-0"), launch("i-1")},
			journal.Booting, "Its machine i-1 starts; without an online runner it is replaced at 00:03:01 UTC.", second, "created accepted taken_over registered launched", "",
		},
		{
			"given to another job's runner while its own machine boots",
			[]step{
				after(second), accepted, launch("i-1"), started(15*second, "i-5"), after(4 * minute), online("i-1"), lost("i-1", provisioner.BecauseGone), lost("i-1", provisioner.BecauseMachineLost),
			},
			journal.Running, "", 15 * second, "created accepted registered launched started", " grp-i-5",
		},
		{
			"given to another job's runner before its own attempt",
			[]step{after(second), accepted, started(15*second, "i-5"), launch("i-1"), lost("i-1", provisioner.BecauseMachineLost)},
			journal.Running, "", 15 * second, "created accepted registered launched started", " grp-i-5",
		},
		{
			"first heard of when it is registered, after a restart",
			[]step{after(second), launch("i-1")},
			journal.Booting, "Its machine i-1 starts; without an online runner it is replaced at 00:03:01 UTC.", second, "created registered launched", "i-1 grp-i-1",
		},
		{
			"first heard of when it is served, after a restart",
			[]step{after(second), settled(provisioner.StatusServed, "i-1")},
			journal.Booting, "Its machine i-1 starts; without an online runner it is replaced at 00:03:01 UTC.", second, "created", "i-1 grp-i-1",
		},
		{
			"GitHub's time of its creation comes late",
			[]step{after(minute), func(w *world) {
				late := w.job
				late.CreatedAt = time.Time{}
				w.do(tell(provisioner.Event{Kind: provisioner.EventSettled, RunnerType: "linux", Status: provisioner.StatusServed, Job: late, Machine: provisioner.Machine{ID: "i-1"}}))
			}, started(15*second, "i-1")},
			journal.Running, "", 15 * second, "created started", "",
		},
	} {
		t.Run(l.name, l.check)
	}
}

func TestWhatComesLateIsKnownAllTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(journal.Config{})
		w.do(after(minute), settled(provisioner.StatusServed, ""), func(w *world) {
			w.do(tell(provisioner.Event{Kind: provisioner.EventAccepted, RunnerType: "linux", At: w.begun.Add(second)}))
		})
		w.do(of(2, app, accepted, online("i-2")))
		if j := w.explain(t, 1); j.Accepted.Sub(w.begun) != second {
			t.Errorf("accepted at %s, which is not when its delivery came", j.Accepted)
		}
		if j := w.explain(t, 2); !j.Launched.Equal(w.begun) {
			t.Errorf("the machine that is online was launched at %s", j.Launched)
		}
	})
}

func TestATypeThatSaysNothingHasFiveMinutesToBoot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(journal.Config{})
		w.do(tell(provisioner.Event{Kind: provisioner.EventAccepted, RunnerType: "mac"}), tell(provisioner.Event{Kind: provisioner.EventLaunched, RunnerType: "mac", Machine: provisioner.Machine{ID: "m-1"}}))
		if got := w.explain(t, 1).Reason.Until.Sub(w.begun); got != 5*minute {
			t.Errorf("it is replaced after %s", got)
		}
	})
}

func TestWhatWasExplainedDoesNotChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(journal.Config{})
		w.do(accepted, held(capacity, minute))
		before := w.explain(t, 1)
		w.do(after(second), held(capacity, minute), launch("i-1"))
		if kinds(before) != "created accepted held" {
			t.Errorf("the timeline became %s", kinds(before))
		}
	})
}

func TestTheStepsOfAJobTellWhatHappened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(journal.Config{})
		w.do(after(second), accepted, engine(provisioner.EventRegistered, "i-1"), tried("large in b", "large in b: Insufficient: no large left"), tried("pool 3", "sold out"), launched("i-1"))
		w.do(started(15*second, "i-1"), ended(minute, "i-1", "cancelled"))
		var got []string
		for _, s := range w.explain(t, 1).Timeline {
			got = append(got, s.At.Sub(w.begun).String()+" "+s.Detail)
		}
		for i, want := range []string{
			"0s ", "1s the webhook's delivery was stored", "1s runner grp-i-1 (7, after 1.2 s)", "1s no room: large in b: Insufficient: no large left", "1s no room: pool 3: sold out",
			"1s machine i-1, small in a", "15s on runner grp-i-1", "1m0s cancelled",
		} {
			if i >= len(got) || got[i] != want {
				t.Fatalf("step %d of %q, want %q", i, got, want)
			}
		}
		j := w.explain(t, 1)
		times := []time.Duration{j.Accepted.Sub(w.begun), j.Launched.Sub(w.begun), j.Started.Sub(w.begun), j.Ended.Sub(w.begun)}
		if times[0] != second || times[1] != second || times[2] != 15*second || times[3] != minute || !j.Online.IsZero() || j.Provider != "cloud" {
			t.Errorf("times %v, online %s, provider %q", times, j.Online, j.Provider)
		}
	})
}
