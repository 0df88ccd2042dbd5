package webhook

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/datawire/github-runner-provisioner/labels"
	"github.com/datawire/github-runner-provisioner/provisioner"
)

// Accepter stores a job durably, under the runner type that serves it, and reports whether it has
// stored the same job ([provisioner.Job.Key]) before. When it returns nil the job survives a crash.
// It must return when ctx ends, and be safe for concurrent use.
type Accepter interface {
	Accept(ctx context.Context, runnerType string, j provisioner.Job) (duplicate bool, err error)
}

// AccepterFunc makes a function an [Accepter], such as the Send method of a queue.
type AccepterFunc func(ctx context.Context, runnerType string, j provisioner.Job) (duplicate bool, err error)

// Accept calls f.
func (f AccepterFunc) Accept(ctx context.Context, runnerType string, j provisioner.Job) (bool, error) {
	return f(ctx, runnerType, j)
}

// Planner says what would be done for a job, and changes nothing. [provisioner.Provisioner] is one.
type Planner interface {
	Plan(ctx context.Context, j provisioner.Job) (provisioner.Plan, error)
}

// Recorder hears of jobs that started or ended. It is a hint: deliveries get lost, repeated and out
// of order. Record must not block.
type Recorder interface {
	Record(ctx context.Context, c Change)
}

// Change is a step in the life of a job that a runner type serves.
type Change struct {
	Job provisioner.Job
	// Action is in_progress or completed.
	Action string
	// RunnerType is the type whose labels match. Whether the job ran on a machine of ours only
	// RunnerName tells.
	RunnerType string
	// RunnerName is the runner that took the job; empty if none did.
	RunnerName string
	// RunnerID is that runner's registration; 0 if none did.
	RunnerID int64
	// Conclusion is how a completed job ended: success, failure, cancelled, ...
	Conclusion string
}

// Config holds what a [Receiver] can do without. The zero value means the defaults.
type Config struct {
	// PreviousSecret is accepted beside the secret, so that the secret can be changed without
	// losing deliveries. Defaults to none.
	PreviousSecret provisioner.Secret
	// Repositories are globs over owner/repo, compared without case, in the syntax of [path.Match]:
	// datawire/*. Jobs of other repositories are denied. Defaults to all repositories.
	Repositories []string
	// MaxBody is the most bytes that a delivery's body may have. Defaults to [DefaultMaxBody],
	// which all of GitHub's keep to.
	MaxBody int64
	// Recorder hears of jobs that started or ended. Defaults to nobody.
	Recorder Recorder
	// Observer hears of every delivery. Defaults to nobody.
	Observer Observer
	// Events hears what becomes of jobs, but for those of dry runs. Defaults to nobody.
	Events provisioner.Observer
	// Logger gets one line per delivery. Defaults to none.
	Logger *slog.Logger
}

// Receiver answers deliveries. It is safe for concurrent use and holds no state between them.
type Receiver struct {
	unverified unverified
	strangers  *strangers

	maxBody  int64
	keys     keys
	matcher  labels.Matcher
	accepter Accepter
	planner  Planner
	allowed  allowList
	recorder Recorder
	observer Observer
	events   provisioner.Observer
	logger   *slog.Logger
}

// New returns a receiver of deliveries that are signed with the secret. It reports all at once: an
// empty secret, which would let anybody in, a missing collaborator, a negative limit, and globs
// that can match no repository.
func New(secret provisioner.Secret, matcher labels.Matcher, accepter Accepter, planner Planner, cfg Config) (*Receiver, error) {
	var faults []error
	if secret.IsZero() {
		faults = append(faults, errors.New("the secret is empty"))
	}
	for _, need := range []struct {
		what    string
		missing bool
	}{{"matcher", matcher == nil}, {"accepter", accepter == nil}, {"planner", planner == nil}} {
		if need.missing {
			faults = append(faults, fmt.Errorf("no %s", need.what))
		}
	}
	if cfg.MaxBody < 0 {
		faults = append(faults, fmt.Errorf("MaxBody is %d", cfg.MaxBody))
	}
	allowed, err := newAllowList(cfg.Repositories)
	if err := errors.Join(append(faults, err)...); err != nil {
		return nil, fmt.Errorf("webhook: %w", err)
	}
	return &Receiver{
		strangers: newStrangers(), maxBody: cmp.Or(cfg.MaxBody, DefaultMaxBody), keys: newKeys(secret, cfg.PreviousSecret), matcher: matcher, accepter: accepter, planner: planner, allowed: allowed,
		recorder: cfg.Recorder, observer: cfg.Observer, events: cfg.Events, logger: cmp.Or(cfg.Logger, slog.New(slog.DiscardHandler)),
	}, nil
}
