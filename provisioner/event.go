package provisioner

import "time"

// Event is something that happened to a job, for metrics, logs and timelines. Fields that do not
// apply are zero.
type Event struct {
	Kind EventKind
	// At is when it happened, by the clock of whoever tells; zero means now.
	At         time.Time
	Job        Job
	RunnerType string
	Provider   string
	Runner     Runner
	Machine    Machine
	// Place is where a machine was asked for, as its provider names it.
	Place string
	// Took is the time the step took; of a settled job, the time since GitHub created it, or since
	// it was accepted where that is unknown.
	Took time.Duration
	// Status is that of a settled job.
	Status Status
	// Conclusion is how GitHub says that an ended job ended: success, failure, cancelled, ...
	Conclusion string
	// Reason is why, for kinds that have one.
	Reason Reason
	// Err is why, for kinds that are failures.
	Err error
}

// EventKind names what happened.
type EventKind string

// What a [Provisioner] reports.
const (
	EventRegistered EventKind = "registered" // a runner was registered
	EventTried      EventKind = "tried"      // a machine was asked for at Place, and Err says why there is none
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
	EventHeld    EventKind = "held"     // an accepted job waits for another attempt; Reason says why
	EventGivenUp EventKind = "given_up" // an accepted job will get no machine; Reason says why
)

// What the webhook adds, of deliveries that are not dry runs.
const (
	EventAccepted  EventKind = "accepted"  // a job was stored
	EventDuplicate EventKind = "duplicate" // a job came that was stored before
	EventIgnored   EventKind = "ignored"   // no runner type serves it; Reason says why
	EventDenied    EventKind = "denied"    // its repository is not allowed; Reason says why
	EventStarted   EventKind = "started"   // GitHub says that Runner took it
	EventEnded     EventKind = "ended"     // GitHub says that it ended, with Conclusion
)

// What the reconciler adds. It tells a level, not an edge: the same may come with every sweep.
const (
	EventRequeued    EventKind = "requeued"     // a job without a machine was put into the queue
	EventOnline      EventKind = "online"       // Runner of Machine, which was launched for the job, is online
	EventMachineLost EventKind = "machine_lost" // Machine is over, or did not come up; Reason says why
)
