package statuspage

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/journal"
)

// utc is a time as programs get it.
func utc(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }

// stamp is a time as programs read it, and clock and moment as people do.
func stamp(t time.Time) string  { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
func clock(t time.Time) string  { return t.UTC().Format("15:04:05") }
func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// lasts is a duration in at most two units.
func lasts(d time.Duration) string {
	d = max(d, 0)
	switch {
	case d < 10*time.Second:
		return strings.TrimSuffix(fmt.Sprintf("%.1f", d.Seconds()), ".0") + " s"
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < time.Hour:
		return units(d/time.Minute, "min", d%time.Minute/time.Second, "s")
	case d < 24*time.Hour:
		return units(d/time.Hour, "h", d%time.Hour/time.Minute, "min")
	default:
		return units(d/(24*time.Hour), "d", d%(24*time.Hour)/time.Hour, "h")
	}
}

func units(n time.Duration, big string, m time.Duration, small string) string {
	if m == 0 {
		return fmt.Sprintf("%d %s", n, big)
	}
	return fmt.Sprintf("%d %s %d %s", n, big, m, small)
}

// roughly is a duration in one unit, which does not change with every look.
func roughly(d time.Duration) string {
	d = max(d, 0)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%d min", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", d/time.Hour)
	default:
		return fmt.Sprintf("%d d", d/(24*time.Hour))
	}
}

// relative is a time seen from another one.
func relative(t, now time.Time) string {
	if t.After(now) {
		return "in " + roughly(t.Sub(now)+time.Second-1)
	}
	return roughly(now.Sub(t)) + " ago"
}

// number is a count with its thousands apart.
func number(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// plural is a count of things.
func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return number(n) + " " + thing + "s"
}

// word is a name of ours, as people read it.
func word[S ~string](name S) string { return strings.ReplaceAll(string(name), "_", " ") }

// stepWords say what happened, where the name alone does not.
var stepWords = map[provisioner.EventKind]string{
	journal.StepCreated:          "created at GitHub",
	journal.StepWaits:            "waits for another reason",
	journal.StepLeftOut:          "left out",
	provisioner.EventAccepted:    "accepted",
	provisioner.EventDuplicate:   "delivered again",
	provisioner.EventRequeued:    "found again",
	provisioner.EventRegistered:  "runner registered",
	provisioner.EventTried:       "place tried",
	provisioner.EventLaunched:    "machine launched",
	provisioner.EventServed:      "served already",
	provisioner.EventTakenOver:   "name freed",
	provisioner.EventUndone:      "registration undone",
	provisioner.EventHeld:        "attempt put off",
	provisioner.EventOnline:      "runner online",
	provisioner.EventStarted:     "started",
	provisioner.EventMachineLost: "machine lost",
	provisioner.EventGone:        "gone",
}

func stepWord(kind provisioner.EventKind) string {
	if w, ok := stepWords[kind]; ok {
		return w
	}
	return word(kind)
}

// tone is how much a reason weighs, as a class of the style sheet: what does not pass by itself is
// to be mended, and what is only a job's way is calm.
func tone(b provisioner.Because) string {
	switch b {
	case provisioner.BecauseRefused, provisioner.BecauseBootFailures, provisioner.BecausePanic, provisioner.BecauseNotAllowed,
		provisioner.BecauseGivenUp, provisioner.BecauseNeverCameUp:
		return "why mend"
	case "", provisioner.BecauseBehind, provisioner.BecauseAttempting, provisioner.BecauseNotUp, provisioner.BecauseLaunching,
		provisioner.BecauseBooting, provisioner.BecauseOnline, provisioner.BecauseGone, provisioner.BecauseNoType, provisioner.BecauseNoRunner:
		return "why calm"
	default:
		return "why"
	}
}
