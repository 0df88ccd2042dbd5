package githubtest_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/github/githubtest"
)

func connect(t *testing.T, g *githubtest.Server, config string) int64 {
	t.Helper()
	id, err := g.Connect(config)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// online registers a runner at octo/shop and connects it.
func online(t *testing.T, g *githubtest.Server, h http.Handler, name string, labels ...string) int64 {
	t.Helper()
	_, config := register(t, h, name, labels...)
	return connect(t, g, config)
}

func TestGitHubTakesAConfigurationOnce(t *testing.T) {
	g, h := newGitHub(t, githubtest.Config{})
	id, config := register(t, h, "a", "x", "macOS")
	if got := connect(t, g, config); got != id {
		t.Errorf("runner %d connects, want %d", got, id)
	}
	if r := g.Runners()[0]; !r.Online || r.Busy {
		t.Errorf("%+v", r)
	}
	if r := ask(t, h, fmt.Sprintf("GET /repos/octo/shop/actions/runners/%d", id), "").decode(t); r["status"] != "online" || r["os"] != "macOS" {
		t.Errorf("%v", r)
	}
	if _, err := g.Connect(config); err == nil || !strings.Contains(err.Error(), "used before") {
		t.Errorf("the second time: %v", err)
	}
	removed, config := register(t, h, "b", "x")
	if a := ask(t, h, fmt.Sprintf("DELETE /repos/octo/shop/actions/runners/%d", removed), ""); a.Code != http.StatusNoContent {
		t.Fatalf("%d", a.Code)
	}
	if _, err := g.Connect(config); err == nil || !strings.Contains(err.Error(), "gone") {
		t.Errorf("without a registration: %v", err)
	}
	if _, err := g.Connect("x"); err == nil {
		t.Error("it took a configuration that nobody made")
	}
}

func TestGitHubAssignsJobs(t *testing.T) {
	g, h := newGitHub(t, githubtest.Config{})
	_, offline := register(t, h, "later", "x")
	plain := online(t, g, h, "plain", "X")
	first, second, third := g.QueueJob(shop, "x", "gpu"), g.QueueJob(shop, "x"), g.QueueJob(shop, "x")
	elsewhere := g.QueueJob(provisioner.Repository{Owner: "octo", Name: "other"}, "x")
	if got, want := g.Assign(), []githubtest.Assignment{{Job: second.ID, RunnerID: plain, RunnerName: "plain"}}; !slices.Equal(got, want) {
		t.Fatalf("%+v, want %+v: the oldest job that fits", got, want)
	}
	if j := g.Job(second.ID); j.Status != "in_progress" || j.RunnerID != plain || j.RunnerName != "plain" || j.Repository != shop || j.StartedAt.IsZero() {
		t.Errorf("%+v", j)
	}
	if r := g.Runners(); !r[1].Busy || r[1].Job != second.ID {
		t.Errorf("%+v", r)
	}
	connect(t, g, offline)
	gpu := online(t, g, h, "gpu", "gpu", "X", "more")
	_, orgConfig := registerAt(t, h, "/orgs/octo/actions/runners/generate-jitconfig", "everywhere", "x")
	got := g.Assign()
	if len(got) != 2 || got[0] != (githubtest.Assignment{Job: first.ID, RunnerID: gpu, RunnerName: "gpu"}) || got[1].Job != third.ID || got[1].RunnerName != "later" {
		t.Errorf("%+v", got)
	}
	if j := g.Job(elsewhere.ID); j.Status != "queued" {
		t.Errorf("a job got a runner of another repository: %+v", j)
	}
	connect(t, g, orgConfig)
	if got := g.Assign(); len(got) != 1 || got[0].Job != elsewhere.ID {
		t.Errorf("an organisation's runner takes %+v", got)
	}
	if got := g.Assign(); len(got) != 0 {
		t.Errorf("with nothing left, %+v", got)
	}
}

func TestGitHubGivesAJobTheRunnerOfAnother(t *testing.T) {
	g, h := newGitHub(t, githubtest.Config{})
	id, config := register(t, h, "a", "x")
	old, young, other := g.QueueJob(shop, "x"), g.QueueJob(shop, "x"), g.QueueJob(shop, "y")
	if g.AssignTo(young.ID, id) {
		t.Error("an offline runner got a job")
	}
	connect(t, g, config)
	if g.AssignTo(other.ID, id) || g.AssignTo(12345, id) || g.AssignTo(young.ID, 12345) {
		t.Error("an assignment that does not fit was made")
	}
	if !g.AssignTo(young.ID, id) || g.Job(young.ID).RunnerID != id {
		t.Errorf("%+v", g.Job(young.ID))
	}
	if g.AssignTo(old.ID, id) || g.AssignTo(young.ID, id) {
		t.Error("a busy runner got a job, or a running job a runner")
	}
}

func TestGitHubRunnersHaveOneJob(t *testing.T) {
	for name, end := range map[string]func(*githubtest.Server, int64){
		"that succeeds":    func(g *githubtest.Server, id int64) { g.FinishJob(id, "success") },
		"that is canceled": func(g *githubtest.Server, id int64) { g.CancelJob(id) },
	} {
		t.Run(name, func(t *testing.T) {
			g, h := newGitHub(t, githubtest.Config{})
			id := online(t, g, h, "a", "x")
			job := g.QueueJob(shop, "x")
			g.Assign()
			path := fmt.Sprintf("/repos/octo/shop/actions/runners/%d", id)
			if a := ask(t, h, "DELETE "+path, ""); a.Code != http.StatusUnprocessableEntity || len(g.Runners()) != 1 {
				t.Errorf("a busy runner's removal: %d %s", a.Code, a.Body)
			}
			end(g, job.ID)
			if a := ask(t, h, "GET "+path, ""); a.Code != http.StatusNotFound || len(g.Runners()) != 0 {
				t.Errorf("after its job: %d, %+v", a.Code, g.Runners())
			}
			g.Disconnect(id) // nothing happens
			if j := g.Job(job.ID); j.Status != "completed" || j.CompletedAt.IsZero() {
				t.Errorf("%+v", j)
			}
		})
	}
}

func TestGitHubCancelsJobsThatHaveNotEnded(t *testing.T) {
	g, h := newGitHub(t, githubtest.Config{})
	online(t, g, h, "a", "x")
	queued := g.QueueJob(shop, "x")
	if !g.CancelJob(queued.ID) || g.Job(queued.ID).Conclusion != "cancelled" {
		t.Errorf("%+v", g.Job(queued.ID))
	}
	if got := g.Assign(); len(got) != 0 {
		t.Errorf("a cancelled job was assigned: %+v", got)
	}
	if g.CancelJob(queued.ID) || g.CancelJob(12345) {
		t.Error("what had ended was cancelled")
	}
	g.FinishJob(queued.ID, "success")
	if j := g.Job(queued.ID); j.Conclusion != "cancelled" {
		t.Errorf("an ended job ended again: %+v", j)
	}
	if j := g.Job(12345); j.ID != 0 {
		t.Errorf("%+v", j)
	}
}

func TestGitHubHoldsJobs(t *testing.T) {
	g, h := newGitHub(t, githubtest.Config{})
	online(t, g, h, "a", "x")
	job := g.QueueJob(shop, "x")
	if !g.HoldJob(job.ID) || g.HoldJob(job.ID) || g.Job(job.ID).Status != "waiting" || len(g.Assign()) != 0 {
		t.Errorf("%+v", g.Job(job.ID))
	}
	if runs := ask(t, h, "GET /repos/octo/shop/actions/runs?status=waiting", "").items(t, "workflow_runs"); len(runs) != 1 {
		t.Errorf("waiting runs: %v", runs)
	}
	if !g.ReleaseJob(job.ID) || g.ReleaseJob(job.ID) || len(g.Assign()) != 1 {
		t.Errorf("%+v", g.Job(job.ID))
	}
}

func TestGitHubLetsTimePass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, h := newGitHub(t, githubtest.Config{})
		names := func() (out []string) {
			for _, r := range g.Runners() {
				out = append(out, r.Name)
			}
			return out
		}
		expect := func(when string, want ...string) {
			t.Helper()
			if got := names(); !slices.Equal(got, want) {
				t.Errorf("%s: runners %v, want %v", when, got, want)
			}
		}
		_, never := register(t, h, "never", "x")
		gone := online(t, g, h, "gone", "x")
		online(t, g, h, "here", "x")
		busy := online(t, g, h, "busy", "y")
		lost := g.QueueJob(shop, "y")
		g.Assign()
		time.Sleep(12 * time.Hour)
		g.Disconnect(gone)
		g.Disconnect(busy)
		g.Disconnect(gone) // again, which is no new leave
		time.Sleep(9 * time.Minute)
		expect("a moment after its machine was lost", "never", "gone", "here", "busy")
		if j := g.Job(lost.ID); j.Status != "in_progress" {
			t.Errorf("%+v", j)
		}
		time.Sleep(2 * time.Minute)
		expect("once GitHub misses it", "never", "gone", "here")
		if j := g.Job(lost.ID); j.Status != "completed" || j.Conclusion != "failure" {
			t.Errorf("%+v", j)
		}
		forgotten := g.QueueJob(shop, "nobody")
		time.Sleep(12 * time.Hour)
		expect("a day after its registration", "gone", "here")
		if _, err := g.Connect(never); err == nil {
			t.Error("a registration came back")
		}
		if j := g.Job(forgotten.ID); j.Status != "queued" {
			t.Errorf("%+v", j)
		}
		time.Sleep(12*time.Hour + time.Second)
		expect("a day after it left", "here")
		if j := g.Job(forgotten.ID); j.Status != "completed" || j.Conclusion != "cancelled" {
			t.Errorf("a job that was queued for a day: %+v", j)
		}
	})
}

func TestGitHubTellsOfRunsAndJobs(t *testing.T) {
	g, h := newGitHub(t, githubtest.Config{})
	jobs := g.QueueJobs(shop, 3, "X")
	other := g.QueueJob(shop, "y")
	online(t, g, h, "a", "x")
	g.Assign()
	g.CancelJob(jobs[1].ID)
	run := g.Job(jobs[0].ID).RunID
	if jobs[0].RunAttempt != 1 || jobs[0].Repository != shop || jobs[0].Labels[0] != "X" || jobs[0].CreatedAt.IsZero() || g.Job(jobs[2].ID).RunID != run {
		t.Errorf("%+v", jobs)
	}
	statuses := func(path, list string) (out []string) {
		for _, x := range ask(t, h, "GET /repos/octo/shop/actions/"+path, "").items(t, list) {
			out = append(out, x["status"].(string))
		}
		return out
	}
	for path, want := range map[string][]string{
		"runs":                    {"queued", "in_progress"}, // the newest first
		"runs?status=queued":      {"queued"},
		"runs?status=in_progress": {"in_progress"},
		"runs?status=completed":   nil,
		"runs?per_page=1&page=2":  {"in_progress"},
	} {
		if got := statuses(path, "workflow_runs"); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", path, got, want)
		}
	}
	of := fmt.Sprintf("runs/%d/jobs", run)
	if got := statuses(of+"?filter=latest", "jobs"); !slices.Equal(got, []string{"in_progress", "completed", "queued"}) {
		t.Errorf("the run's jobs: %v", got)
	}
	if got := statuses(of+"?per_page=2&page=2", "jobs"); !slices.Equal(got, []string{"queued"}) {
		t.Errorf("the run's jobs, page 2: %v", got)
	}
	for i, want := range []string{"in_progress", "completed", "queued"} {
		j := ask(t, h, fmt.Sprintf("GET /repos/octo/shop/actions/jobs/%d", jobs[i].ID), "").decode(t)
		if j["status"] != want || (j["completed_at"] == nil) != (want != "completed") || (j["runner_name"] == nil) != (want != "in_progress") {
			t.Errorf("job %d: %v", i, j)
		}
	}
	g.FinishJob(jobs[0].ID, "success")
	g.FinishJob(jobs[2].ID, "success")
	r := ask(t, h, fmt.Sprintf("GET /repos/octo/shop/actions/runs/%d", run), "").decode(t)
	if r["status"] != "completed" || r["conclusion"] != "cancelled" {
		t.Errorf("%v, %v", r["status"], r["conclusion"])
	}
	if got := statuses("runs?status=cancelled", "workflow_runs"); len(got) != 1 {
		t.Errorf("cancelled runs: %v", got)
	}
	g.AddRepository("octo", "other")
	for _, path := range []string{
		"shop/actions/jobs/1", "shop/actions/runs/1", "shop/actions/runs/1/jobs", "shop/actions/jobs/x", fmt.Sprintf("other/actions/jobs/%d", other.ID),
		fmt.Sprintf("other/actions/runs/%d", run), fmt.Sprintf("other/actions/runs/%d/jobs", run),
	} {
		if a := ask(t, h, "GET /repos/octo/"+path, ""); a.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, a.Code)
		}
	}
}

func TestGitHubIsTheSameEveryTime(t *testing.T) {
	history := func() string {
		g, h := newGitHub(t, githubtest.Config{})
		a, b := g.QueueJob(shop, "x"), g.QueueJob(shop, "x")
		_, config := register(t, h, "a", "x")
		connect(t, g, config)
		return fmt.Sprint(a.ID, b.ID, config, g.Assign())
	}
	if one, two := history(), history(); one != two {
		t.Errorf("two equal histories differ:\n%s\n%s", one, two)
	}
}

func TestGitHubIsSafeForConcurrentUse(t *testing.T) {
	g, h := newGitHub(t, githubtest.Config{})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for k := range 10 {
				job := g.QueueJob(shop, "x")
				id := online(t, g, h, fmt.Sprintf("r-%d-%d", i, k), "x")
				g.Assign()
				g.Payload("queued", job)
				ask(t, h, "GET /repos/octo/shop/actions/runs", "")
				ask(t, h, "GET /repos/octo/shop/actions/runners", "")
				g.Disconnect(id)
				g.Runners()
				g.Calls()
				g.CancelJob(job.ID)
			}
		})
	}
	wg.Wait()
	for _, r := range g.Runners() {
		if r.Busy {
			t.Errorf("%+v is busy with a job that has ended: %+v", r, g.Job(r.Job))
		}
	}
}
