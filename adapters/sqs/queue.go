package sqs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"time"

	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/queue"
)

// SQS is what a [Queue] uses of *sqs.Client of the AWS SDK.
type SQS interface {
	SendMessage(context.Context, *awssqs.SendMessageInput, ...func(*awssqs.Options)) (*awssqs.SendMessageOutput, error)
	ReceiveMessage(context.Context, *awssqs.ReceiveMessageInput, ...func(*awssqs.Options)) (*awssqs.ReceiveMessageOutput, error)
	DeleteMessage(context.Context, *awssqs.DeleteMessageInput, ...func(*awssqs.Options)) (*awssqs.DeleteMessageOutput, error)
	ChangeMessageVisibility(context.Context, *awssqs.ChangeMessageVisibilityInput, ...func(*awssqs.Options)) (*awssqs.ChangeMessageVisibilityOutput, error)
	ChangeMessageVisibilityBatch(
		context.Context, *awssqs.ChangeMessageVisibilityBatchInput, ...func(*awssqs.Options),
	) (*awssqs.ChangeMessageVisibilityBatchOutput, error)
	GetQueueAttributes(context.Context, *awssqs.GetQueueAttributesInput, ...func(*awssqs.Options)) (*awssqs.GetQueueAttributesOutput, error)
}

var _ SQS = (*awssqs.Client)(nil)

// Config of a [Queue]. The zero value means the defaults.
type Config struct {
	// Lanes are the lanes that exist. Messages of others are received from [queue.Unsorted]. Empty
	// means that every lane exists.
	Lanes []string
	// Visibility is how long a received message stays hidden unless it is extended, in whole
	// seconds. Defaults to [queue.Visibility].
	Visibility time.Duration
	// Logger defaults to nobody.
	Logger *slog.Logger
}

// MostHeld is the number of messages that one process holds of a lane: some 5 MB.
const MostHeld = 5000

// Queue keeps jobs in an SQS queue. It is safe for concurrent use, and by several processes.
type Queue struct {
	client SQS
	url    string
	cfg    Config
	exists map[string]bool // lanes; nil for all

	running    context.Context // ends with Close
	stop       context.CancelFunc
	background sync.WaitGroup

	mu     sync.Mutex
	polls  bool // the poller has been started
	closed bool
	lanes  map[string]*lane
	wake   chan struct{} // wakes the poller
	inHand map[string]taken
}

var (
	_ queue.Queue = (*Queue)(nil)
	_ queue.Depth = (*Queue)(nil)
)

var errClosed = errors.New("sqs queue: closed")

// New returns the queue of that URL. It makes no call; [Queue.Ping] tells whether the queue can be
// used. [Queue.Close] ends it.
func New(client SQS, queueURL string, cfg Config) (*Queue, error) {
	var faults []error
	if client == nil {
		faults = append(faults, errors.New("no client"))
	}
	if u, err := url.Parse(queueURL); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || strings.Trim(u.Path, "/") == "" {
		faults = append(faults, errors.New("not the URL of an SQS queue, such as https://sqs.eu-central-1.amazonaws.com/123456789012/runner-jobs"))
	}
	cfg.Visibility = cmp.Or(cfg.Visibility, queue.Visibility)
	if cfg.Visibility < time.Second || cfg.Visibility > longestHidden/2 || cfg.Visibility%time.Second != 0 {
		faults = append(faults, fmt.Errorf("visibility is %s, not whole seconds up to %s", cfg.Visibility, longestHidden/2))
	}
	if err := errors.Join(faults...); err != nil {
		return nil, fmt.Errorf("sqs queue: %w", err)
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	q := &Queue{client: client, url: queueURL, cfg: cfg, lanes: make(map[string]*lane), inHand: make(map[string]taken), wake: make(chan struct{}, 1)}
	if len(cfg.Lanes) > 0 {
		q.exists = map[string]bool{queue.Unsorted: true}
		for _, l := range cfg.Lanes {
			q.exists[l] = true
		}
	}
	q.running, q.stop = context.WithCancel(context.Background())
	return q, nil
}

// Ping reports whether SQS answers and knows the queue. It needs sqs:GetQueueAttributes.
func (q *Queue) Ping(ctx context.Context) error {
	in := &awssqs.GetQueueAttributesInput{QueueUrl: &q.url, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameQueueArn}}
	if _, err := q.client.GetQueueAttributes(ctx, in); err != nil {
		return fmt.Errorf("sqs queue: %w", told(err))
	}
	return nil
}

// told is an error of SQS's without what was sent: it may quote the request, with the credentials
// that the SDK put into it.
func told(err error) error { return provisioner.RedactError(err) }

// letGo bounds the calls of Close.
const letGo = 5 * time.Second

// Close ends the queue: receivers that wait get an error, and the messages held become visible to
// other processes at once. Further calls do nothing.
func (q *Queue) Close() error {
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		return nil
	}
	q.closed = true
	q.mu.Unlock()
	q.stop()
	q.background.Wait()

	q.mu.Lock()
	var all []*delivery
	for _, l := range q.lanes {
		all = append(all, l.all()...)
		l.held, l.n = queue.Turns[*bunch]{}, 0
	}
	q.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), letGo)
	defer cancel()
	var faults []error
	for batch := range batches(all) {
		if _, err := q.hide(ctx, batch, 0); err != nil {
			faults = append(faults, err)
		}
	}
	if err := errors.Join(faults...); err != nil {
		return fmt.Errorf("sqs queue: messages come back only when their visibility timeout ends: %w", err)
	}
	return nil
}

func (q *Queue) fifo() bool { return strings.HasSuffix(q.url, ".fifo") }

// seconds rounds up, as SQS knows no smaller unit.
func seconds(d time.Duration) int32 { return int32((max(d, 0) + time.Second - 1) / time.Second) } //nolint:gosec // at most twelve hours
