package sqstest

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest/fakehttp"
)

// Server is a fake Amazon SQS with one queue, whatever its URL: a standard queue, or a FIFO queue
// where the URL ends with ".fifo". It speaks the JSON protocol
// (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference) and has the real one's
// habits: visibility timeouts of up to twelve hours a delivery, long polls, receive counts, a
// dead-letter queue, receipts that a later delivery makes void (and, on a FIFO queue, the end of
// the visibility timeout), message groups of which one message is delivered at a time, five minutes
// of deduplication. It is kinder in two things: it delivers in order, and never twice by itself.
//
// Its operations, for [fakehttp.Faults] and Calls, are "SendMessage", "ReceiveMessage",
// "DeleteMessage", "ChangeMessageVisibility", "ChangeMessageVisibilityBatch" and
// "GetQueueAttributes".
//
// It starts no goroutine, reads the time from package time and so works inside a testing/synctest
// bubble, through [fakehttp.Loopback]. There, a poll whose client has gone away goes on for its 20
// s, and may swallow messages until their visibility timeout ends, like a lost answer: let the
// bubble last that much longer. It is safe for concurrent use.
type Server struct {
	mu         sync.Mutex
	faults     fakehttp.Faults
	calls      map[string]int
	maxReceive int
	serial     int
	messages   []*message // oldest first
	byID       map[string]*message
	dead       []*message           // in the order of their deaths
	duplicates map[string]duplicate // by deduplication id
	changed    chan struct{}        // closed and replaced whenever a message may have become visible
}

type duplicate struct {
	message string
	until   time.Time
}

// Message is a message in a fake SQS.
type Message struct {
	ID    string
	Body  string
	Group string // of a FIFO queue
	Sent  time.Time
	// Visible is when it may be received next, or could be.
	Visible  time.Time
	Receives int
}

// New returns an empty queue without a dead-letter queue.
func New() *Server {
	return &Server{calls: map[string]int{}, byID: map[string]*message{}, duplicates: map[string]duplicate{}, changed: make(chan struct{})}
}

// SetMaxReceiveCount gives the queue a dead-letter queue for messages that have been received n
// times; 0 takes it away.
func (s *Server) SetMaxReceiveCount(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.maxReceive = n
}

// SetFaults has f decide the fate of every further call.
func (s *Server) SetFaults(f fakehttp.Faults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = f
}

// Calls returns the number of calls of each operation, failed ones included.
func (s *Server) Calls() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.calls)
}

// Messages returns copies of the messages in the queue, oldest first, hidden ones included.
func (s *Server) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return copyOf(s.messages)
}

// DeadLetters returns copies of the messages in the dead-letter queue.
func (s *Server) DeadLetters() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return copyOf(s.dead)
}

func copyOf(messages []*message) []Message {
	out := make([]Message, 0, len(messages))
	for _, m := range messages {
		out = append(out, m.Message)
	}
	return out
}

// ServeHTTP answers one call.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	operation, ok := strings.CutPrefix(r.Header.Get("X-Amz-Target"), "AmazonSQS.")
	effect := operations[operation]
	if !ok || effect == nil || r.Method != http.MethodPost {
		answer(w, nil, apiError{"InvalidAction", "The action " + operation + " is not valid for this endpoint."})
		return
	}
	s.mu.Lock()
	s.calls[operation]++
	faults := s.faults
	s.mu.Unlock()
	faults.Serve(operation, w, r, func(w http.ResponseWriter, r *http.Request) {
		var in request
		d := json.NewDecoder(http.MaxBytesReader(w, r.Body, 2<<20))
		d.DisallowUnknownFields()
		if err := d.Decode(&in); err != nil {
			answer(w, nil, apiError{"InvalidParameterValue", err.Error()})
			return
		}
		if in.QueueURL == "" {
			answer(w, nil, apiError{"MissingParameter", "The request must contain the parameter QueueUrl."})
			return
		}
		out, err := effect(s, r, &in)
		answer(w, out, err)
	}, func(w http.ResponseWriter, _ int, message string) {
		answer(w, nil, apiError{"InvalidParameterValue", message})
	})
}

// request has the parameters of all operations.
type request struct {
	QueueURL                    string `json:"QueueUrl"`
	MessageBody                 string
	MessageGroupID              string `json:"MessageGroupId"`
	MessageDeduplicationID      string `json:"MessageDeduplicationId"`
	DelaySeconds                *int
	MaxNumberOfMessages         int
	WaitTimeSeconds             int
	VisibilityTimeout           *int
	ReceiptHandle               string
	AttributeNames              []string
	MessageSystemAttributeNames []string
	Entries                     []struct {
		ID                string `json:"Id"`
		ReceiptHandle     string
		VisibilityTimeout *int
	}
}

func (in *request) fifo() bool { return strings.HasSuffix(in.QueueURL, ".fifo") }

type operation func(s *Server, r *http.Request, in *request) (any, error)

var operations = map[string]operation{
	"SendMessage":                  (*Server).sendMessage,
	"ReceiveMessage":               (*Server).receiveMessage,
	"DeleteMessage":                (*Server).deleteMessage,
	"ChangeMessageVisibility":      (*Server).changeMessageVisibility,
	"ChangeMessageVisibilityBatch": (*Server).changeMessageVisibilityBatch,
	"GetQueueAttributes":           (*Server).getQueueAttributes,
}

// getQueueAttributes answers those of a queue's attributes that the fake has.
func (s *Server) getQueueAttributes(_ *http.Request, in *request) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	hidden := 0
	for _, m := range s.messages {
		if m.Visible.After(time.Now()) {
			hidden++
		}
	}
	name := in.QueueURL[strings.LastIndex(in.QueueURL, "/")+1:]
	all := map[string]string{
		"QueueArn":                              "arn:aws:sqs:us-east-1:000000000000:" + name,
		"ApproximateNumberOfMessages":           fmt.Sprint(len(s.messages) - hidden),
		"ApproximateNumberOfMessagesNotVisible": fmt.Sprint(hidden),
		"VisibilityTimeout":                     fmt.Sprint(defaultVisibility.Seconds()),
	}
	if in.fifo() {
		all["FifoQueue"] = "true"
	}
	if s.maxReceive > 0 {
		all["RedrivePolicy"] = fmt.Sprintf(`{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead-letters","maxReceiveCount":%d}`, s.maxReceive)
	}
	if !slices.Contains(in.AttributeNames, "All") {
		maps.DeleteFunc(all, func(k, _ string) bool { return !slices.Contains(in.AttributeNames, k) })
	}
	return map[string]any{"Attributes": all}, nil
}

// apiError is an answer that refuses.
type apiError struct{ code, message string }

func (e apiError) Error() string { return e.code + ": " + e.message }

func answer(w http.ResponseWriter, out any, err error) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	w.Header().Set("X-Amzn-Requestid", "00000000-0000-4000-8000-000000000000")
	if refusal, ok := errors.AsType[apiError](err); ok {
		w.Header().Set("X-Amzn-Query-Error", refusal.code+";Sender")
		w.WriteHeader(http.StatusBadRequest)
		out = map[string]string{"__type": "com.amazonaws.sqs#" + refusal.code, "message": refusal.message}
	}
	_ = json.NewEncoder(w).Encode(out)
}

func md5Hex(s string) string {
	sum := md5.Sum([]byte(s))
	return hex.EncodeToString(sum[:])
}
