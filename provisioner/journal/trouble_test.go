package journal_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/journal"
)

const (
	gone       = "It does not wait any more: it was cancelled, or ran elsewhere."
	next       = "It is the next job of linux: its attempt begins as soon as one of those under way ends."
	anotherOne = "Its machine i-1 did not serve it (its fate): another one is launched within two sweeps of the reconciler."
)

func TestTheLifeOfAJobThatIsNotServed(t *testing.T) {
	neverUp := provisioner.Reason{Because: provisioner.BecauseNeverCameUp, Type: "linux", Ahead: 4}
	for _, l := range []life{
		{
			"ignored",
			[]step{passed(provisioner.EventIgnored, provisioner.BecauseNoType, "linux lacks gpu"), after(second), passed(provisioner.EventIgnored, provisioner.BecauseNoType, "linux lacks gpu")},
			journal.Ignored, "No runner type serves its labels: linux lacks gpu.", 0, "created ignored*2", "",
		},
		{
			"denied",
			[]step{passed(provisioner.EventDenied, provisioner.BecauseNotAllowed, "octo/app is not allowed")},
			journal.Denied, "It is denied: octo/app is not allowed. Somebody has to add it to REPOSITORIES and deliver the webhook again.", 0, "created denied", "",
		},
		{
			"denied, and then allowed and delivered again",
			[]step{passed(provisioner.EventDenied, provisioner.BecauseNotAllowed, "no"), after(minute), accepted},
			journal.Waiting, next, minute, "created denied accepted", "",
		},
		{
			"accepted, and of another delivery no type serves it any more",
			[]step{accepted, passed(provisioner.EventIgnored, provisioner.BecauseNoType, "no")},
			journal.Waiting, next, 0, "created accepted", "",
		},
		{
			"cancelled while it waits",
			[]step{accepted, after(minute), ended(30*second, "", "cancelled")},
			journal.Gone, gone, 30 * second, "created accepted ended", "",
		},
		{
			"cancelled before its delivery came",
			[]step{after(minute), ended(30*second, "", "cancelled"), accepted, requeued},
			journal.Gone, gone, 30 * second, "created ended accepted requeued", "",
		},
		{
			"cancelled during its launch",
			[]step{
				accepted, engine(provisioner.EventRegistered, "i-1"), after(second), engine(provisioner.EventUndone, "i-1"), engine(provisioner.EventGone, "i-1"), settled(provisioner.StatusGone, "i-1"),
			},
			journal.Gone, gone, second, "created accepted registered undone gone", "",
		},
		{
			"first heard of when it is gone, after a restart",
			[]step{after(second), settled(provisioner.StatusGone, "")},
			journal.Gone, gone, second, "created gone", "",
		},
		{
			"first heard of when it is held, after a restart",
			[]step{after(second), held(capacity, minute)},
			journal.Waiting, "EC2 has no capacity for linux at any of its places: one job probes and the rest follow, next at 00:01:01 UTC. More instance types or subnets help. Details: Insufficient.",
			second, "created held", "",
		},
		{
			"gone for the queue, because it runs",
			[]step{accepted, settled(provisioner.StatusGone, ""), after(minute), started(15*second, "i-5")},
			journal.Running, "", 15 * second, "created accepted gone started", " grp-i-5",
		},
		{
			"given up by the queue",
			[]step{accepted, after(second), tell(provisioner.Event{
				Kind: provisioner.EventGivenUp, RunnerType: "linux", Reason: provisioner.Reason{Because: provisioner.BecauseGivenUp, Detail: "it is too old"},
			})},
			journal.GivenUp, "It was given up: it is too old.", second, "created accepted given_up", "",
		},
		{
			"given up by the reconciler",
			[]step{accepted, after(second), tell(provisioner.Event{Kind: provisioner.EventGivenUp, RunnerType: "linux", Reason: neverUp})},
			journal.GivenUp, "It was given up: none of its 4 machines came up. Somebody has to mend the image, start-up script or network of linux, and run the job again.",
			second, "created accepted given_up", "",
		},
		{
			"what comes of an attempt after it was over",
			[]step{
				accepted, settled(provisioner.StatusGone, ""), after(second), engine(provisioner.EventRegistered, "i-1"), launched("i-1"), held(capacity, minute), online("i-1"), lost("i-1", provisioner.BecauseMachineLost),
			},
			journal.Gone, gone, 0, "created accepted gone registered launched", "",
		},
		{
			"its machine is lost",
			[]step{accepted, launch("i-1"), after(minute), lost("i-1", provisioner.BecauseMachineLost)},
			journal.Waiting, anotherOne, minute, "created accepted registered launched machine_lost", "",
		},
		{
			"another machine of it is lost, which it has no more",
			[]step{accepted, launch("i-1"), launch("i-2"), after(minute), lost("i-1", provisioner.BecauseMachineLost), online("i-1")},
			journal.Booting, "Its machine i-2 starts; without an online runner it is replaced at 00:03:00 UTC.", 0, "created accepted registered launched registered launched", "i-2 grp-i-2",
		},
		{
			"its runner is given to another job",
			[]step{accepted, launch("i-1"), online("i-1"), after(minute), lost("i-1", provisioner.BecauseStolen), lost("i-1", provisioner.BecauseStolen)},
			journal.Waiting, "GitHub gave the runner of its machine i-1 to another job: another one is launched within two sweeps of the reconciler.",
			minute, "created accepted registered launched online machine_lost", "",
		},
		{
			"its machine is not needed any more",
			[]step{accepted, launch("i-1"), after(minute), lost("i-1", provisioner.BecauseGone)},
			journal.Gone, gone, minute, "created accepted registered launched machine_lost", "i-1 grp-i-1",
		},
		{
			"its machine is lost, and it is put into the queue again",
			[]step{accepted, launch("i-1"), after(minute), lost("i-1", provisioner.BecauseMachineLost), after(minute), requeued},
			journal.Waiting, next, minute, "created accepted registered launched machine_lost requeued", "",
		},
		{
			"put into the queue again before anybody says what became of its machine",
			[]step{
				accepted, launch("i-1"), after(minute), requeued, engine(provisioner.EventRegistered, "i-2"), lost("i-1", provisioner.BecauseStolen),
			},
			journal.Launching, "Its runner grp-i-2 is registered, and its machine is being launched.", minute, "created accepted registered launched requeued registered", "",
		},
		{
			"its machine is over, whose runner was online",
			[]step{accepted, launch("i-1"), online("i-1"), after(minute), lost("i-1", provisioner.BecauseMachineLost)},
			journal.Ended, "", minute, "created accepted registered launched online machine_lost", "i-1 grp-i-1",
		},
		{
			"and which has served another job after all",
			[]step{accepted, launch("i-1"), online("i-1"), after(minute), lost("i-1", provisioner.BecauseMachineLost), after(minute), requeued},
			journal.Waiting, next, 2 * minute, "created accepted registered launched online machine_lost requeued", "",
		},
		{
			"the machine that runs it is over, and its last webhooks come late",
			[]step{
				accepted, launch("i-1"), started(15*second, "i-1"), after(minute), lost("i-1", provisioner.BecauseMachineLost), after(minute), ended(50*second, "i-1", "success"),
			},
			journal.Ended, "", minute, "created accepted registered launched started ended machine_lost", "i-1 grp-i-1",
		},
		{
			"its machine is over before any webhook said that it runs",
			[]step{
				accepted, launch("i-1"), online("i-1"), after(minute), lost("i-1", provisioner.BecauseMachineLost), started(15*second, "i-1"), ended(50*second, "i-1", "success"),
			},
			journal.Ended, "", minute, "created accepted registered launched online started ended machine_lost", "i-1 grp-i-1",
		},
		{
			"the reconciler's list still has it when GitHub has said that it ended",
			[]step{accepted, launch("i-1"), started(15*second, "i-1"), ended(50*second, "i-1", "success"), after(minute), requeued},
			journal.Ended, "", 50 * second, "created accepted registered launched started ended requeued", "i-1 grp-i-1",
		},
		{
			"its machine is lost after it ended",
			[]step{accepted, launch("i-1"), started(15*second, "i-1"), ended(50*second, "i-1", "success"), after(minute), lost("i-1", provisioner.BecauseMachineLost), lost("i-1", provisioner.BecauseStolen)},
			journal.Ended, "", 50 * second, "created accepted registered launched started ended", "i-1 grp-i-1",
		},
		{
			"its machine is said to be another job's or of no use, while it runs on it",
			[]step{accepted, launch("i-1"), started(15*second, "i-1"), lost("i-1", provisioner.BecauseStolen), lost("i-1", provisioner.BecauseGone)},
			journal.Running, "", 15 * second, "created accepted registered launched started", "i-1 grp-i-1",
		},
		{
			"delivered again after its machine has served",
			[]step{accepted, launch("i-1"), online("i-1"), after(minute), lost("i-1", provisioner.BecauseMachineLost), after(minute), accepted},
			journal.Ended, "", minute, "created accepted registered launched online machine_lost accepted", "i-1 grp-i-1",
		},
		{
			"gone before its delivery was answered",
			[]step{after(minute), settled(provisioner.StatusGone, ""), func(w *world) {
				w.do(tell(provisioner.Event{Kind: provisioner.EventAccepted, RunnerType: "linux", At: w.begun.Add(second)}))
			}},
			journal.Gone, gone, minute, "created accepted gone", "",
		},
	} {
		t.Run(l.name, l.check)
	}
}

// TestWhyAJobWaits has something hold back the job, jobs like it, or nothing but its turn.
func TestWhyAJobWaits(t *testing.T) {
	full := provisioner.Reason{Because: provisioner.BecauseMax, Type: "linux", Max: 7}
	refused := provisioner.Reason{Because: provisioner.BecauseRefused, Type: "linux", System: "github", Target: provisioner.Target{Owner: "octo", Repo: "app"}}
	hold := func(key string, why provisioner.Reason) step { return func(w *world) { w.holds.set(key, why) } }
	for name, c := range map[string]struct {
		steps []step
		want  provisioner.Reason
		until time.Duration // 0: nobody knows
	}{
		"its own attempt failed": {
			[]step{accepted, held(capacity, minute), after(second)}, capacity, minute,
		},
		"and is due, which may take a moment": {
			[]step{accepted, held(capacity, minute), after(minute + 9*second)}, capacity, minute,
		},
		"and is due since long, so that its turn it is": {
			[]step{accepted, held(capacity, minute), after(minute + 10*second)}, provisioner.Reason{Because: provisioner.BecauseBehind, Type: "linux"}, 0,
		},
		"something holds back all jobs of its type": {
			[]step{accepted, hold("linux", full)}, full, 0,
		},
		"that counts more than its own attempt, which may have been before": {
			[]step{accepted, held(capacity, minute), hold("linux", full)}, full, 0,
		},
		"something holds back all jobs of its repository": {
			[]step{accepted, hold("octo/app", refused)}, refused, 0,
		},
		"something holds back another type or repository": {
			[]step{accepted, hold("mac", full), hold("octo/lib", refused)}, provisioner.Reason{Because: provisioner.BecauseBehind, Type: "linux"}, 0,
		},
		"it has lost its machine, whatever else": {
			[]step{accepted, launch("i-1"), lost("i-1", provisioner.BecauseMachineLost), hold("linux", full)},
			provisioner.Reason{Because: provisioner.BecauseMachineLost, Name: "i-1", Detail: "its fate"},
			0,
		},
		"its attempt failed after a machine was launched, which is over since": {
			[]step{accepted, launch("i-1"), held(capacity, time.Hour), after(3 * minute), sweep(nil)}, capacity, time.Hour,
		},
		"others of its repository came first": {
			[]step{of(2, app, accepted), of(3, app, accepted), after(second), accepted, after(second), of(4, app, accepted)},
			provisioner.Reason{Because: provisioner.BecauseBehind, Type: "linux", Ahead: 2},
			0,
		},
		"of those that came first, some have a machine or are over": {
			[]step{of(2, app, accepted, launch("i-2")), of(3, app, accepted, settled(provisioner.StatusGone, "")), of(4, app, accepted), after(second), accepted},
			provisioner.Reason{Because: provisioner.BecauseBehind, Type: "linux", Ahead: 1},
			0,
		},
		"another repository has ten, and this is its first": {
			[]step{func(w *world) {
				for id := range int64(10) {
					w.do(of(10+id, lib, accepted))
				}
			}, after(second), accepted},
			provisioner.Reason{Because: provisioner.BecauseBehind, Type: "linux"},
			0,
		},
		"another repository has ten, and this is its third": {
			[]step{func(w *world) {
				for id := range int64(10) {
					w.do(of(10+id, lib, accepted))
				}
			}, of(2, app, accepted), of(3, app, accepted), after(second), accepted},
			provisioner.Reason{Because: provisioner.BecauseBehind, Type: "linux", Ahead: 4},
			0,
		},
		"a level holds them all, and others come first": {
			[]step{of(2, app, accepted), of(3, lib, accepted), after(second), accepted, hold("linux", full)},
			provisioner.Reason{Because: provisioner.BecauseMax, Type: "linux", Max: 7, Ahead: 2},
			0,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(journal.Config{})
				w.do(c.steps...)
				if c.until != 0 {
					c.want.Until = w.begun.Add(c.until)
				}
				if got := w.explain(t, 1); got.Reason != c.want || got.State != journal.Waiting || got.Because() != c.want.String() {
					t.Errorf("%s because %+v (%s), want %+v", got.State, got.Reason, got.Because(), c.want)
				}
				for _, j := range w.Jobs(nil) { // says the same
					if j.ID == 1 && j.Reason != c.want {
						t.Errorf("of all jobs: %+v, want %+v", j.Reason, c.want)
					}
				}
			})
		})
	}
}

func TestNobodyKnowsAJobOfWhichOnlyAMachineIsKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(journal.Config{})
		w.do(online("i-1"), lost("i-1", provisioner.BecauseMachineLost), engine(provisioner.EventUndone, "i-1"), launched("i-1"))
		w.Observe(t.Context(), provisioner.Event{Kind: provisioner.EventAccepted, RunnerType: "linux"}) // no id
		if jobs := w.Jobs(nil); len(jobs) != 0 {
			t.Errorf("it knows %+v", jobs)
		}
		if _, ok := w.Explain(1); ok {
			t.Error("it explains a job of which it knows nothing")
		}
	})
}
