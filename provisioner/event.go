package provisioner

import "time"

// Event is something that happened to a job, for metrics and logs. Fields that do not apply are
// zero.
type Event struct {
	Kind       EventKind
	Job        Job
	RunnerType string
	Provider   string
	Runner     Runner
	Machine    Machine
	// Took is the time the step took; of a settled job, the time since GitHub created it, or since
	// it was accepted where that is unknown.
	Took time.Duration
	// Status is that of a settled job.
	Status Status
	// Err is why, for kinds that are failures.
	Err error
}

// EventKind names what happened.
type EventKind string

// What a [Provisioner] reports.
const (
	EventRegistered EventKind = "registered" // a runner was registered
	EventLaunched   EventKind = "launched"   // a machine was launched
	EventServed     EventKind = "served"     // the job turned out to have a machine or runner already
	EventGone       EventKind = "gone"       // the job does not wait any more
	EventTakenOver  EventKind = "taken_over" // a dead registration of the same name was removed
	EventUndone     EventKind = "undone"     // the registration was removed because the launch failed
	EventFailed     EventKind = "failed"     // the attempt failed; Err says why
)

// What the queue's worker adds.
const (
	EventSettled EventKind = "settled"  // an accepted job needs nothing more; Status says how it ended
	EventHeld    EventKind = "held"     // an accepted job waits for another attempt; Err says why
	EventGivenUp EventKind = "given_up" // an accepted job will get no machine; Err says why
)
