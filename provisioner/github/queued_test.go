package github_test

import (
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/github"
)

var created = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

// runs are the workflow runs of a repository, the latest first.
type runs struct {
	mu   sync.Mutex
	list []*run
}

type run struct {
	id     int64
	status string
	jobs   []string // the status of each
	// updated is when the run changed, as far as GitHub tells.
	updated string
}

func (x *runs) change(f func()) {
	x.mu.Lock()
	defer x.mu.Unlock()
	f()
}

func (x *runs) routes() map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		"GET /repos/octo/shop/actions/runs": func(w http.ResponseWriter, r *http.Request) {
			x.mu.Lock()
			defer x.mu.Unlock()
			list := []object{}
			for _, run := range x.list {
				if status := r.URL.Query().Get("status"); status == "" || status == run.status {
					list = append(list, object{"id": run.id, "status": run.status, "updated_at": run.updated, "repository": object{"id": 77}})
				}
			}
			answer(w, r, object{"total_count": len(list), "workflow_runs": paged(w, r, list)})
		},
		"GET /repos/octo/shop/actions/runs/{id}": func(w http.ResponseWriter, r *http.Request) {
			x.mu.Lock()
			defer x.mu.Unlock()
			if run := x.find(r); run != nil {
				answer(w, r, object{"id": run.id, "status": run.status})
				return
			}
			fail(w, 404, "Not Found")
		},
		"GET /repos/octo/shop/actions/runs/{id}/jobs": func(w http.ResponseWriter, r *http.Request) {
			x.mu.Lock()
			defer x.mu.Unlock()
			run := x.find(r)
			if run == nil {
				fail(w, 404, "Not Found")
				return
			}
			list := []object{}
			for i, status := range run.jobs {
				id := run.id*1000 + int64(i)
				list = append(list, object{
					"id": id, "run_id": run.id, "run_attempt": 2, "status": status, "labels": []string{"self-hosted", "x"}, "name": fmt.Sprint("job ", i),
					"workflow_name": "CI", "html_url": fmt.Sprint("https://github.test/", id), "created_at": created, "steps": []object{{"name": "s"}},
				})
			}
			answer(w, r, object{"total_count": len(list), "jobs": paged(w, r, list)})
		},
	}
}

func (x *runs) find(r *http.Request) *run {
	for _, run := range x.list {
		if strconv.FormatInt(run.id, 10) == r.PathValue("id") {
			return run
		}
	}
	return nil
}

func ids(jobs []provisioner.Job) []int64 {
	list := []int64{}
	for _, j := range jobs {
		list = append(list, j.ID)
	}
	return list
}

// looker expects looks to find jobs and to cost requests.
type looker struct {
	*testing.T
	c *github.Client
}

// Quick and full looks, which may read all there is.
var (
	quickLook = provisioner.Look{Latest: true, Reads: 100, Checks: 100}
	fullLook  = provisioner.Look{Latest: true, Statuses: provisioner.RunStatuses, Reads: 100, Checks: 100}
)

func (l looker) expect(what string, look provisioner.Look, jobs []int64, changed bool, requests, unchanged int64) {
	l.Helper()
	before := l.c.Quota()
	got, err := l.c.QueuedJobs(l.Context(), shop, look)
	after := l.c.Quota()
	if err != nil {
		l.Fatalf("%s: %v", what, err)
	}
	if !reflect.DeepEqual(ids(got.Jobs), jobs) {
		l.Errorf("%s: jobs %v, want %v", what, ids(got.Jobs), jobs)
	}
	if got.Changed != changed || !got.Complete {
		l.Errorf("%s: changed %t, want %t; complete: %t", what, got.Changed, changed, got.Complete)
	}
	if r, u := after.Requests-before.Requests, after.NotModified-before.NotModified; r != requests || u != unchanged {
		l.Errorf("%s: %d requests, %d of them unchanged; want %d and %d", what, r, u, requests, unchanged)
	}
}

func TestQueuedJobsAreFoundAndAQuietRepositoryCostsOneRequest(t *testing.T) {
	t.Parallel()
	x := &runs{list: []*run{{id: 3, status: "completed", jobs: []string{"completed"}}}}
	l := looker{t, serve(t, x.routes()).client(t, github.Config{})}
	l.expect("the first look", quickLook, []int64{}, true, 1, 0)
	l.expect("nothing happened", quickLook, []int64{}, false, 1, 1)
	x.change(func() {
		x.list = append([]*run{{id: 5, status: "queued", jobs: []string{"queued", "waiting", "in_progress", "completed", "pending", "queued"}}}, x.list...)
	})
	l.expect("a run began", quickLook, []int64{5000, 5005}, true, 2, 0)
	l.expect("it waits", quickLook, []int64{5000, 5005}, false, 2, 2)
	x.change(func() { x.list[0].jobs[0] = "in_progress" })
	l.expect("a job began", quickLook, []int64{5005}, true, 2, 1)
	x.change(func() { x.list[0].jobs = []string{"completed"} })
	l.expect("between two jobs", quickLook, []int64{}, true, 2, 1)
	x.change(func() { x.list[0].status, x.list[0].jobs = "completed", []string{"completed"} })
	l.expect("the run ended", quickLook, []int64{}, true, 1, 0)
	l.expect("all is quiet", quickLook, []int64{}, false, 1, 1)
}

func TestAQueuedJobIsDescribedAsTheWebhookWouldHave(t *testing.T) {
	t.Parallel()
	x := &runs{list: []*run{{id: 5, status: "queued", jobs: []string{"queued"}}}}
	got, err := serve(t, x.routes()).client(t, github.Config{}).QueuedJobs(t.Context(), shop, quickLook)
	want := []provisioner.Job{{
		ID: 5000, RunID: 5, RunAttempt: 2, Repository: shop, RepositoryID: 77, Labels: []string{"self-hosted", "x"}, Name: "job 0", Workflow: "CI", URL: "https://github.test/5000",
		CreatedAt: created, Repeated: true,
	}}
	if err != nil || !reflect.DeepEqual(got.Jobs, want) {
		t.Errorf("got %+v: %v", got, err)
	}
}

func TestLongRunningRunsAreFollowedBehindTheFirstPage(t *testing.T) {
	t.Parallel()
	x := &runs{list: []*run{{id: 1, status: "in_progress", jobs: []string{"in_progress", "queued"}}}}
	for id := range int64(150) {
		x.list = append([]*run{{id: id + 10, status: "completed"}}, x.list...)
	}
	l := looker{t, serve(t, x.routes()).client(t, github.Config{})}
	l.expect("a full page that is new: the lists by status too", quickLook, []int64{1001}, true, 1+5+1, 0)
	l.expect("followed", quickLook, []int64{1001}, false, 2, 2)
	x.change(func() { x.list[len(x.list)-1].jobs = []string{"completed", "completed"} })
	l.expect("between two jobs", quickLook, []int64{}, true, 3, 1)
	x.change(func() { x.list[len(x.list)-1].jobs = append(x.list[len(x.list)-1].jobs, "queued") })
	l.expect("its next job", quickLook, []int64{1002}, true, 2, 1)
	x.change(func() { x.list[len(x.list)-1].jobs[2], x.list[len(x.list)-1].status = "completed", "completed" })
	l.expect("over", quickLook, []int64{}, true, 3, 1)
	l.expect("forgotten", quickLook, []int64{}, false, 1, 1)
}

func TestAFullLookFindsWhatAQuickOneMisses(t *testing.T) {
	t.Parallel()
	x := &runs{}
	for id := range int64(150) {
		x.list = append([]*run{{id: id + 10, status: "completed"}}, x.list...)
	}
	l := looker{t, serve(t, x.routes()).client(t, github.Config{})}
	l.expect("the first look", quickLook, []int64{}, true, 6, 0)
	x.change(func() { // run again
		old := x.list[len(x.list)-1]
		old.status, old.jobs = "queued", []string{"queued"}
	})
	l.expect("a quick look", quickLook, []int64{}, false, 1, 1)
	l.expect("a full look", fullLook, []int64{10000}, true, 7, 5)
	l.expect("a quick look after it", quickLook, []int64{10000}, false, 2, 2)
	x.change(func() { x.list = x.list[:len(x.list)-1] })
	l.expect("the run is deleted", quickLook, []int64{}, true, 2, 0)
	l.expect("quiet", quickLook, []int64{}, false, 1, 1)
}

func TestAllJobsOfABigMatrixAreRead(t *testing.T) {
	t.Parallel()
	x := &runs{list: []*run{{id: 5, status: "queued"}}}
	for range 256 {
		x.list[0].jobs = append(x.list[0].jobs, "queued")
	}
	got, err := serve(t, x.routes()).client(t, github.Config{}).QueuedJobs(t.Context(), shop, quickLook)
	if err != nil || len(got.Jobs) != 256 {
		t.Errorf("%d jobs: %v", len(got.Jobs), err)
	}
}

func TestAnIncompleteLookIsAnErrorAndLosesNoRun(t *testing.T) {
	t.Parallel()
	x := &runs{list: []*run{{id: 1, status: "queued", jobs: []string{"queued"}}}}
	for id := range int64(150) {
		x.list = append([]*run{{id: id + 10, status: "completed"}}, x.list...)
	}
	routes := x.routes()
	jobs := "GET /repos/octo/shop/actions/runs/{id}/jobs"
	ok := routes[jobs]
	var broken sync.Map
	broken.Store("broken", true)
	routes[jobs] = func(w http.ResponseWriter, r *http.Request) {
		if _, yes := broken.Load("broken"); yes {
			fail(w, 403, "no")
			return
		}
		ok(w, r)
	}
	l := looker{t, serve(t, routes).client(t, github.Config{})}
	_, err := l.c.QueuedJobs(t.Context(), shop, fullLook)
	outcome{is: provisioner.ErrRefused}.check(t, err)
	broken.Clear()
	l.expect("when it works again", quickLook, []int64{1000}, true, 2, 1)
}

func TestTheStateOfAJob(t *testing.T) {
	t.Parallel()
	for status, want := range map[string]provisioner.JobState{
		"queued": provisioner.JobWaiting, "waiting": provisioner.JobWaiting, "requested": provisioner.JobWaiting, "pending": provisioner.JobWaiting,
		"in_progress": provisioner.JobRunning, "completed": provisioner.JobEnded, "": provisioner.JobEnded,
	} {
		t.Run(status, func(t *testing.T) {
			t.Parallel()
			s := serve(t, map[string]http.HandlerFunc{"GET /repos/octo/shop/actions/jobs/9": func(w http.ResponseWriter, r *http.Request) {
				if status == "" {
					fail(w, 404, "Not Found")
					return
				}
				answer(w, r, object{"id": 9, "status": status, "created_at": created})
			}, "GET /repos/octo/shop/actions/runs": func(w http.ResponseWriter, r *http.Request) {
				answer(w, r, object{"total_count": 0, "workflow_runs": []object{}})
			}})
			if got, err := s.client(t, github.Config{}).JobState(t.Context(), provisioner.Job{ID: 9, Repository: shop}); err != nil || got != want {
				t.Errorf("got %q: %v", got, err)
			}
		})
	}
	t.Run("unknown", func(t *testing.T) {
		t.Parallel()
		s := serve(t, map[string]http.HandlerFunc{"/": func(w http.ResponseWriter, _ *http.Request) { fail(w, 403, "no") }})
		got, err := s.client(t, github.Config{}).JobState(t.Context(), provisioner.Job{ID: 9, Repository: shop})
		outcome{is: provisioner.ErrRefused}.check(t, err)
		if got != "" {
			t.Errorf("state %q", got)
		}
	})
}

func TestARunThatIsRunAgainWhileItIsLookedAtIsActive(t *testing.T) {
	t.Parallel()
	again := &run{id: 5000, status: "completed", jobs: []string{"queued"}}
	x := &runs{list: []*run{again}}
	for id := range int64(150) {
		x.list = append(x.list, &run{id: 1000 - id, status: "completed"})
	}
	routes := x.routes()
	list := routes["GET /repos/octo/shop/actions/runs"]
	routes["GET /repos/octo/shop/actions/runs"] = func(w http.ResponseWriter, r *http.Request) {
		list(w, r)
		x.change(func() { again.status = "queued" })
	}
	l := looker{t, serve(t, routes).client(t, github.Config{})}
	l.expect("a full look", fullLook, []int64{5000000}, true, 7, 0)
}
