package githubtest

import (
	"cmp"
	"net/http"
	"slices"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// run is a workflow run.
type run struct {
	id         int64
	repository provisioner.Repository
	jobs       []*Job
	created    time.Time
}

// state tells a run's status from its jobs'. The conclusion is "" until it is completed.
func (x *run) state() (status, conclusion string) {
	n := map[string]int{}
	for _, j := range x.jobs {
		n[j.Status]++
		if j.Conclusion != "success" {
			conclusion = cmp.Or(conclusion, j.Conclusion)
		}
	}
	switch {
	case n["completed"] == len(x.jobs):
		return "completed", cmp.Or(conclusion, "success")
	case n["completed"]+n["in_progress"] > 0:
		return "in_progress", ""
	case n["queued"] > 0:
		return "queued", ""
	default:
		return "waiting", ""
	}
}

// listRuns lists the newest first.
func (g *Server) listRuns(w http.ResponseWriter, r *http.Request) {
	in, wanted := repositoryOf(r), r.URL.Query().Get("status")
	var found []*run
	for _, x := range slices.Backward(g.runs) {
		if x.repository != in {
			continue
		}
		if x = g.shownRun(x); x == nil {
			continue
		}
		if status, conclusion := x.state(); wanted == "" || wanted == status || wanted == conclusion {
			found = append(found, x)
		}
	}
	page(w, r, found, g.runJSON, counted[map[string]any]("workflow_runs"))
}

// run returns the run that a request names, or nil.
func (g *Server) run(r *http.Request) *run {
	i, ok := slices.BinarySearchFunc(g.runs, number(r, "run_id"), func(x *run, id int64) int { return cmp.Compare(x.id, id) })
	if !ok || g.runs[i].repository != repositoryOf(r) {
		return nil
	}
	return g.shownRun(g.runs[i])
}

func (g *Server) getRun(w http.ResponseWriter, r *http.Request) {
	x := g.run(r)
	if x == nil {
		notFound(w)
		return
	}
	reply(w, http.StatusOK, g.runJSON(x))
}

// listJobs lists all jobs of a run, whatever the filter (latest or all): none is run twice here.
func (g *Server) listJobs(w http.ResponseWriter, r *http.Request) {
	x := g.run(r)
	if x == nil {
		notFound(w)
		return
	}
	page(w, r, x.jobs, (*Job).json, counted[map[string]any]("jobs"))
}

func (g *Server) getJob(w http.ResponseWriter, r *http.Request) {
	j := g.shown(g.jobs[number(r, "job_id")])
	if j == nil || j.Repository != repositoryOf(r) {
		notFound(w)
		return
	}
	reply(w, http.StatusOK, j.json())
}
