package provisioner

import (
	"fmt"
	"log/slog"
	"strconv"
	"time"
)

// Repository is a GitHub repository.
type Repository struct {
	Owner string `json:"owner"`
	Name  string `json:"name"`
}

// String returns owner/name.
func (r Repository) String() string { return r.Owner + "/" + r.Name }

// Job is one attempt of one job of a workflow run, as GitHub's workflow_job event describes it.
type Job struct {
	// ID is workflow_job.id. GitHub gives a job that is run again a new one.
	ID int64 `json:"id"`
	// RunAttempt is workflow_job.run_attempt, 1 for the first.
	RunAttempt int        `json:"run_attempt"`
	Repository Repository `json:"repository"`
	// RepositoryID is GitHub's own number of the repository, which outlives its name; 0 if unknown.
	RepositoryID int64 `json:"repository_id,omitempty"`
	// RunID is the workflow run that the job belongs to; 0 if unknown.
	RunID int64 `json:"run_id,omitempty"`
	// Labels are those of runs-on, as the workflow spells them.
	Labels []string `json:"labels"`
	// Name, Workflow and URL are for people: logs, plans, tags.
	Name     string `json:"name,omitempty"`
	Workflow string `json:"workflow,omitempty"`
	URL      string `json:"url,omitempty"`
	// HeadSHA is the commit that the run is for; empty if unknown.
	HeadSHA string `json:"head_sha,omitempty"`
	// CreatedAt is when GitHub created the job; zero if unknown.
	CreatedAt time.Time `json:"created_at,omitzero"`
	// WaitingAt is when GitHub last said that the job waits: the moment at which its webhook came.
	// An attempt asks again once that is some seconds ago. Zero means now.
	WaitingAt time.Time `json:"-"`

	// Repeated says that somebody may have tried this job before: a queue handed it out a second
	// time, a delivery log or the reconciler found it. A repeated attempt asks GitHub first whether
	// the job still waits, and the cloud what machines it has; one that is not repeated saves those
	// requests, unless the job was older than half a minute when it was told of: then somebody else
	// may have been told before.
	Repeated bool `json:"repeated,omitempty"`
	// Generation is 0 or 1 for the job's first runner. The reconciler asks for 2, 3, ... when
	// runners of earlier generations serve other jobs.
	Generation int `json:"generation,omitempty"`
	// Stolen are the registrations of those runners, by id. A name of theirs that is free again may
	// be the job's own meanwhile, under another id.
	Stolen []int64 `json:"stolen,omitempty"`
}

// validate reports what a job lacks to be told from every other one. Two jobs without an id would
// get one name, and so one machine.
func (j Job) validate() error {
	if j.ID > 0 && j.Repository.Owner != "" && j.Repository.Name != "" {
		return nil
	}
	return fmt.Errorf("job %d of repository %q: %w", j.ID, j.Repository, ErrInvalidJob)
}

// lateAfter is the age from which on a job is no news, whoever brings it: somebody may have found
// and served it meanwhile.
const lateAfter = 30 * time.Second

// isLate reports whether the job was old already when it was told of.
func (j Job) isLate() bool {
	told := j.WaitingAt
	if told.IsZero() {
		told = time.Now()
	}
	return !j.CreatedAt.IsZero() && told.Sub(j.CreatedAt) >= lateAfter
}

// Key identifies the attempt of the job, in GitHub's terms and over all repositories: "ID-ATTEMPT".
func (j Job) Key() string {
	return strconv.FormatInt(j.ID, 10) + "-" + strconv.Itoa(max(j.RunAttempt, 1))
}

// String returns the job's repository and key, as errors name it.
func (j Job) String() string { return fmt.Sprintf("%s job %s", j.Repository, j.Key()) }

// LogValue makes a job readable in logs under one key.
func (j Job) LogValue() slog.Value {
	return slog.GroupValue(slog.Int64("id", j.ID), slog.Int("attempt", max(j.RunAttempt, 1)), slog.String("repository", j.Repository.String()))
}

// JobState is what GitHub says of a job.
type JobState string

// The states that matter here. JobWaiting covers GitHub's queued, waiting, requested and pending:
// its REST API lags behind its webhooks by up to 20 s.
const (
	JobWaiting JobState = "waiting" // needs a runner
	JobRunning JobState = "running" // has one
	JobEnded   JobState = "ended"   // completed, cancelled or deleted
)
