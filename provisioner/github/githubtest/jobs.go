package githubtest

import (
	"fmt"
	"slices"
	"time"

	"github.com/datawire/github-runner-provisioner/labels"
	"github.com/datawire/github-runner-provisioner/provisioner"
)

// Job is a job of a fake GitHub.
type Job struct {
	ID          int64
	RunID       int64
	Repository  provisioner.Repository
	Labels      []string // as the workflow spells them
	Status      string   // queued, in_progress, completed, waiting
	Conclusion  string   // of a completed one: success, failure, cancelled, ...
	RunnerID    int64    // 0 until a runner has it
	RunnerName  string
	CreatedAt   time.Time
	StartedAt   time.Time // when a runner took it
	CompletedAt time.Time

	queuedAt time.Time
	wants    labels.Set
	group    int64
}

// Assignment is a job that got a runner.
type Assignment struct {
	Job        int64
	RunnerID   int64
	RunnerName string
}

// QueueJob queues a job in a workflow run of its own, and returns it as a webhook would tell of it.
// The repository is made if it does not exist.
func (g *Server) QueueJob(r provisioner.Repository, labels ...string) provisioner.Job {
	return g.QueueJobs(r, 1, labels...)[0]
}

// QueueJobs queues n jobs in one workflow run.
func (g *Server) QueueJobs(r provisioner.Repository, n int, runsOn ...string) []provisioner.Job {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.addRepository(r)
	now := time.Now()
	x := &run{id: g.next(), repository: r, created: now}
	g.runs = append(g.runs, x)
	out := make([]provisioner.Job, 0, n)
	for range n {
		j := &Job{
			ID: g.next(), RunID: x.id, Repository: r, Labels: slices.Clone(runsOn), Status: "queued", CreatedAt: now, queuedAt: now, wants: labels.NewSet(runsOn...),
		}
		x.jobs = append(x.jobs, j)
		g.jobs[j.ID] = j
		g.queued = append(g.queued, j)
		out = append(out, provisioner.Job{
			ID: j.ID, RunID: x.id, RunAttempt: 1, Repository: r, RepositoryID: g.repositories[r], Labels: slices.Clone(runsOn), Name: jobName, Workflow: workflowName, CreatedAt: now, URL: j.page(),
		})
	}
	return out
}

func (j *Job) page() string {
	return fmt.Sprintf("https://github.com/%s/actions/runs/%d/job/%d", j.Repository, j.RunID, j.ID)
}

// Job returns a job; the zero Job if there is none.
func (g *Server) Job(id int64) Job {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.catchUp()
	if j := g.jobs[id]; j != nil {
		return *j
	}
	return Job{}
}

// HoldJob makes a queued job wait for an approval, and reports whether it was queued. No runner
// gets it before [Server.ReleaseJob].
func (g *Server) HoldJob(id int64) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	j := g.jobs[id]
	if j == nil || j.Status != "queued" {
		return false
	}
	g.unqueue(j)
	j.Status = "waiting"
	return true
}

// ReleaseJob queues a job that waits for an approval, and reports whether it waited.
func (g *Server) ReleaseJob(id int64) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	j := g.jobs[id]
	if j == nil || j.Status != "waiting" {
		return false
	}
	j.Status, j.queuedAt = "queued", time.Now()
	g.queued = append(g.queued, j)
	return true
}

// CancelJob cancels a job and reports whether it had not ended. The runner of a running one is
// removed, as after any job.
func (g *Server) CancelJob(id int64) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.catchUp()
	return g.end(id, "cancelled")
}

// FinishJob ends a job with a conclusion: success, failure, ... Its runner, which is ephemeral, is
// removed. A job that has ended stays as it is.
func (g *Server) FinishJob(id int64, conclusion string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.catchUp()
	g.end(id, conclusion)
}

func (g *Server) end(id int64, conclusion string) bool {
	j := g.jobs[id]
	if j == nil || j.Status == "completed" {
		return false
	}
	if r := g.runner(j.RunnerID); r != nil {
		g.remove(r)
	}
	g.unqueue(j)
	j.Status, j.Conclusion, j.CompletedAt = "completed", conclusion, time.Now()
	return true
}

func (g *Server) unqueue(j *Job) {
	if i := slices.Index(g.queued, j); i >= 0 {
		g.queued = slices.Delete(g.queued, i, i+1)
	}
}

// Assign hands every queued job, the oldest first, to an online runner of its repository or
// organisation that has all its labels and never had a job, if there is one.
func (g *Server) Assign() (out []Assignment) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.catchUp()
	var idle []*Runner
	for _, r := range g.runners {
		if r.Online && r.Job == 0 {
			idle = append(idle, r)
		}
	}
	for i := 0; i < len(g.queued) && len(idle) > 0; {
		j := g.queued[i]
		n := slices.IndexFunc(idle, j.fits)
		if n < 0 {
			i++
			continue
		}
		out = append(out, g.assign(j, idle[n])) // takes j from the queue
		idle = slices.Delete(idle, n, n+1)
	}
	return out
}

// AssignTo hands a queued job to one runner and reports whether it could: this is how a job gets
// the runner that was meant for another.
func (g *Server) AssignTo(job, runnerID int64) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.catchUp()
	j, r := g.jobs[job], g.runner(runnerID)
	if j == nil || r == nil || j.Status != "queued" || !r.Online || r.Job != 0 || !j.fits(r) {
		return false
	}
	g.assign(j, r)
	return true
}

// fits reports whether a runner may have the job.
func (j *Job) fits(r *Runner) bool {
	return r.Target.Owner == j.Repository.Owner && (r.Target.Repo == "" || r.Target.Repo == j.Repository.Name) && j.wants.SubsetOf(r.has)
}

func (g *Server) assign(j *Job, r *Runner) Assignment {
	g.unqueue(j)
	r.Busy, r.Job = true, j.ID
	j.Status, j.RunnerID, j.RunnerName, j.StartedAt, j.group = "in_progress", r.ID, r.Name, time.Now(), r.Group
	return Assignment{Job: j.ID, RunnerID: r.ID, RunnerName: r.Name}
}
