package github

import (
	"context"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// JobReport is all that GitHub says of a job which matters here.
type JobReport struct {
	provisioner.Job
	State provisioner.JobState
	// Runner is the one that took it; zero if none did.
	Runner provisioner.Runner
	// StartedAt and EndedAt are zero as long as it has not.
	StartedAt, EndedAt time.Time
	// Conclusion is how it ended: success, failure, cancelled, ...
	Conclusion string
}

// Job reads a job of a repository. provisioner.ErrNotFound says that GitHub shows none of that id
// there: there is none, or the credential may not see it.
func (c *Client) Job(ctx context.Context, r provisioner.Repository, id int64) (JobReport, error) {
	t := provisioner.Target{Owner: r.Owner, Repo: r.Name}
	a, err := c.account(ctx, t)
	if err != nil {
		return JobReport{}, err
	}
	var w workflowJob
	if err := c.readJob(ctx, a, t, id, &w); err != nil {
		return JobReport{}, err
	}
	report := JobReport{Job: w.job(r), State: w.state(), Runner: provisioner.Runner{ID: w.RunnerID, Name: w.RunnerName}, Conclusion: w.Conclusion}
	if report.State != provisioner.JobWaiting {
		report.StartedAt = w.StartedAt // of a job that waits it is when it began to
	}
	if report.State == provisioner.JobEnded {
		report.EndedAt = w.CompletedAt
	}
	return report, nil
}
