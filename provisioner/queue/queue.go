package queue

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// Queue keeps accepted jobs until they are done: at least once, with a visibility timeout, as SQS
// means it. Every message lies in a lane, named after the runner type that serves it, so
// that a type that has to wait holds up no other.
//
// All methods are safe for concurrent use and by several processes.
type Queue interface {
	// Send stores a job; when it returns nil the job survives a crash of the process (except in a
	// queue that says otherwise). A queue that remembers the jobs it has accepted stores a job
	// whose Key it knows only once and answers duplicate; others never answer duplicate.
	Send(ctx context.Context, lane string, j provisioner.Job) (duplicate bool, err error)
	// Requeue stores a job whether or not it was accepted before, in the message's lane; the
	// message has no receipt. If the job waits already, a queue that can tell changes what is
	// stored instead: it moves the message to that lane, where it is visible at once and nobody has
	// it in hand, or takes over the job of a later generation. news is false if it changes nothing.
	Requeue(ctx context.Context, m Message) (news bool, err error)
	// Receive waits until the lane has a visible message of a repository that is ready, hides it
	// for the queue's visibility timeout and returns it. Repositories take turns; of one, the
	// oldest message comes first, roughly. It returns ctx's error when ctx ends first.
	Receive(ctx context.Context, lane string, ready Ready) (Message, error)
	// Extend hides a received message for d from now. With d = 0 it is visible again at once.
	Extend(ctx context.Context, m Message, d time.Duration) error
	// Delete removes a received message for good.
	Delete(ctx context.Context, m Message) error
}

// Ready says when jobs of a repository may be tried: now, which is 0, or how soon to ask again. nil
// means that all may.
type Ready func(r provisioner.Repository) time.Duration

// Wait is how soon to ask again; 0 means now.
func (f Ready) Wait(r provisioner.Repository) time.Duration {
	if f == nil {
		return 0
	}
	return f(r)
}

// Message is a job that waits in a queue, as one Receive returned it.
type Message struct {
	// Receipt is the queue's own handle on this delivery of the message.
	Receipt string
	Lane    string
	Job     provisioner.Job
	// Accepted is when the job was sent to the queue.
	Accepted time.Time
	// Receives counts the deliveries of this message, this one included.
	Receives int
}

// Unsorted is the lane of messages whose lane no runner type has any more, because the catalogue
// has changed. Adapters move such messages there.
const Unsorted = ""

// Visibility is how long a received message stays hidden unless it is extended: short, because
// after a crash it is the wait before a job is taken up again.
const Visibility = 20 * time.Second

// Depth is the optional power of a [Queue] to count its messages by lane, hidden ones included. A
// queue of several processes may count what each of them has at hand.
type Depth interface {
	Depth(ctx context.Context) (map[string]int, error)
}

// body is what adapters store: one JSON object of some 300 bytes.
type body struct {
	Version  int             `json:"v"`
	Accepted time.Time       `json:"accepted"`
	Lane     string          `json:"lane"`
	Job      provisioner.Job `json:"job"`
}

const bodyVersion = 1

// Encode returns a job as adapters store it.
func Encode(lane string, j provisioner.Job, accepted time.Time) ([]byte, error) {
	return json.Marshal(body{Version: bodyVersion, Accepted: accepted.UTC(), Lane: lane, Job: j})
}

// Decode reads what [Encode] wrote. The message has no Receipt and no Receives.
func Decode(b []byte) (Message, error) {
	var x body
	if err := json.Unmarshal(b, &x); err != nil {
		return Message{}, fmt.Errorf("queue message: %w", err)
	}
	if x.Version != bodyVersion || x.Job.ID <= 0 || x.Job.Repository.Owner == "" || x.Job.Repository.Name == "" {
		return Message{}, fmt.Errorf("queue message: not a job of version %d", bodyVersion)
	}
	return Message{Lane: x.Lane, Job: x.Job, Accepted: x.Accepted}, nil
}
