package provisioner

import (
	"fmt"
	"strings"
	"time"
)

// String is the reason in one plain sentence or two: why, what has to happen, and when it is tried
// again.
func (r Reason) String() string {
	say, ok := sentences[r.Because]
	if !ok {
		say = sentences[BecauseOther]
	}
	return say(r)
}

// sentences is the one wording of every reason.
var sentences = map[Because]func(r Reason) string{
	BecauseBehind: func(r Reason) string {
		if r.Ahead == 0 {
			return "It is the next job of " + r.Type + ": its attempt begins as soon as one of those under way ends."
		}
		return fmt.Sprintf("Nothing holds it back, but%s It is tried in its turn.", r.behind())
	},
	BecauseMax: func(r Reason) string {
		return fmt.Sprintf("%s has its %s, which is its max: it starts within 15 s of a place becoming free.%s", r.Type, count(r.Max, "machine"), r.behind())
	},
	BecauseAttempting: func(r Reason) string {
		return "Another attempt for it is under way: it is looked at again" + r.at() + "."
	},
	BecauseNotUp: func(r Reason) string {
		return "Its machine " + r.Name + ", which another attempt launched, is not up yet: it is looked at again" + r.at() + "."
	},

	BecauseUnknown: func(Reason) string {
		return "It waits at GitHub and has no machine. Why only the service knows: its status page and its log say it."
	},

	BecauseCapacity: func(r Reason) string {
		return fmt.Sprintf("%s has no capacity for %s at any of its places: one job probes and the rest follow, next%s. More instance types or subnets help.%s%s",
			r.system(), r.Type, r.at(), r.said(), r.behind())
	},
	BecauseCredential: func(r Reason) string {
		return fmt.Sprintf("GitHub does not accept the service's credential: somebody has to mend GITHUB_TOKEN or the App's key, and start the service again; it is tried again%s.%s", r.at(), r.said())
	},
	BecauseRefused: func(r Reason) string {
		if r.System != "github" {
			return fmt.Sprintf("%s refuses to launch %s: somebody has to mend the permission, limit or setting; it is tried again%s.%s%s", r.system(), r.Type, r.at(), r.said(), r.behind())
		}
		return fmt.Sprintf("GitHub refuses what serving %s takes: somebody has to give the credential access and its permissions; it is tried again%s.%s", r.Target, r.at(), r.said())
	},
	BecauseRateLimit: func(r Reason) string {
		return fmt.Sprintf("%s's rate limit is used up: it is tried again%s, as soon as that allows.%s%s", r.system(), r.at(), r.said(), r.behind())
	},
	BecauseUnavailable: func(r Reason) string {
		return fmt.Sprintf("%s fails: one job probes and the rest follow, next%s.%s%s", r.system(), r.at(), r.said(), r.behind())
	},
	BecauseNoAnswer: silent,
	BecauseTimeout:  silent,
	BecausePanic: func(r Reason) string {
		return "A defect of the service or a provider stops it, and the log has its stack: it is tried again" + r.at() + "." + r.said()
	},
	BecauseStopped: func(Reason) string {
		return "The service was stopped during its attempt: it is tried again when the service runs."
	},
	BecauseOther: func(r Reason) string {
		return "Its attempt failed: it is tried again" + r.at() + "." + r.said() + r.behind()
	},

	BecauseBootFailures: func(r Reason) string {
		return fmt.Sprintf("Machines of %s boot and never register: somebody has to mend its image, start-up script or network; a probe is launched%s.%s", r.Type, r.at(), r.behind())
	},
	BecauseMachineLost: func(r Reason) string {
		return "Its machine " + r.Name + " did not serve it (" + r.Detail + "): another one is launched within two sweeps of the reconciler."
	},
	BecauseStolen: func(r Reason) string {
		return "GitHub gave the runner of its machine " + r.Name + " to another job: another one is launched within two sweeps of the reconciler."
	},

	BecauseLaunching: func(r Reason) string {
		return "Its runner " + r.Name + " is registered, and its machine is being launched."
	},
	BecauseBooting: func(r Reason) string {
		return "Its machine " + r.Name + " starts; without an online runner it is replaced" + r.at() + "."
	},
	BecauseOnline: func(r Reason) string {
		return "Its runner " + r.Name + " is online and waits for GitHub to give it the job."
	},
	BecauseGone: func(Reason) string {
		return "It does not wait any more: it was cancelled, or ran elsewhere."
	},
	BecauseNoType:   func(r Reason) string { return "No runner type serves its labels: " + r.Detail + "." },
	BecauseNoRunner: func(r Reason) string { return "It needs no runner: " + r.Detail + "." },
	BecauseNotAllowed: func(r Reason) string {
		return "It is denied: " + r.Detail + ". Somebody has to add it to REPOSITORIES and deliver the webhook again."
	},
	BecauseGivenUp: func(r Reason) string {
		return "It was given up: " + r.Detail + "."
	},
	BecauseNeverCameUp: func(r Reason) string {
		return fmt.Sprintf("It was given up: none of its %s came up. Somebody has to mend the image, start-up script or network of %s, and run the job again.", count(r.Ahead, "machine"), r.Type)
	},
}

func silent(r Reason) string {
	return fmt.Sprintf("%s does not answer: one job probes and the rest follow, next%s.%s%s", r.system(), r.at(), r.said(), r.behind())
}

// at tells when it is tried again. A time that has come is now.
func (r Reason) at() string {
	if r.Until.IsZero() {
		return " within a minute"
	}
	if !r.Until.After(time.Now()) {
		return " now"
	}
	return " at " + r.Until.UTC().Format("15:04:05 UTC")
}

// said quotes the other side, as a sentence of its own.
func (r Reason) said() string {
	if r.Detail == "" {
		return ""
	}
	return " Details: " + strings.TrimSuffix(r.Detail, ".") + "."
}

// behind tells how many jobs come first, as a sentence of its own.
func (r Reason) behind() string {
	if r.Ahead == 0 {
		return ""
	}
	if r.Ahead == 1 {
		return " 1 job of " + r.Type + " comes first."
	}
	return fmt.Sprintf(" %d jobs of %s come first.", r.Ahead, r.Type)
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
