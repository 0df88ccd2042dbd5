package statuspage

import (
	"strings"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/journal"
)

// span is a part of a job's life that it spent in one state.
type span struct {
	state    journal.State
	from, to time.Time
}

// bar is a job's life as a picture.
type bar []span

// stages are the states of a bar, in the order of a job's life. A bar is the higher the later the
// stage, so that it can be read without colours.
var stages = []journal.State{journal.Waiting, journal.Launching, journal.Booting, journal.Running}

// stageAfter is the stage that a step begins; other steps change nothing.
var stageAfter = map[provisioner.EventKind]journal.State{
	journal.StepCreated: journal.Waiting, provisioner.EventAccepted: journal.Waiting, provisioner.EventRequeued: journal.Waiting,
	provisioner.EventHeld: journal.Waiting, provisioner.EventUndone: journal.Waiting, provisioner.EventMachineLost: journal.Waiting, journal.StepWaits: journal.Waiting,
	provisioner.EventRegistered: journal.Launching,
	provisioner.EventLaunched:   journal.Booting, provisioner.EventServed: journal.Booting, provisioner.EventOnline: journal.Booting,
	provisioner.EventStarted: journal.Running,
}

// barOf draws a job's life up to its end, or to now.
func barOf(j journal.Job, now time.Time) (b bar) {
	end := now
	if j.State.Over() {
		end = j.Since
	}
	for _, s := range j.Timeline {
		stage, ok := stageAfter[s.Kind]
		switch n := len(b); {
		case !ok || s.At.After(end):
		case n > 0 && (b[n-1].state == stage || b[n-1].state == journal.Running): // no job runs twice
		default:
			if n > 0 {
				b[n-1].to = s.At
			}
			b = append(b, span{stage, s.At, end})
		}
	}
	return b
}

func (b bar) length() time.Duration {
	if len(b) == 0 {
		return 0
	}
	return b[len(b)-1].to.Sub(b[0].from)
}

// barWidth and barHeight are the picture's units.
const (
	barWidth  = 1000
	barHeight = 24
)

// box is where a span is drawn: no narrower than can be seen.
func (b bar) box(s span) (x, width, height float64) {
	scale := barWidth / max(b.length().Seconds(), 0.001)
	x = s.from.Sub(b[0].from).Seconds() * scale
	width = max(s.to.Sub(s.from).Seconds()*scale, 3)
	x = min(x, barWidth-width)
	return x, width, heightOf(s.state)
}

func heightOf(s journal.State) float64 {
	for i, stage := range stages {
		if s == stage {
			return barHeight * float64(i+2) / float64(len(stages)+1)
		}
	}
	return barHeight
}

// took is how long all spans of a state took together.
func (b bar) took(s journal.State) (d time.Duration, ok bool) {
	for _, part := range b {
		if part.state == s {
			d, ok = d+part.to.Sub(part.from), true
		}
	}
	return d, ok
}

// text is the picture for who can't see it.
func (b bar) text() string {
	var parts []string
	for _, s := range stages {
		if d, ok := b.took(s); ok {
			parts = append(parts, word(s)+" "+lasts(d))
		}
	}
	return "Of " + lasts(b.length()) + ": " + strings.Join(parts, ", ") + "."
}
