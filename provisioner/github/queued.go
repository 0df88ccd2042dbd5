package github

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// QueuedJobs returns the jobs of a repository that are queued, that is, that need a runner now,
// whatever their labels: not those that wait for an approval or a concurrency group. They are in
// the order of their ids, and Repeated. changed is false when GitHub says that nothing has changed
// since the last look.
//
// GitHub lists jobs by workflow run alone. A quick look takes the latest hundred runs, which is one
// request that costs nothing while nothing happens, and one (also conditional) for every run known
// to be active. Runs that were active when last seen are followed wherever they are in the list;
// full, or a busy repository with more than a hundred runs, adds lists of the active runs by
// status.
func (c *Client) QueuedJobs(ctx context.Context, r provisioner.Repository, full bool) (jobs []provisioner.Job, changed bool, err error) {
	t := provisioner.Target{Owner: r.Owner, Repo: r.Name}
	a, err := c.account(ctx, t)
	if err != nil {
		return nil, false, err
	}
	l := look{c: c, a: a, t: t, r: r}
	if err := l.findRuns(ctx, full); err != nil {
		return nil, false, err
	}
	if err := l.readRuns(ctx); err != nil {
		return nil, false, err
	}
	slices.SortFunc(l.jobs, func(a, b provisioner.Job) int { return cmp.Compare(a.ID, b.ID) })
	return l.jobs, l.changed, nil
}

// look is one look at a repository.
type look struct {
	c *Client
	a *account
	t provisioner.Target
	r provisioner.Repository

	listed map[int64]bool // runs that a list of this look calls active
	runs   []int64        // those, and the ones that were active before and are in no list

	repositoryID int64 // as the runs tell it; 0 if they don't

	mu      sync.Mutex
	jobs    []provisioner.Job
	changed bool
}

type workflowRun struct {
	ID         int64  `json:"id"`
	Status     string `json:"status"`
	Repository struct {
		ID int64 `json:"id"`
	} `json:"repository"`
}

type runsPage struct {
	Runs []workflowRun `json:"workflow_runs"`
}

func runsOf(p *runsPage) []workflowRun { return p.Runs }

type jobsPage struct {
	Jobs []workflowJob `json:"jobs"`
}

// jobsOf leaves out what is over, so that it need not be remembered.
func jobsOf(p *jobsPage) []workflowJob {
	return slices.DeleteFunc(p.Jobs, func(w workflowJob) bool { return w.Status == statusCompleted })
}

// activeStatuses are in the order in which a run passes through them, so that one that moves on
// between two lists is in the later one.
var activeStatuses = []string{"requested", statusQueued, "pending", "waiting", statusInProgress}

func (l *look) findRuns(ctx context.Context, full bool) error {
	k := call{
		operation: "list workflow runs", method: http.MethodGet, path: root(l.t) + "/actions/runs", target: l.t,
		query: url.Values{"per_page": {strconv.Itoa(perPage)}},
	}
	latest, next, changed, err := page(ctx, l.c, l.a, k, runsOf)
	if err != nil {
		return err
	}
	l.changed, l.listed = changed, map[int64]bool{}
	ended := map[int64]bool{}
	for _, run := range latest {
		l.repositoryID = cmp.Or(l.repositoryID, run.Repository.ID)
		if run.Status == statusCompleted {
			ended[run.ID] = true
		} else {
			l.listed[run.ID] = true
		}
	}
	if full || changed && next != "" {
		for _, status := range activeStatuses {
			k.query = url.Values{"status": {status}}
			runs, changed, err := pages(ctx, l.c, l.a, k, runsOf)
			if err != nil {
				return err
			}
			l.changed = l.changed || changed
			for _, run := range runs {
				l.listed[run.ID] = true
			}
		}
	}
	l.runs = l.c.active.update(l.r, l.listed, ended)
	return nil
}

// readRuns reads the jobs of all active runs.
func (l *look) readRuns(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(4) // GitHub asks for few requests at a time
	for _, id := range l.runs {
		g.Go(func() error { return l.readRun(ctx, id) })
	}
	return g.Wait()
}

func (l *look) readRun(ctx context.Context, id int64) error {
	path := fmt.Sprintf("%s/actions/runs/%d", root(l.t), id)
	gone := map[int]error{http.StatusNotFound: provisioner.ErrNotFound}
	open, changed, err := pages(ctx, l.c, l.a, call{
		operation: "list jobs", method: http.MethodGet, path: path + "/jobs", query: url.Values{"filter": {"latest"}}, target: l.t, means: gone,
	}, jobsOf)
	over := errors.Is(err, provisioner.ErrNotFound)
	switch {
	case err != nil && !over:
		return err
	case err == nil && len(open) == 0 && !l.listed[id]:
		// Between two jobs, or over? Only the run itself tells.
		runs, _, _, err := page(ctx, l.c, l.a, call{operation: "get workflow run", method: http.MethodGet, path: path, target: l.t, means: gone},
			func(run *workflowRun) []workflowRun { return []workflowRun{*run} })
		if err != nil && !errors.Is(err, provisioner.ErrNotFound) {
			return err
		}
		over = err != nil || runs[0].Status == statusCompleted
	}
	if over {
		l.c.active.end(l.r, id)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.changed = l.changed || changed
	for _, w := range open {
		if w.Status == statusQueued {
			j := w.job(l.r)
			j.RepositoryID = l.repositoryID
			l.jobs = append(l.jobs, j)
		}
	}
	return nil
}

// activeRuns remembers which runs of a repository were active when last seen, so that they are not
// lost when newer runs push them off the first page.
type activeRuns struct {
	mu sync.Mutex
	m  map[provisioner.Repository]map[int64]bool
}

// update adds and removes runs and returns all that are left, the oldest first.
func (x *activeRuns) update(r provisioner.Repository, active, ended map[int64]bool) []int64 {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.m == nil {
		x.m = map[provisioner.Repository]map[int64]bool{}
	}
	if x.m[r] == nil {
		x.m[r] = map[int64]bool{}
	}
	for id := range active {
		x.m[r][id] = true
	}
	for id := range ended {
		if !active[id] {
			delete(x.m[r], id)
		}
	}
	all := make([]int64, 0, len(x.m[r]))
	for id := range x.m[r] {
		all = append(all, id)
	}
	slices.Sort(all)
	return all
}

func (x *activeRuns) end(r provisioner.Repository, id int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.m[r], id)
}
