package reconcile

import (
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// Report says what a sweep saw and did.
type Report struct {
	Begun    time.Time
	Duration time.Duration
	// Machines counts the machines that are alive.
	Machines map[MachineKind]int
	// Alive are those machines. Unlisted are the providers whose machines are not among them,
	// because they could not be listed.
	Alive    []Machine
	Unlisted []string
	// Reaped counts the machines and registrations that were removed.
	Reaped map[Reason]int
	// Requeued counts the jobs without a machine that were put into the queue; Replaced, those of
	// them that had had one that did not come up.
	Requeued, Replaced int
	// GivenUp counts the jobs that will get no further machine.
	GivenUp int
	// Recovered counts the failed webhook deliveries that were processed.
	Recovered int
	// Requests counts the requests to GitHub; Unchanged, those of them that were answered 304 and
	// cost nothing.
	Requests, Unchanged int
	// PutOff counts the repositories and organisations that were left alone, because little is left
	// of their credential's rate limit.
	PutOff int
	// Failed says that something could not be read or done.
	Failed bool

	errs []error
}

// Machine is a machine that is alive, and what it is doing.
type Machine struct {
	provisioner.Machine
	State State
}

// MachineKind is a runner type and a state.
type MachineKind struct {
	Type  string
	State State
}

// State is what a machine is doing.
type State string

// The states of machines.
const (
	Booting State = "booting" // its runner was not online yet, and its boot deadline is not over
	Idle    State = "idle"    // its runner waits for a job
	Busy    State = "busy"    // its runner has a job
	Dead    State = "dead"    // it did not come up in time, or its registration is gone
	Unknown State = "unknown" // GitHub could not be asked
)

// Reason is why something was removed.
type Reason string

// The reasons.
const (
	// NotNeeded: no queued job needs the machine.
	NotNeeded Reason = "not_needed"
	// BootDeadline: the runner was not online in time.
	BootDeadline Reason = "boot_deadline"
	// RegistrationGone: the machine's runner does not exist any more.
	RegistrationGone Reason = "registration_gone"
	// Lifetime: the machine is too old.
	Lifetime Reason = "lifetime"
	// NoMachine: the registration is offline and has no machine.
	NoMachine Reason = "no_machine"
)

func newReport() *Report {
	return &Report{Begun: time.Now(), Machines: map[MachineKind]int{}, Reaped: map[Reason]int{}}
}
