package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
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
	HeadSHA      string    `json:"head_sha"`
	CreatedAt    time.Time `json:"created_at"`
	StartedAt    time.Time `json:"started_at"`
	CompletedAt  time.Time `json:"completed_at"`
	Conclusion   string    `json:"conclusion"`
	RunnerID     int64     `json:"runner_id"`
	RunnerName   string    `json:"runner_name"`
}

const (
	statusQueued     = "queued"
	statusInProgress = "in_progress"
	statusCompleted  = "completed"
)

func (w workflowJob) job(r provisioner.Repository) provisioner.Job {
	return provisioner.Job{
		ID: w.ID, RunID: w.RunID, RunAttempt: w.RunAttempt, Repository: r, Labels: w.Labels, Name: w.Name, Workflow: w.WorkflowName, URL: w.HTMLURL, HeadSHA: w.HeadSHA,
		CreatedAt: w.CreatedAt, Repeated: true,
	}
}

// JobState tells the state of a job. GitHub answers 404 both for what does not exist and for what a
// credential may not see, so a job that is not found has ended only if its repository can be read
// at that moment, and still is the one that the job was of; otherwise the error is ErrRefused.
func (c *Client) JobState(ctx context.Context, j provisioner.Job) (provisioner.JobState, error) {
	t := provisioner.Target{Owner: j.Repository.Owner, Repo: j.Repository.Name}
	a, err := c.account(ctx, t)
	if err != nil {
		return "", err
	}
	if c.listedQueued(ctx, a, t, j) {
		return provisioner.JobWaiting, nil
	}
	state, err := c.getJob(ctx, a, t, j)
	if !errors.Is(err, provisioner.ErrNotFound) {
		return state, err
	}
	err = missing(err, func() error { return c.sameRepository(ctx, a, t, j) }, func() error {
		state, err = c.getJob(ctx, a, t, j)
		return err
	})
	switch {
	case !errors.Is(err, provisioner.ErrNotFound):
		return state, err
	case !j.CreatedAt.IsZero() && time.Since(j.CreatedAt) < appears:
		return "", &provisioner.GitHubError{Target: t, Err: &provisioner.JobError{Err: fmt.Errorf("get job: GitHub does not show job %d yet: %w", j.ID, provisioner.ErrUnavailable)}}
	default:
		return provisioner.JobEnded, nil
	}
}

func (c *Client) getJob(ctx context.Context, a *account, t provisioner.Target, j provisioner.Job) (provisioner.JobState, error) {
	var w workflowJob
	if err := c.readJob(ctx, a, t, j.ID, &w); err != nil {
		return "", err
	}
	return w.state(), nil
}

func (c *Client) readJob(ctx context.Context, a *account, t provisioner.Target, id int64, w *workflowJob) error {
	_, err := c.do(ctx, a, call{
		operation: "get job", method: http.MethodGet, path: fmt.Sprintf("%s/actions/jobs/%d", root(t), id), target: t,
		means: map[int]error{http.StatusNotFound: provisioner.ErrNotFound},
	}, w)
	return err
}

func (w workflowJob) state() provisioner.JobState {
	switch w.Status {
	case statusCompleted:
		return provisioner.JobEnded
	case statusInProgress:
		return provisioner.JobRunning
	default:
		return provisioner.JobWaiting
	}
}

// missing says whether what GitHub did not find is gone, or only out of sight: it is gone if it is
// not found once more between two moments at which its surroundings can be seen. notFound is the
// first answer; the others are asked for as long as that takes.
func missing(notFound error, see, ask func() error) error {
	hidden := func(err error) error {
		return fmt.Errorf("%v, which is GitHub's answer too for what a credential may not see: %w", notFound, err) //nolint:errorlint // nothing is known to be missing
	}
	if err := see(); err != nil {
		return hidden(err)
	}
	if err := ask(); !errors.Is(err, provisioner.ErrNotFound) {
		return err
	}
	if err := see(); err != nil {
		return hidden(err)
	}
	return notFound
}

// appears is how long after its creation a job may not be found: GitHub's API lags behind its
// webhooks.
const appears = time.Minute

// sameRepository reports an error unless the job's repository can be read, and is the one that the
// job is of.
func (c *Client) sameRepository(ctx context.Context, a *account, t provisioner.Target, j provisioner.Job) error {
	id, err := c.repositoryID(ctx, a, t)
	if err == nil && id != 0 && j.RepositoryID != 0 && id != j.RepositoryID {
		err = &provisioner.GitHubError{Target: t, Err: &provisioner.JobError{Err: fmt.Errorf(
			"job %d was of repository %d, and the name is repository %d's now: %w", j.ID, j.RepositoryID, id, provisioner.ErrRefused)}}
	}
	return err
}

// RepositoryID returns GitHub's number of a repository, as its latest workflow run tells it; 0 if
// there is none. It proves that the credential can read the repository's workflows.
func (c *Client) RepositoryID(ctx context.Context, r provisioner.Repository) (int64, error) {
	t := provisioner.Target{Owner: r.Owner, Repo: r.Name}
	a, err := c.account(ctx, t)
	if err != nil {
		return 0, err
	}
	return c.repositoryID(ctx, a, t)
}

func (c *Client) repositoryID(ctx context.Context, a *account, t provisioner.Target) (int64, error) {
	runs, _, _, err := page(ctx, c, a, call{
		operation: "list workflow runs", method: http.MethodGet, path: root(t) + "/actions/runs", target: t, query: url.Values{"per_page": {"1"}},
	}, runsOf)
	if err != nil || len(runs) == 0 {
		return 0, err
	}
	return runs[0].Repository.ID, nil
}

// together is the time within which questions about jobs of one workflow run are answered by one
// list of them.
const together = 5 * time.Second

type runKey struct {
	target provisioner.Target
	id     int64
}

// listedQueued reports whether a list of the workflow run's jobs, read moments ago, says that the
// job is queued. The first question about a run is not worth a list.
func (c *Client) listedQueued(ctx context.Context, a *account, t provisioner.Target, j provisioner.Job) bool {
	key := runKey{t, j.RunID}
	if j.RunID == 0 || !c.asked.mark(key) {
		return false
	}
	queued, err := c.queued.get(ctx, key, func(ctx context.Context) (map[int64]bool, error) {
		jobs, _, err := pages(ctx, c, a, call{
			operation: "list jobs", method: http.MethodGet, path: fmt.Sprintf("%s/actions/runs/%d/jobs", root(t), j.RunID),
			query: url.Values{"filter": {"latest"}}, target: t,
		}, jobsOf)
		queued := map[int64]bool{}
		for _, w := range jobs {
			queued[w.ID] = w.Status == statusQueued
		}
		return queued, err
	})
	return err == nil && queued[j.ID]
}

// recentRuns are the workflow runs of which a job was asked about within a few seconds.
type recentRuns struct {
	mu sync.Mutex
	m  map[runKey]time.Time
}

// mark notes a question, and reports whether there was another one moments ago.
func (x *recentRuns) mark(key runKey) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	now := time.Now()
	last, again := x.m[key]
	if x.m == nil || len(x.m) > keptKeys {
		x.m = map[runKey]time.Time{}
	}
	x.m[key] = now
	return again && now.Sub(last) < together
}
