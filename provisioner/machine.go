package provisioner

import (
	"context"
	"time"
)

// Machine is what a provider started for a job: an instance, a build.
type Machine struct {
	// ID is the provider's: an instance id, a build id.
	ID       string
	Provider string
	// Type is the name of the runner type.
	Type       string
	Repository Repository
	// RepositoryID is GitHub's number of the repository; 0 if the machine does not carry it.
	RepositoryID int64
	// Job is the workflow_job.id for which it was launched.
	Job        int64
	RunnerName string
	// RunnerID is the registration that the machine was launched with. The machine is worth
	// something exactly as long as that registration exists.
	RunnerID   int64
	State      MachineState
	LaunchedAt time.Time
	// StartedAt is when the machine began to run. Providers that have no queue of their own need
	// not set it: zero means LaunchedAt.
	StartedAt time.Time
	// Place is where it runs, as its provider names it, for people: instance type, market, subnet.
	Place string
	// Terminated says of a machine that has ended that somebody ended it, by a call to the
	// provider.
	Terminated bool
}

// Alive reports whether the machine has not ended.
func (m Machine) Alive() bool { return m.State != MachineEnded }

// Age is how long the machine has been running; 0 while it waits in the provider's own queue. Its
// boot deadline and its lifetime count from then.
func (m Machine) Age(now time.Time) time.Duration {
	switch {
	case m.State == MachineQueued:
		return 0
	case m.StartedAt.IsZero():
		return now.Sub(m.LaunchedAt)
	default:
		return now.Sub(m.StartedAt)
	}
}

// MachineState is the part of a machine's state that decisions need.
type MachineState string

// A machine that a provider can't tell to be ended is alive.
const (
	MachineQueued MachineState = "queued" // waits for a place in the provider's own queue
	MachineAlive  MachineState = "alive"  // starting, running, ending
	MachineEnded  MachineState = "ended"
)

// Launch is an order for one machine.
type Launch struct {
	Job    Job
	Type   RunnerType
	Runner Runner
	// JITConfig is the runner's just-in-time configuration, about 4.3 KB of base64: a credential
	// until the runner has connected.
	JITConfig Secret
	// Confirm asks whether the machine is still wanted: nil, or an error that ends the launch, to
	// be wrapped and returned. A provider calls it before every call that could make a machine but
	// the first, and after every wait; it is cheap when little time has passed. After a call
	// without an answer it returns the error all the same: the machine that may come of it is
	// worthless once its registration is removed. Never nil in a launch of [Provisioner.Provision].
	Confirm func(ctx context.Context) error
	// Tried hears of every place that had no room, and why. It may be nil; [Launch.Full] calls it.
	Tried func(place string, err error)
}

// Full tells that a place had no room, before the next one is tried.
func (l Launch) Full(place string, err error) {
	if l.Tried != nil {
		l.Tried(place, err)
	}
}

// StillWanted calls Confirm, if there is one.
func (l Launch) StillWanted(ctx context.Context) error {
	if l.Confirm == nil {
		return nil
	}
	return l.Confirm(ctx)
}

// ProviderPlan is what a provider would do for a [Launch].
type ProviderPlan struct {
	// Request is the call that would be made, without secrets, fit for JSON.
	Request any
	// Verified is true when the provider itself said that the call would work.
	Verified bool
	// UnverifiedBecause says why it did not, when Verified is false.
	UnverifiedBecause string
}

// Plan is what [Provisioner.Provision] would do for a job.
type Plan struct {
	RunnerType        string   `json:"-"`
	Provider          string   `json:"provider"`
	RunnerName        string   `json:"runner_name"`
	Labels            []string `json:"labels"`
	Request           any      `json:"request"`
	Verified          bool     `json:"verified"`
	UnverifiedBecause string   `json:"unverified_because,omitempty"`
}
