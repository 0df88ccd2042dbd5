package journal

import (
	"cmp"
	"container/list"
	"strconv"
	"strings"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// State is where a job is in its life.
type State string

// The states.
const (
	Waiting   State = "waiting"   // accepted, and without a machine
	Launching State = "launching" // an attempt for it is under way
	Booting   State = "booting"   // it has a machine, whose runner does not have it yet
	Running   State = "running"   // a runner has it
	Ended     State = "ended"     // it ran
	Gone      State = "gone"      // it did not run, and does not wait any more
	Denied    State = "denied"    // it may not use machines
	Ignored   State = "ignored"   // no runner type serves it
	GivenUp   State = "given_up"  // it will get no machine
)

var states = []State{Waiting, Launching, Booting, Running, Ended, Gone, Denied, Ignored, GivenUp}

// Over reports whether nothing more is to come.
func (s State) Over() bool {
	switch s {
	case Waiting, Launching, Booting, Running, "": // "" is a job of which nothing is known yet
		return false
	default:
		return true
	}
}

// unused reports whether it is a state of jobs that never had a runner type.
func (s State) unused() bool { return s == Ignored || s == Denied }

// record is what is kept of a job.
type record struct {
	Job   provisioner.Job `json:"job"`
	Type  string          `json:"type,omitempty"`
	State State           `json:"state"`
	// Since is when the state began, Accepted when the job was, and Updated when anything happened
	// to it.
	Since, Accepted, Updated time.Time
	// Reason is why it is in that state, or what held it back last.
	Reason provisioner.Reason `json:"reason,omitzero"`
	// Runner, Machine and what follows are of the latest machine.
	Runner     string    `json:"runner,omitempty"`
	Machine    string    `json:"machine,omitempty"`
	Provider   string    `json:"provider,omitempty"`
	Registered time.Time `json:"registered,omitzero"`
	Launched   time.Time `json:"launched,omitzero"`
	Online     time.Time `json:"online,omitzero"`
	// Reported is what somebody was told elsewhere.
	Reported string `json:"reported,omitempty"`
	// Started and Ended are GitHub's times.
	Started time.Time `json:"started,omitzero"`
	Ended   time.Time `json:"ended,omitzero"`
	Steps   []Step    `json:"steps"`

	told  told          // what was told last
	age   *list.Element // its place among those of its class
	filed int           // that class
	saved bool          // the store may have it
}

// told is what those who watch have been told of a job.
type told struct {
	state   State
	because provisioner.Because
	ended   bool // GitHub's word of its end
}

// begins are the kinds of events that make a job known.
var begins = map[provisioner.EventKind]bool{
	provisioner.EventAccepted: true, provisioner.EventDuplicate: true, provisioner.EventIgnored: true, provisioner.EventDenied: true,
	provisioner.EventRequeued: true, provisioner.EventRegistered: true, provisioner.EventHeld: true, provisioner.EventSettled: true, provisioner.EventGivenUp: true,
	provisioner.EventStarted: true, provisioner.EventEnded: true,
}

// apply takes an event in, and reports whether it was news.
func (r *record) apply(e provisioner.Event) (news bool) {
	news = r.learn(e)
	if do, ok := effects[e.Kind]; ok && do(r, e) {
		news = true
	}
	return news
}

// learn fills in what is not known yet, and reports whether that was anything. Events of machines
// know little of their job.
func (r *record) learn(e provisioner.Event) (news bool) {
	created := r.Job.CreatedAt
	if len(r.Job.Labels) == 0 && len(e.Job.Labels) > 0 || created.IsZero() && !e.Job.CreatedAt.IsZero() {
		r.Job, news = e.Job, true
	}
	if created.IsZero() && !r.Job.CreatedAt.IsZero() {
		r.add(r.Job.CreatedAt, StepCreated, "")
	}
	if e.RunnerType != "" && e.RunnerType != r.Type {
		r.Type, news = e.RunnerType, true
	}
	if e.Provider != "" && e.Provider != r.Provider {
		r.Provider, news = e.Provider, true
	}
	if r.Accepted.IsZero() {
		r.Accepted, news = e.At, true
	}
	return news
}

// enter begins a state, unless the job is in it.
func (r *record) enter(s State, at time.Time, why provisioner.Reason) {
	if r.State != s {
		r.State, r.Since = s, at
	}
	r.Reason = why
}

// end is for what no event tells.
func (r *record) end(s State, at time.Time, detail string) {
	kind := provisioner.EventEnded
	why := provisioner.Reason{}
	if s == Gone {
		kind, why = provisioner.EventGone, provisioner.Reason{Because: provisioner.BecauseGone, Type: r.Type}
	}
	r.enter(s, at, why)
	r.add(at, kind, detail)
}

// effects are what the events do to a record. Each reports whether it was news.
var effects = map[provisioner.EventKind]func(r *record, e provisioner.Event) bool{
	provisioner.EventAccepted: func(r *record, e provisioner.Event) bool {
		r.Accepted = e.At
		if r.State == "" || r.mayWaitAgain() && r.State != Ended && e.At.After(r.Since) {
			r.enter(Waiting, e.At, provisioner.Reason{})
		}
		return r.add(e.At, e.Kind, "the webhook's delivery was stored")
	},
	provisioner.EventDuplicate: func(r *record, e provisioner.Event) bool {
		if r.State == "" {
			r.enter(Waiting, e.At, provisioner.Reason{})
		}
		return r.add(e.At, e.Kind, "the webhook was delivered again")
	},
	provisioner.EventIgnored: func(r *record, e provisioner.Event) bool { return r.pass(Ignored, e) },
	provisioner.EventDenied:  func(r *record, e provisioner.Event) bool { return r.pass(Denied, e) },
	provisioner.EventRequeued: func(r *record, e provisioner.Event) bool {
		if !r.State.Over() || r.mayWaitAgain() {
			r.waitForAnother(e.At, provisioner.Reason{})
		}
		return r.add(e.At, e.Kind, "the reconciler found it waiting at GitHub without a machine")
	},
	provisioner.EventRegistered: func(r *record, e provisioner.Event) bool {
		if !r.State.Over() && r.State != Running {
			r.Runner, r.Registered, r.Online = e.Runner.Name, e.At, time.Time{}
			r.enter(Launching, e.At, provisioner.Reason{})
		}
		return r.add(e.At, e.Kind, "runner "+e.Runner.Name+" ("+strconv.FormatInt(e.Runner.ID, 10)+took(e)+")")
	},
	provisioner.EventTried: func(r *record, e provisioner.Event) bool {
		detail := provisioner.ReasonOf(e.Err, provisioner.RunnerType{}).Detail
		if !strings.Contains(detail, e.Place) {
			detail = e.Place + ": " + detail
		}
		return r.add(e.At, e.Kind, "no room: "+detail)
	},
	provisioner.EventLaunched: func(r *record, e provisioner.Event) bool {
		if !r.State.Over() && r.State != Running {
			r.Machine, r.Launched, r.Online = e.Machine.ID, e.At, time.Time{}
			r.enter(Booting, e.At, provisioner.Reason{})
		}
		detail := "machine " + e.Machine.ID
		if e.Place != "" {
			detail += ", " + e.Place
		}
		return r.add(e.At, e.Kind, detail+took(e))
	},
	provisioner.EventServed: func(r *record, e provisioner.Event) bool {
		return r.add(e.At, e.Kind, "it has runner "+e.Runner.Name+" already")
	},
	provisioner.EventTakenOver: func(r *record, e provisioner.Event) bool {
		return r.add(e.At, e.Kind, "the dead registration "+strconv.FormatInt(e.Runner.ID, 10)+" of "+e.Runner.Name+" was removed")
	},
	provisioner.EventUndone: func(r *record, e provisioner.Event) bool {
		return r.add(e.At, e.Kind, "the registration of "+e.Runner.Name+" was removed")
	},
	provisioner.EventHeld: func(r *record, e provisioner.Event) bool {
		if r.State.Over() || r.State == Running {
			return false
		}
		if e.Reason.Because == provisioner.BecauseNotUp {
			r.has(e)
			r.enter(Booting, e.At, e.Reason)
		} else {
			r.enter(Waiting, e.At, e.Reason)
		}
		return r.add(e.At, e.Kind, e.Reason.Detail)
	},
	provisioner.EventSettled: settle,
	provisioner.EventGivenUp: func(r *record, e provisioner.Event) bool {
		r.enter(GivenUp, e.At, e.Reason)
		return r.add(e.At, e.Kind, e.Reason.Detail)
	},
	provisioner.EventStarted: func(r *record, e provisioner.Event) bool {
		if r.Started.Equal(e.At) {
			return false
		}
		r.Started = e.At
		if r.Ended.IsZero() && r.State != Ended {
			r.enter(Running, e.At, provisioner.Reason{})
		}
		r.runsOn(e.Runner.Name)
		return r.add(e.At, e.Kind, "on runner "+e.Runner.Name)
	},
	provisioner.EventEnded: func(r *record, e provisioner.Event) bool {
		if !r.Ended.IsZero() {
			return false
		}
		r.Ended = e.At
		if e.Runner.Name == "" {
			r.enter(Gone, e.At, provisioner.Reason{Because: provisioner.BecauseGone, Type: r.Type})
		} else {
			r.enter(Ended, e.At, provisioner.Reason{})
		}
		return r.add(e.At, e.Kind, e.Conclusion)
	},
	provisioner.EventOnline: func(r *record, e provisioner.Event) bool {
		switch {
		case e.Machine.ID != r.Machine && r.Machine != "" || !r.Online.IsZero() || r.State.Over():
			return false
		case r.State == Running && e.Runner.Name != r.Runner:
			return false // another job's machine has it
		}
		if r.Launched.IsZero() {
			r.Launched = e.Machine.LaunchedAt
		}
		r.Machine, r.Runner, r.Online = e.Machine.ID, e.Runner.Name, e.At
		if r.State != Running {
			r.enter(Booting, e.At, provisioner.Reason{})
		}
		return r.add(e.At, e.Kind, "runner "+e.Runner.Name)
	},
	provisioner.EventMachineLost: lose,
}

// mayWaitAgain reports whether a job that is over may wait all the same: unless GitHub has said
// that it ended, that it is over is what somebody concluded.
func (r *record) mayWaitAgain() bool { return r.State.Over() && r.Ended.IsZero() }

// waitForAnother is for a job that is to get another machine: what comes to light about the one it
// had does not concern it any more.
func (r *record) waitForAnother(at time.Time, why provisioner.Reason) {
	r.Machine, r.Launched, r.Online = "", time.Time{}, time.Time{}
	r.enter(Waiting, at, why)
}

// has notes the machine that another attempt launched.
func (r *record) has(e provisioner.Event) {
	if e.Machine.ID != r.Machine {
		r.Launched, r.Online = e.Machine.LaunchedAt, time.Time{}
	}
	if r.Launched.IsZero() {
		r.Launched = e.At
	}
	r.Runner, r.Machine = cmp.Or(e.Runner.Name, e.Machine.RunnerName, r.Runner), e.Machine.ID
}

// runsOn notes which runner has the job: if that is another job's, its own machine's fate is not
// its own.
func (r *record) runsOn(runner string) {
	if runner == "" || runner == r.Runner {
		return
	}
	if r.Runner != "" {
		r.Machine, r.Launched, r.Online = "", time.Time{}, time.Time{}
	}
	r.Runner = runner
}

// settle is for a job that the queue has done with: what a launch meant is known already.
func settle(r *record, e provisioner.Event) bool {
	switch {
	case r.State.Over() || r.State == Running:
		return false
	case e.Status == provisioner.StatusGone:
		r.enter(Gone, e.At, provisioner.Reason{Because: provisioner.BecauseGone, Type: r.Type})
		return r.add(e.At, provisioner.EventGone, "")
	case r.State == Booting && r.Reason.Because == "":
		return false
	case r.State == Booting: // its machine, which was not up, is
		r.enter(Booting, e.At, provisioner.Reason{})
		return true
	default:
		r.has(e)
		r.enter(Booting, e.At, provisioner.Reason{})
		return true
	}
}

// lose is for a machine that is over, or that is another job's. One whose runner was online has
// served its job, as far as anybody can tell; the reconciler finds out if not.
func lose(r *record, e provisioner.Event) bool {
	if e.Machine.ID != r.Machine || r.State.Over() {
		return false
	}
	because := e.Reason.Because
	switch {
	case r.State == Running && because != provisioner.BecauseMachineLost:
		return false // it runs on another one
	case r.State == Running, !r.Online.IsZero() && because == provisioner.BecauseMachineLost:
		r.enter(Ended, e.At, provisioner.Reason{})
	case because == provisioner.BecauseGone:
		r.enter(Gone, e.At, e.Reason)
	default:
		r.waitForAnother(e.At, e.Reason)
	}
	return r.add(e.At, e.Kind, "machine "+e.Machine.ID+": "+e.Reason.Detail)
}

// pass is for a job that gets no machine. What is known better already stays.
func (r *record) pass(s State, e provisioner.Event) bool {
	if r.State != "" && r.State != s {
		return false
	}
	r.enter(s, e.At, e.Reason)
	return r.add(e.At, e.Kind, e.Reason.Detail)
}
