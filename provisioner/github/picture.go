package github

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// pictures are what is known of the active workflow runs of repositories: what was read, and what
// webhooks have told since. A webhook is a hint, which spares a request; what is read counts.
type pictures struct {
	mu     sync.Mutex
	m      map[provisioner.Repository]*picture
	pruned time.Time
}

// picture is what is known of one repository.
type picture struct {
	runs   map[int64]*activeRun
	newest int64     // the latest run that a list has shown
	short  bool      // the latest runs were all that there were
	status int       // the index of the status by which active runs are listed next
	looked time.Time // when somebody last began to look, or it was made
}

// activeRun is a workflow run that is not over.
type activeRun struct {
	listed listing   // what a list last said of it
	read   time.Time // when its jobs were last read; zero if never
	readAs listing   // what lists had said by then
	told   time.Time // when a webhook last told of a job of it; zero if none did
	doubt  bool      // something happened that nobody told of
	absent time.Time // since when no list of the active runs has it; zero if one does
	jobs   map[int64]openJob
	ended  map[int64]bool // jobs that a webhook told the end of: others may come late
}

// listing is what a list says of a run.
type listing struct{ status, updated string }

// openJob is a job that is not over.
type openJob struct {
	job    provisioner.Job
	status string
	told   time.Time // when a webhook told its status; zero if it was read
}

// lag is how long GitHub's API may be behind its webhooks: up to 20 s have been seen.
const lag = 30 * time.Second

// pictureKey spells a repository as no setting and no rename of case can change it.
func pictureKey(r provisioner.Repository) provisioner.Repository {
	return provisioner.Repository{Owner: strings.ToLower(r.Owner), Name: strings.ToLower(r.Name)}
}

// of returns a repository's picture. The caller has the lock.
func (x *pictures) of(r provisioner.Repository) *picture {
	if x.m == nil {
		x.m = map[provisioner.Repository]*picture{}
	}
	key := pictureKey(r)
	if x.m[key] == nil {
		x.m[key] = &picture{runs: map[int64]*activeRun{}, looked: time.Now()}
	}
	return x.m[key]
}

// unlooked is for how long what webhooks tell is kept where nobody looks. Looks take away what is
// over; where there are none, because nobody reconciles or the repository is forgotten, it would
// stay for ever.
const unlooked = 24 * time.Hour

// look notes that somebody begins to look at a repository.
func (x *pictures) look(r provisioner.Repository) {
	x.mu.Lock()
	defer x.mu.Unlock()
	now := time.Now()
	x.of(r).looked = now
	x.prune(now)
}

// prune forgets what is of no use any more, once an hour. The caller has the lock.
func (x *pictures) prune(now time.Time) {
	if now.Sub(x.pruned) < time.Hour {
		return
	}
	x.pruned = now
	maps.DeleteFunc(x.m, func(_ provisioner.Repository, p *picture) bool {
		if now.Sub(p.looked) < unlooked {
			return false
		}
		maps.DeleteFunc(p.runs, func(_ int64, run *activeRun) bool { return now.Sub(run.told) >= unlooked })
		return len(p.runs) == 0
	})
}

func (p *picture) run(id int64) *activeRun {
	if p.runs[id] == nil {
		p.runs[id] = &activeRun{jobs: map[int64]openJob{}, ended: map[int64]bool{}}
	}
	return p.runs[id]
}

// Tell notes what a webhook said of a job. It is a hint that spares requests, cheap, and safe to
// call from anywhere; when it is wrong, a later look finds out.
func (c *Client) Tell(j provisioner.Job, s provisioner.JobState) {
	if j.RunID == 0 {
		return
	}
	c.pictures.mu.Lock()
	defer c.pictures.mu.Unlock()
	now := time.Now()
	c.pictures.prune(now)
	p := c.pictures.of(j.Repository)
	if s == provisioner.JobEnded && p.runs[j.RunID] == nil {
		return
	}
	run := p.run(j.RunID)
	run.told = now
	switch {
	case s == provisioner.JobEnded:
		delete(run.jobs, j.ID)
		run.ended[j.ID] = true
	case run.ended[j.ID]:
	case s == provisioner.JobRunning:
		run.jobs[j.ID] = openJob{job: j, status: statusInProgress, told: now}
	case run.jobs[j.ID].status != statusInProgress:
		j.Repeated = true
		run.jobs[j.ID] = openJob{job: j, status: statusQueued, told: now}
	}
}

// list notes what a list said of an active run.
func (x *activeRun) list(l listing, now time.Time) {
	x.listed, x.absent = l, time.Time{}
	if x.unknown() || l == x.readAs || now.Sub(x.told) < lag {
		return
	}
	// What webhooks told may be all that happened, unless that was the end.
	if told := x.told.UTC().Add(lag).Format(time.RFC3339); !x.done() && l.status == x.implied() && l.updated <= told {
		return
	}
	// Of a run of one job, which waited, the list itself tells the rest.
	if x.readAs.status == statusQueued && l.status == statusInProgress && len(x.jobs) == 1 {
		for id, j := range x.jobs {
			j.status = statusInProgress
			x.jobs[id], x.readAs = j, l
		}
		return
	}
	x.doubt = true
}

// missing notes that no list of the active runs has it, and reports whether it is over: lists that
// are read one after the other can miss a run that moves on from one to another.
func (x *activeRun) missing(now time.Time) (over bool) {
	if x.absent.IsZero() {
		x.absent = now
	}
	return x.done() || now.Sub(x.absent) >= lag
}

// implied is the status that a run has whose jobs are the known ones.
func (x *activeRun) implied() string {
	for _, j := range x.jobs {
		if j.status == statusInProgress {
			return statusInProgress
		}
	}
	if len(x.ended) > 0 {
		return statusInProgress
	}
	return statusQueued
}

// unknown reports whether nobody has told or read anything of the run's jobs.
func (x *activeRun) unknown() bool { return x.read.IsZero() && x.told.IsZero() }

// heard is when anything was last read or told of the run's jobs.
func (x *activeRun) heard() time.Time {
	if x.told.After(x.read) {
		return x.told
	}
	return x.read
}

// done reports whether all jobs that were told of have ended.
func (x *activeRun) done() bool { return len(x.jobs) == 0 && len(x.ended) > 0 }

// fill takes over the open jobs of a run as they were read. What a webhook told within GitHub's lag
// before that is news to the API.
func (x *activeRun) fill(open []openJob, begun time.Time) {
	jobs := make(map[int64]openJob, len(open))
	for _, j := range open {
		told, known := x.jobs[j.job.ID]
		switch {
		case x.ended[j.job.ID] && begun.Sub(x.told) < lag:
			continue
		case x.ended[j.job.ID]:
			delete(x.ended, j.job.ID)
		case known && told.status == statusInProgress && begun.Sub(told.told) < lag:
			j = told
		}
		jobs[j.job.ID] = j
	}
	for id, told := range x.jobs {
		if _, read := jobs[id]; !read && begun.Sub(told.told) < lag {
			jobs[id] = told
		}
	}
	x.jobs, x.read, x.readAs, x.doubt = jobs, begun, x.listed, false
}

// queued returns the jobs that wait, in the order of their ids.
func (p *picture) queued(repositoryID int64) []provisioner.Job {
	var jobs []provisioner.Job
	for _, run := range p.runs {
		for _, j := range run.jobs {
			if j.status != statusQueued {
				continue
			}
			j.job.RepositoryID = cmp.Or(j.job.RepositoryID, repositoryID)
			jobs = append(jobs, j.job)
		}
	}
	slices.SortFunc(jobs, func(a, b provisioner.Job) int { return cmp.Compare(a.ID, b.ID) })
	return jobs
}

// choose returns the runs whose jobs a look reads, and how many there is reason to read beyond
// those.
func (p *picture) choose(l provisioner.Look, now time.Time) (ids []int64, left int) {
	var checks []int64
	for _, id := range slices.Sorted(maps.Keys(p.runs)) {
		switch run := p.runs[id]; {
		case !run.absent.IsZero() && now.Sub(run.absent) < lag, run.done() && now.Sub(run.told) < lag: // a later list tells
		case !run.doubt && !run.unknown() && !run.done() && run.absent.IsZero():
			checks = append(checks, id)
		case len(ids) < l.Reads:
			ids = append(ids, id)
		default:
			left++
		}
	}
	slices.SortStableFunc(checks, func(a, b int64) int { return p.runs[a].heard().Compare(p.runs[b].heard()) })
	return append(ids, checks[:min(len(checks), l.Checks)]...), left
}
