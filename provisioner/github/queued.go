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
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// QueuedJobs looks at the jobs of a repository, whatever their labels.
//
// What it knows of every active run it keeps, from look to look, and lets webhooks change it
// ([Client.Tell]); so a look that reads little still tells of all. Runs that were active when last
// seen are followed wherever they are in GitHub's lists, until a list, or the run itself, says that
// they are over. All requests are conditional.
func (c *Client) QueuedJobs(ctx context.Context, r provisioner.Repository, l provisioner.Look) (provisioner.Sight, error) {
	t := provisioner.Target{Owner: r.Owner, Repo: r.Name}
	a, err := c.account(ctx, t)
	if err != nil {
		return provisioner.Sight{}, err
	}
	c.pictures.look(r)
	k := look{c: c, a: a, t: t, r: r, Look: l}
	if err := k.findRuns(ctx); err != nil {
		return provisioner.Sight{}, err
	}
	left, err := k.readRuns(ctx)
	if err != nil {
		return provisioner.Sight{}, err
	}
	c.pictures.mu.Lock()
	defer c.pictures.mu.Unlock()
	return provisioner.Sight{Jobs: c.pictures.of(r).queued(k.repositoryID), Changed: k.changed, Complete: left == 0}, nil
}

// look is one look at a repository.
type look struct {
	provisioner.Look
	c *Client
	a *account
	t provisioner.Target
	r provisioner.Repository

	listed map[int64]bool // runs that a list of this look calls active

	repositoryID int64 // as the runs tell it; 0 if they don't

	mu      sync.Mutex
	changed bool
}

type workflowRun struct {
	ID         int64  `json:"id"`
	Status     string `json:"status"`
	UpdatedAt  string `json:"updated_at"`
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

// mostListed is the most runs that GitHub lists under a status
// (https://docs.github.com/en/rest/actions/workflow-runs#list-workflow-runs-for-a-repository).
const mostListed = 1000

// manyQuiet is from how many runs on it is cheaper to list what is active than to ask each.
const manyQuiet = 4

func (l *look) findRuns(ctx context.Context) error {
	l.listed = map[int64]bool{}
	statuses := l.Statuses
	if l.Latest || statuses > 0 && l.isShort() {
		more, behind, quiet, err := l.listLatest(ctx)
		switch {
		case err != nil:
			return err
		case !more: // there are no others
			statuses = 0
		case behind || quiet >= manyQuiet:
			statuses = len(activeStatuses)
		}
	}
	return l.listActive(ctx, statuses)
}

// isShort reports whether the latest runs were all there are when they were last listed.
func (l *look) isShort() bool {
	l.c.pictures.mu.Lock()
	defer l.c.pictures.mu.Unlock()
	return l.c.pictures.of(l.r).short
}

func (l *look) listRuns(query url.Values) call {
	return call{operation: "list workflow runs", method: http.MethodGet, path: root(l.t) + "/actions/runs", target: l.t, query: query}
}

// listLatest reads the latest runs. more says that there are others behind them; behind, that new
// ones may be among those; quiet, of how many known ones among them nobody knows whether they go
// on.
func (l *look) listLatest(ctx context.Context) (more, behind bool, quiet int, err error) {
	latest, next, changed, err := page(ctx, l.c, l.a, l.listRuns(url.Values{"per_page": {strconv.Itoa(perPage)}}), runsOf)
	if err != nil {
		return false, false, 0, err
	}
	l.changed, more = changed, next != ""
	l.c.pictures.mu.Lock()
	defer l.c.pictures.mu.Unlock()
	p := l.c.pictures.of(l.r)
	behind = changed && more
	shown := map[int64]bool{}
	for _, run := range latest {
		l.repositoryID = cmp.Or(l.repositoryID, run.Repository.ID)
		behind = behind && run.ID > p.newest
		shown[run.ID] = true
		if run.Status == statusCompleted {
			delete(p.runs, run.ID)
		} else {
			l.note(p, run)
		}
	}
	for _, run := range latest {
		p.newest = max(p.newest, run.ID)
	}
	for id, run := range p.runs {
		switch {
		case shown[id]:
		case !more && time.Since(run.told) >= lag: // deleted
			delete(p.runs, id)
		case run.done() || !run.absent.IsZero():
			quiet++
		case changed && time.Since(run.heard()) >= lag:
			quiet++
		}
	}
	p.short = !more
	return more, behind, quiet, nil
}

// note notes that a list calls a run active. The caller has the lock.
func (l *look) note(p *picture, run workflowRun) {
	l.listed[run.ID] = true
	p.run(run.ID).list(listing{run.Status, run.UpdatedAt}, time.Now())
}

// listActive reads lists of the active runs. Together they tell which of the runs that we know of
// are not active any more.
func (l *look) listActive(ctx context.Context, n int) error {
	whole := n >= len(activeStatuses)
	for i := range min(n, len(activeStatuses)) {
		l.c.pictures.mu.Lock()
		p := l.c.pictures.of(l.r)
		if whole && i == 0 {
			p.status = 0
		}
		status := activeStatuses[p.status]
		p.status = (p.status + 1) % len(activeStatuses)
		l.c.pictures.mu.Unlock()
		runs, changed, err := pages(ctx, l.c, l.a, l.listRuns(url.Values{"status": {status}}), runsOf)
		if err != nil {
			return err
		}
		l.changed, whole = l.changed || changed, whole && len(runs) < mostListed
		l.c.pictures.mu.Lock()
		for _, run := range runs {
			l.note(p, run)
		}
		l.c.pictures.mu.Unlock()
	}
	if !whole {
		return nil
	}
	l.c.pictures.mu.Lock()
	defer l.c.pictures.mu.Unlock()
	p := l.c.pictures.of(l.r)
	for id, run := range p.runs {
		if !l.listed[id] && time.Since(run.told) >= lag && run.missing(time.Now()) {
			delete(p.runs, id)
		}
	}
	return nil
}

// readRuns reads the jobs of runs, and returns how many there is reason to read and are left.
func (l *look) readRuns(ctx context.Context) (left int, err error) {
	l.c.pictures.mu.Lock()
	ids, left := l.c.pictures.of(l.r).choose(l.Look, time.Now())
	l.c.pictures.mu.Unlock()
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(4) // GitHub asks for few requests at a time
	for _, id := range ids {
		g.Go(func() error { return l.readRun(ctx, id) })
	}
	return left, g.Wait()
}

func (l *look) readRun(ctx context.Context, id int64) error {
	begun := time.Now()
	path := fmt.Sprintf("%s/actions/runs/%d", root(l.t), id)
	gone := map[int]error{http.StatusNotFound: provisioner.ErrNotFound}
	read, changed, err := pages(ctx, l.c, l.a, call{
		operation: "list jobs", method: http.MethodGet, path: path + "/jobs", query: url.Values{"filter": {"latest"}}, target: l.t, means: gone,
	}, jobsOf)
	over := errors.Is(err, provisioner.ErrNotFound)
	switch {
	case err != nil && !over:
		return err
	case err == nil && len(read) == 0 && !l.listed[id]:
		// Between two jobs, or over? Only the run itself tells.
		runs, _, _, err := page(ctx, l.c, l.a, call{operation: "get workflow run", method: http.MethodGet, path: path, target: l.t, means: gone},
			func(run *workflowRun) []workflowRun { return []workflowRun{*run} })
		if err != nil && !errors.Is(err, provisioner.ErrNotFound) {
			return err
		}
		over = err != nil || runs[0].Status == statusCompleted
	}
	open := make([]openJob, 0, len(read))
	for _, w := range read {
		open = append(open, openJob{job: w.job(l.r), status: w.Status})
	}
	l.mu.Lock()
	l.changed = l.changed || changed
	l.mu.Unlock()
	l.c.pictures.mu.Lock()
	defer l.c.pictures.mu.Unlock()
	p := l.c.pictures.of(l.r)
	if over && time.Since(p.run(id).told) >= lag {
		delete(p.runs, id)
		return nil
	}
	p.run(id).fill(open, begun)
	return nil
}
