package journal

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// Step is something that happened to a job.
type Step struct {
	At time.Time `json:"at"`
	// Kind is that of the event; created and waits beside those.
	Kind   provisioner.EventKind `json:"kind"`
	Detail string                `json:"detail,omitempty"`
	// Times counts the same step in a row, the last of them at Last; 0 means once.
	Times int       `json:"times,omitempty"`
	Last  time.Time `json:"last,omitzero"`
}

// Steps that no event brings.
const (
	StepCreated provisioner.EventKind = "created"  // GitHub created the job
	StepWaits   provisioner.EventKind = "waits"    // the reason for which it waits is another one
	StepLeftOut provisioner.EventKind = "left_out" // steps that a long history leaves out
)

// took tells how long a step took, if that is worth telling.
func took(e provisioner.Event) string {
	if e.Took < time.Millisecond {
		return ""
	}
	return fmt.Sprintf(", after %.1f s", e.Took.Seconds())
}

const (
	// firstSteps and lastSteps are what is kept of a long history.
	firstSteps = 20
	lastSteps  = 60
	// longestDetail bounds what is kept of a step.
	longestDetail = 400
)

// add adds a step in its place: GitHub's times, and those of an accepted job, come late.
func (r *record) add(at time.Time, kind provisioner.EventKind, detail string) bool {
	if len(detail) > longestDetail {
		detail = strings.ToValidUTF8(detail[:longestDetail], "") + "..."
	}
	at = at.UTC()
	i := len(r.Steps)
	for i > 0 && r.Steps[i-1].At.After(at) {
		i--
	}
	if i > 0 && r.Steps[i-1].Kind == kind && r.Steps[i-1].Detail == detail {
		s := &r.Steps[i-1]
		s.Times = max(s.Times, 1) + 1
		if at.After(s.end()) {
			s.Last = at
		}
		return true
	}
	r.Steps = slices.Insert(r.Steps, i, Step{At: at, Kind: kind, Detail: detail})
	if len(r.Steps) > firstSteps+lastSteps {
		r.leaveOut()
	}
	return true
}

// leaveOut drops the oldest of the latest steps, and counts what was dropped.
func (r *record) leaveOut() {
	mark := &r.Steps[firstSteps]
	n := max(mark.Times, 1)
	if mark.Kind == StepLeftOut {
		n += max(r.Steps[firstSteps+1].Times, 1)
	}
	drop := firstSteps + 1
	if mark.Kind != StepLeftOut {
		*mark = Step{At: mark.At, Kind: StepLeftOut, Last: mark.end()}
		n += max(r.Steps[drop].Times, 1)
	}
	mark.Times = n
	if last := r.Steps[drop].end(); last.After(mark.Last) {
		mark.Last = last
	}
	r.Steps = slices.Delete(r.Steps, drop, drop+1)
}

// end is when a step happened last.
func (s Step) end() time.Time {
	if s.Last.After(s.At) {
		return s.Last
	}
	return s.At
}
