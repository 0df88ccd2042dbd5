package provisioner

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// The errors that decisions are taken on, to be tested with [errors.Is]. Whoever returns one wraps
// it with what was attempted for which job.
var (
	// ErrNoRunnerType: no runner type serves the job's labels.
	ErrNoRunnerType = errors.New("no runner type serves these labels")
	// ErrInvalidJob: the job has no id or no repository.
	ErrInvalidJob = errors.New("a job needs its workflow_job.id and its repository's owner and name")
	// ErrNameTaken: a runner of that name exists (GitHub's 409).
	ErrNameTaken = errors.New("the runner's name is taken")
	// ErrNotFound: there is no such runner.
	ErrNotFound = errors.New("not found")
	// ErrRunnerBusy: the runner has a job and can't be removed (GitHub's 422).
	ErrRunnerBusy = errors.New("the runner is busy")
	// ErrCapacity: the cloud has no room at any placement now. No machine was made.
	ErrCapacity = errors.New("no capacity")
	// ErrRefused: the other side refuses until somebody mends a permission, a setting or a limit.
	// Nothing was made.
	ErrRefused = errors.New("refused")
	// ErrBadCredential: GitHub accepts the credential for nothing (its 401). ErrRefused is beside
	// it.
	ErrBadCredential = errors.New("the credential is not accepted")
	// ErrUnavailable: the other side fails now. Nothing was made.
	ErrUnavailable = errors.New("unavailable")
	// ErrNoAnswer: nobody knows whether the call had its effect.
	ErrNoAnswer = errors.New("no answer")
	// ErrNotWanted: the job does not wait any more.
	ErrNotWanted = errors.New("the job does not wait any more")
	// ErrPanic: the attempt panicked.
	ErrPanic = errors.New("panic")
	// ErrMachineEnded: the machine of this launch existed and is over.
	ErrMachineEnded = errors.New("the machine has ended already")
)

// RetryAfterError is a rate limit: nothing was made, and trying again earlier than After makes it
// worse.
type RetryAfterError struct {
	// After is the time to wait from now, as the other side told it.
	After time.Duration
	Err   error
}

// Error tells the wait and its cause.
func (e *RetryAfterError) Error() string {
	return fmt.Sprintf("rate limited, retry after %s: %v", e.After.Round(time.Second), e.Err)
}

// Unwrap returns the cause.
func (e *RetryAfterError) Unwrap() error { return e.Err }

// GitHubError marks an error as GitHub's, about a repository or an organisation, so that a queue
// holds back that one alone, and nobody looks for the fault at the cloud.
type GitHubError struct {
	// Target is what GitHub was asked about; zero if it is about the credential itself.
	Target Target
	Err    error
}

// Error names the target.
func (e *GitHubError) Error() string {
	if e.Target == (Target{}) {
		return e.Err.Error()
	}
	return fmt.Sprintf("%s: %v", e.Target, e.Err)
}

// Unwrap returns the cause.
func (e *GitHubError) Unwrap() error { return e.Err }

// System names the side that failed, for logs and metrics: github, or the provider that the attempt
// was for.
func System(err error, provider string) string {
	if _, ok := errors.AsType[*GitHubError](err); ok {
		return "github"
	}
	return provider
}

// JobError marks an error as the job's own affair, so that a queue holds back that job alone.
type JobError struct{ Err error }

// Error tells the cause.
func (e *JobError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *JobError) Unwrap() error { return e.Err }

// Class names the kind of an error for metrics and logs; "other" for what this package does not
// know.
func Class(err error) string {
	if _, ok := errors.AsType[*RetryAfterError](err); ok {
		return "rate_limit"
	}
	for _, c := range classes {
		if errors.Is(err, c.is) {
			return c.name
		}
	}
	return "other"
}

// class is a kind of error and its name.
type class struct {
	is   error
	name string
}

var classes = []class{
	{ErrNoRunnerType, "no_runner_type"},
	{ErrInvalidJob, "invalid_job"},
	{ErrPanic, "panic"},
	{ErrCapacity, "capacity"},
	{ErrRefused, "refused"},
	{ErrNoAnswer, "no_answer"},
	{ErrUnavailable, "unavailable"},
	{context.Canceled, "stopped"},
	{context.DeadlineExceeded, "timeout"},
}
