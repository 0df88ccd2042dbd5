package provisioner

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"time"
)

// Reason is why a job is where it is, as data. Its String is the one wording of it, for people,
// wherever they look: it says why, what has to happen and when it is tried again. Which fields
// count depends on Because; [Because] has the list.
type Reason struct {
	Because Because
	// Type is the runner type.
	Type string
	// Max is the most machines that the type may have.
	Max int
	// Ahead is how many jobs come first.
	Ahead int
	// Target is where GitHub fails or refuses; zero where it is about the credential.
	Target Target
	// System is the side that failed: github, or the provider.
	System string
	// Name is the machine, or the runner.
	Name string
	// Detail is what the other side said, or what is to be added.
	Detail string
	// Until is when it is tried again, or when what it waits for is over; zero if nobody knows.
	Until time.Time
	// Alone says that it concerns this job and no other.
	Alone bool
}

// Because is a closed set of reasons.
type Because string

// Why a job waits that nothing is wrong with.
const (
	// BecauseBehind: Ahead jobs of its type come first.
	BecauseBehind Because = "behind"
	// BecauseMax: its type has its Max machines.
	BecauseMax Because = "max"
	// BecauseAttempting: another message of the job is being tried.
	BecauseAttempting Because = "attempting"
	// BecauseUnknown: it has no machine, and whoever looks can't know why.
	BecauseUnknown Because = "unknown"
	// BecauseNotUp: somebody else launched its machine Name, which is looked at until it is up.
	BecauseNotUp Because = "not_up"
)

// Why a job waits when something has failed: System, Target and Detail say what. Each but
// credential is the [Class] of an error.
const (
	BecauseCapacity    Because = "capacity"
	BecauseCredential  Because = "credential" // refused, because the service's credential is
	BecauseRefused     Because = "refused"
	BecauseRateLimit   Because = "rate_limit"
	BecauseUnavailable Because = "unavailable"
	BecauseNoAnswer    Because = "no_answer"
	BecauseTimeout     Because = "timeout"
	BecausePanic       Because = "panic"
	BecauseStopped     Because = "stopped"
	BecauseOther       Because = "other"
)

// Why a job waits whose machines don't come up.
const (
	// BecauseBootFailures: machines of its type boot and never register, so that only probes are
	// launched.
	BecauseBootFailures Because = "boot_failures"
	// BecauseMachineLost: its machine Name is over, or did not come up, and the reconciler gets it
	// another one.
	BecauseMachineLost Because = "machine_lost"
	// BecauseStolen: GitHub gave the runner of its machine Name to another job, and the reconciler
	// gets it another one.
	BecauseStolen Because = "stolen"
)

// Why a job is where it is when it does not wait in the queue.
const (
	BecauseLaunching   Because = "launching"     // its attempt is under way, with the runner Name
	BecauseBooting     Because = "booting"       // its machine Name starts, and is replaced at Until
	BecauseOnline      Because = "online"        // its runner Name waits for GitHub to give it the job
	BecauseGone        Because = "gone"          // it does not wait any more
	BecauseNoType      Because = "no_type"       // no runner type serves its labels, as Detail says
	BecauseNoRunner    Because = "no_runner"     // its event needs no runner, as Detail says
	BecauseNotAllowed  Because = "not_allowed"   // its repository is not in the allow-list, as Detail says
	BecauseGivenUp     Because = "given_up"      // nothing helped, as Detail says
	BecauseNeverCameUp Because = "never_came_up" // none of its Ahead machines came up
)

// ReasonOf is the reason for which a failed attempt has to be repeated.
func ReasonOf(err error, t RunnerType) Reason {
	r := Reason{Because: Because(Class(err)), Type: t.Name, System: System(err, t.Provider), Detail: gist(err)}
	if github, ok := errors.AsType[*GitHubError](err); ok {
		r.Target = github.Target
	}
	if errors.Is(err, ErrBadCredential) {
		r.Because = BecauseCredential
	}
	if _, ok := errors.AsType[*JobError](err); ok {
		r.Alone = true
	}
	return r
}

// longestWords bounds what is kept of the other side's words.
const longestWords = 300

// gist is the part of an error's text that the other side, or the place closest to it, said:
// without what our own callers put before it, and without the kinds that are put behind.
func gist(err error) string {
	text := err.Error()
	for inner := errors.Unwrap(err); inner != nil && !isKind(inner); inner = errors.Unwrap(inner) {
		if t := inner.Error(); strings.HasSuffix(text, t) {
			text = t
		}
	}
	for cut := true; cut; {
		cut = false
		for _, c := range append(classes, class{ErrBadCredential, ""}) {
			if rest, ok := strings.CutSuffix(text, ": "+c.is.Error()); ok {
				text, cut = rest, true
			}
		}
	}
	if len(text) > longestWords {
		text = strings.ToValidUTF8(text[:longestWords], "") + "..."
	}
	return text
}

// isKind reports whether an error only names a kind.
func isKind(err error) bool {
	return slices.ContainsFunc(classes, func(c class) bool { return err == c.is }) //nolint:errorlint // the sentinel itself, and nothing that wraps it
}

// systems are the names by which people know the sides that fail.
var systems = map[string]string{"github": "GitHub", "aws": "EC2", "codemagic": "Codemagic"}

func (r Reason) system() string { return cmp.Or(systems[r.System], r.System, "Its provider") }
