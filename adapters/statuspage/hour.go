package statuspage

import (
	"fmt"
	"strings"

	"github.com/datawire/github-runner-provisioner/provisioner/journal"
)

// The picture of an hour: a column for each minute, jobs that wait above the line, jobs that run
// below it, both to one scale, so that it can be read without colours.
const (
	columnWidth = 3
	hourWidth   = 60 * columnWidth
	hourHeight  = 36
	hourLine    = hourHeight / 2
)

type hour []journal.Minute

func (h hour) peaks() (waiting, running int) {
	for _, m := range h {
		waiting, running = max(waiting, m.Waiting), max(running, m.Running)
	}
	return waiting, running
}

// path draws one side of the line.
func (h hour) path(of func(journal.Minute) int, sign float64) string {
	waiting, running := h.peaks()
	scale := float64(hourLine-1) / float64(max(waiting, running, 1))
	var path strings.Builder
	for i, m := range h {
		if n := of(m); n > 0 {
			fmt.Fprintf(&path, "M%d %dv%.1fh%dV%dz", i*columnWidth, hourLine, sign*max(float64(n)*scale, 1.5), columnWidth-1, hourLine)
		}
	}
	return path.String()
}

func (h hour) waiting() string {
	return h.path(func(m journal.Minute) int { return m.Waiting }, -1)
}

func (h hour) running() string {
	return h.path(func(m journal.Minute) int { return m.Running }, 1)
}

// text is the picture for who can't see it.
func (h hour) text() string {
	if len(h) == 0 {
		return "Nothing is known of the last hour."
	}
	waiting, running := h.peaks()
	now := h[len(h)-1]
	return fmt.Sprintf("Last hour: at most %s waiting, now %s; at most %s running, now %s.", number(waiting), number(now.Waiting), number(running), number(now.Running))
}
