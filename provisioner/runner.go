package provisioner

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Scope says where runners of a type are registered.
type Scope string

const (
	// ScopeRepository registers a runner at the job's repository. The default.
	ScopeRepository Scope = "repo"
	// ScopeOrganization registers a runner at the repository's owner, which must be an
	// organisation.
	ScopeOrganization Scope = "org"
)

// RunnerType is a kind of machine that workflows can ask for.
type RunnerType struct {
	// Name identifies the type: 1 to 32 characters of A-Z a-z 0-9 . _ -
	Name string
	// Labels are what a runner of this type is registered with, beside its deployment's, 1 to 99. A
	// job whose labels are all among them is served.
	Labels []string
	// Provider is the name of the [Provider] that starts the type's machines.
	Provider string
	// Max is the most machines of this type alive at once; more jobs wait. 0 means no limit.
	Max int
	// Scope defaults to ScopeRepository.
	Scope Scope
	// Group is the runner group for ScopeOrganization, by name. Defaults to "Default".
	Group string
	// MaxLifetime is the age at which a machine ends, busy or not. Defaults to 6 h.
	MaxLifetime time.Duration
	// BootDeadline is the age by which a machine's runner must have been online. Defaults to 5 min.
	BootDeadline time.Duration
}

// Target returns where a runner of this type for that repository is registered.
func (t RunnerType) Target(r Repository) Target {
	if t.Scope == ScopeOrganization {
		return Target{Owner: r.Owner}
	}
	return Target{Owner: r.Owner, Repo: r.Name}
}

// Target is where runners are registered: a repository, or an organisation when Repo is empty.
type Target struct {
	Owner string `json:"owner"`
	Repo  string `json:"repo,omitempty"`
}

// String returns owner/repo or owner.
func (t Target) String() string {
	if t.Repo == "" {
		return t.Owner
	}
	return t.Owner + "/" + t.Repo
}

// Registration is a request for a single-use runner.
type Registration struct {
	Target Target
	Name   string
	Labels []string
	Group  string // by name; "" or "Default" is the default group
}

// Runner is a self-hosted runner as GitHub knows it. Its ID never returns, so it identifies a
// registration, whereas a name can be used again.
type Runner struct {
	ID     int64
	Name   string
	Online bool
	Busy   bool
	Labels []string
}

// maxName is the longest runner name that GitHub takes.
const maxName = 64

// namePrefix begins the name of every runner of ours; the reconciler touches no other.
const namePrefix = "grp-"

// RunnerName is the name of the runner for a job: a pure function of its arguments, so that
// GitHub's refusal to register a name twice is a lock on the job. It is grp-<type>-<id>-<attempt>,
// followed by -<generation> from the second generation on, of A-Z a-z 0-9 . _ - and at most 64
// characters: a longer type name is cut.
func RunnerName(runnerType string, j Job) string {
	tail := "-" + j.Key()
	if j.Generation > 1 {
		tail += fmt.Sprintf("-%d", j.Generation)
	}
	return namePrefix + cutType(runnerType, maxName-len(namePrefix)-len(tail)) + tail
}

func cutType(name string, room int) string {
	clean := strings.Map(func(r rune) rune {
		if isNameRune(r) {
			return r
		}
		return '_'
	}, name)
	return clean[:min(len(clean), room)]
}

func isNameRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '_' || r == '-'
}

// IsRunnerName reports whether a runner's name could be one of [RunnerName]'s.
func IsRunnerName(name string) bool { return strings.HasPrefix(name, namePrefix) }

// maxAttempt is beyond what GitHub lets a run be repeated. It tells the name of a job of one runner
// type from that of another type whose name goes on with a number: the job's id would be its
// attempt.
const maxAttempt = 9999

// ParseRunnerName reads what [RunnerName] made for a job of this runner type. ok is false for every
// other name. The job has no more than its ID, RunAttempt and Generation. Of several types whose
// names begin alike it is the one with the longest name.
func ParseRunnerName(runnerType, name string) (j Job, ok bool) {
	tail, ok := strings.CutPrefix(name, namePrefix+runnerType+"-")
	if !ok {
		return Job{}, false
	}
	numbers := strings.Split(tail, "-")
	if len(numbers) < 2 || len(numbers) > 3 {
		return Job{}, false
	}
	j.ID, _ = strconv.ParseInt(numbers[0], 10, 64)
	j.RunAttempt, _ = strconv.Atoi(numbers[1])
	j.Generation = 1
	if len(numbers) == 3 {
		j.Generation, _ = strconv.Atoi(numbers[2])
	}
	return j, j.RunAttempt <= maxAttempt && RunnerName(runnerType, j) == name
}
