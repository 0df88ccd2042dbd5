package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// workflowJob is the part of GitHub's job that matters here; the steps, which are most of it, are
// not decoded.
type workflowJob struct {
	ID           int64     `json:"id"`
	RunID        int64     `json:"run_id"`
	RunAttempt   int       `json:"run_attempt"`
	Status       string    `json:"status"`
	Labels       []string  `json:"labels"`
	Name         string    `json:"name"`
	WorkflowName string    `json:"workflow_name"`
	HTMLURL      string    `json:"html_url"`
	CreatedAt    time.Time `json:"created_at"`
}

const (
	statusQueued     = "queued"
	statusInProgress = "in_progress"
	statusCompleted  = "completed"
)

func (w workflowJob) job(r provisioner.Repository) provisioner.Job {
	return provisioner.Job{
		ID: w.ID, RunID: w.RunID, RunAttempt: w.RunAttempt, Repository: r, Labels: w.Labels, Name: w.Name, Workflow: w.WorkflowName, URL: w.HTMLURL,
		CreatedAt: w.CreatedAt, Repeated: true,
	}
}

// JobState tells the state of a job. One that GitHub does not know (any more) has ended.
func (c *Client) JobState(ctx context.Context, j provisioner.Job) (provisioner.JobState, error) {
	t := provisioner.Target{Owner: j.Repository.Owner, Repo: j.Repository.Name}
	a, err := c.account(ctx, t)
	if err != nil {
		return "", err
	}
	var w workflowJob
	_, err = c.do(ctx, a, call{
		operation: "get job", method: http.MethodGet, path: fmt.Sprintf("%s/actions/jobs/%d", root(t), j.ID), target: t,
		means: map[int]error{http.StatusNotFound: provisioner.ErrNotFound},
	}, &w)
	switch {
	case errors.Is(err, provisioner.ErrNotFound):
		return provisioner.JobEnded, nil
	case err != nil:
		return "", err
	case w.Status == statusCompleted:
		return provisioner.JobEnded, nil
	case w.Status == statusInProgress:
		return provisioner.JobRunning, nil
	default:
		return provisioner.JobWaiting, nil
	}
}
