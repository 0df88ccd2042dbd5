package queue

import (
	"context"
	"errors"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// action is what an attempt's error asks for.
type action int

const (
	settled       action = iota // the job needs nothing more
	lookAgain                   // the job has a machine, which is to be seen up before it is forgotten
	backOffType                 // the runner type waits: what failed would fail for all of its jobs
	backOffTarget               // the repository or organisation that GitHub spoke of waits
	backOffJob                  // the job alone waits
	requeue                     // nobody is to blame; the job goes back to the queue at once
	giveUp                      // the job will never get a machine
)

// trustedAfter is the age from which on a machine that somebody else launched is taken to serve its
// job although its runner has not come online. Before, a process may have looked for it in a list
// that lagged, begun to remove its registration, and died: the removal can still take effect, and
// nobody would hear of it. It is what lists lag, what a removal is repeated for, and what the last
// one may be on its way.
const trustedAfter = 3 * time.Minute

// lookEvery is how often such a machine is looked at.
const lookEvery = time.Minute

// actionAfter says what is left to do for a job that needs no further attempt.
func actionAfter(out provisioner.Outcome) (do action, wait time.Duration) {
	left := trustedAfter - time.Since(out.Machine.LaunchedAt)
	if out.Status != provisioner.StatusServed || out.Machine.ID == "" || out.Runner.Online || out.Runner.Busy || left <= 0 {
		return settled, 0
	}
	return lookAgain, min(left, lookEvery)
}

// actionFor is the one table from errors to actions. wait is what the other side asked for, or 0
// for a backoff. ctx is the caller's: an attempt that it ended failed for no reason of its own.
func actionFor(ctx context.Context, err error) (do action, wait time.Duration) {
	if hint, ok := errors.AsType[*provisioner.RetryAfterError](err); ok {
		wait = hint.After
	}
	var github *provisioner.GitHubError
	var job *provisioner.JobError
	switch {
	case ctx.Err() != nil:
		return requeue, 0
	case errors.Is(err, provisioner.ErrNoRunnerType), errors.Is(err, provisioner.ErrInvalidJob):
		return giveUp, 0
	case errors.As(err, &job):
		return backOffJob, max(wait, lastBackoff)
	case errors.As(err, &github):
		return backOffTarget, wait
	default: // no capacity, refused, unavailable, no answer, and what nobody foresaw
		return backOffType, wait
	}
}

// The backoff between attempts at something that fails. Its end is below a minute by a margin for
// what an attempt itself may wait (a grace time of 20 s), so that work resumes within 60 s of a
// mending.
const (
	firstBackoff = time.Second
	lastBackoff  = 25 * time.Second
)

func backoff(failures int) time.Duration {
	if failures > 5 {
		return lastBackoff
	}
	return min(firstBackoff<<max(failures-1, 0), lastBackoff)
}
