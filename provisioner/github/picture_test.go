package github_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/github"
)

// told is a repository of which webhooks tell.
type told struct {
	*testing.T
	*runs
	c *github.Client
}

// picture tests what a client knows of a repository. GitHub's lag is over before each step.
func picture(t *testing.T, list []*run, test func(x *told)) {
	t.Helper()
	x := &runs{list: list}
	mux := http.NewServeMux()
	for pattern, h := range x.routes() {
		mux.HandleFunc(pattern, h)
	}
	quick(t, mux.ServeHTTP, func(t *testing.T, c *github.Client) {
		t.Helper()
		test(&told{t, x, c})
	})
}

// tell tells of the n-th job of a run.
func (x *told) tell(run int64, n int, s provisioner.JobState) {
	x.c.Tell(provisioner.Job{ID: run*1000 + int64(n), RunID: run, RunAttempt: 1, Repository: provisioner.Repository{Owner: "Octo", Name: "shop"}, Labels: []string{"x"}}, s)
}

func (x *told) expect(what string, l provisioner.Look, requests int64, jobs ...int64) provisioner.Sight {
	x.Helper()
	before := x.c.Quota().Requests
	got, err := x.c.QueuedJobs(x.Context(), shop, l)
	if err != nil {
		x.Fatalf("%s: %v", what, err)
	}
	if !slices.Equal(ids(got.Jobs), jobs) && len(got.Jobs)+len(jobs) > 0 {
		x.Errorf("%s: jobs %v, want %v", what, ids(got.Jobs), jobs)
	}
	if n := x.c.Quota().Requests - before; n != requests {
		x.Errorf("%s: %d requests, want %d", what, n, requests)
	}
	return got
}

// glance reads only what there is reason to.
var glance = provisioner.Look{Latest: true, Reads: 10}

func TestWhatWebhooksTellNeedNotBeRead(t *testing.T) {
	t.Parallel()
	picture(t, []*run{{id: 5, status: "queued", jobs: []string{"queued"}}}, func(x *told) {
		x.tell(5, 0, provisioner.JobWaiting)
		if got := x.expect("a job was told of", glance, 1, 5000); got.Jobs[0].RepositoryID != 77 || !got.Jobs[0].Repeated || !got.Complete {
			x.Errorf("%+v", got)
		}
		time.Sleep(time.Minute)
		x.expect("it waits", glance, 1, 5000)
		x.tell(5, 0, provisioner.JobRunning)
		x.expect("it runs, and GitHub's API does not know yet", glance, 1)
		x.expect("its jobs are read, and GitHub's API does not know yet", quickLook, 2)
		x.list[0].status, x.list[0].jobs[0] = "in_progress", "in_progress"
		time.Sleep(time.Minute)
		x.expect("it runs", glance, 1)
		x.tell(5, 0, provisioner.JobEnded)
		x.expect("it ended, and GitHub's API does not know yet", glance, 1)
		x.tell(5, 0, provisioner.JobWaiting)
		x.expect("its first delivery comes late", glance, 1)
		x.list[0].status, x.list[0].jobs[0] = "completed", "completed"
		time.Sleep(time.Minute)
		x.expect("it ended", glance, 1)
		x.expect("nobody is asked", provisioner.Look{}, 0)
	})
}

func TestWhatNoWebhookToldIsRead(t *testing.T) {
	t.Parallel()
	picture(t, []*run{{id: 5, status: "queued", jobs: []string{"queued", "queued"}}}, func(x *told) {
		x.expect("a new run", glance, 2, 5000, 5001)
		time.Sleep(time.Minute)
		x.expect("nothing happened", glance, 1, 5000, 5001)
		x.list[0].status, x.list[0].jobs[1] = "in_progress", "in_progress"
		x.expect("one of its jobs began", glance, 2, 5000)
		time.Sleep(time.Minute)
		x.tell(5, 1, provisioner.JobEnded)
		x.list[0].jobs[1] = "completed"
		x.list[0].updated = time.Now().UTC().Format(time.RFC3339)
		time.Sleep(time.Minute)
		x.expect("one ended, as was told", glance, 1, 5000)
		x.list[0].jobs = append(x.list[0].jobs, "queued")
		x.list[0].updated = time.Now().UTC().Format(time.RFC3339)
		x.expect("another one that needed it was not told of", glance, 2, 5000, 5002)
	})
	picture(t, []*run{{id: 5, status: "in_progress", jobs: []string{"in_progress"}}}, func(x *told) {
		x.tell(5, 0, provisioner.JobRunning)
		x.expect("a job that runs was told of", glance, 1)
		x.tell(5, 0, provisioner.JobEnded)
		x.list[0].jobs = []string{"completed", "queued"}
		time.Sleep(time.Minute)
		x.expect("it ended, and the run goes on", glance, 2, 5001)
	})
	picture(t, []*run{{id: 5, status: "queued", jobs: []string{"queued"}}}, func(x *told) {
		x.expect("a run of one job", glance, 2, 5000)
		x.list[0].status, x.list[0].jobs[0] = "in_progress", "in_progress"
		time.Sleep(time.Minute)
		x.expect("the run tells that the job began", glance, 1)
		x.list[0].jobs, x.list[0].updated = []string{"completed", "queued"}, time.Now().UTC().Format(time.RFC3339)
		time.Sleep(time.Minute)
		x.expect("and that something else happened", glance, 2, 5001)
	})
}

func TestAWebhookThatIsWrongIsFoundOut(t *testing.T) {
	t.Parallel()
	picture(t, []*run{{id: 5, status: "in_progress", jobs: []string{"completed", "in_progress"}}}, func(x *told) {
		x.tell(5, 0, provisioner.JobWaiting)
		x.tell(7, 0, provisioner.JobWaiting) // of a run that is not there any more
		x.tell(0, 0, provisioner.JobWaiting)
		x.tell(9, 0, provisioner.JobEnded)
		x.expect("GitHub's API may lag", glance, 1, 5000, 7000)
		time.Sleep(time.Minute)
		x.expect("it does not", glance, 2)
	})
}

func TestALookReadsNoMoreThanItMay(t *testing.T) {
	t.Parallel()
	var list []*run
	var all []int64
	for id := range int64(25) {
		list = append([]*run{{id: id + 1, status: "queued", jobs: []string{"queued"}}}, list...)
		all = append(all, (id+1)*1000)
	}
	picture(t, list, func(x *told) {
		for i, want := range []int{10, 20, 25} {
			got := x.expect("a look", glance, int64(1+min(10, 25-10*i)), all[:want]...)
			if got.Complete != (want == 25) {
				t.Errorf("complete after %d of 25 runs: %t", want, got.Complete)
			}
		}
		time.Sleep(time.Minute)
		for _, run := range x.list[15:] {
			run.jobs[0] = "completed"
		}
		x.expect("a check of those that were read first", provisioner.Look{Checks: 10}, 20, all[10:]...)
	})
}

func TestOfManyRunsListsTellWhichAreOver(t *testing.T) {
	t.Parallel()
	var list []*run
	for id := range int64(250) {
		list = append([]*run{{id: id + 1, status: "queued", jobs: []string{"queued"}}}, list...)
	}
	picture(t, list, func(x *told) {
		for id := range int64(250) {
			x.tell(id+1, 0, provisioner.JobWaiting)
		}
		got, err := x.c.QueuedJobs(x.Context(), shop, glance)
		if err != nil || len(got.Jobs) != 250 || !got.Complete {
			t.Errorf("%d jobs, complete: %t, %v", len(got.Jobs), got.Complete, err)
		}
		time.Sleep(time.Minute)
		for _, run := range x.list[100:] { // the older ones
			run.status, run.jobs[0] = "completed", "completed"
			if run.id%2 == 0 {
				x.tell(run.id, 0, provisioner.JobEnded)
			}
		}
		var left []int64
		for id := range int64(150) {
			if id%2 == 0 {
				left = append(left, (id+1)*1000)
			}
		}
		for id := int64(150); id < 250; id++ {
			left = append(left, (id+1)*1000)
		}
		time.Sleep(time.Minute)
		x.expect("some are over, as was told; of others nobody knows", glance, 1+5, left...)
		time.Sleep(time.Minute)
		x.expect("and they are not in the next lists either", glance, 1+5, left[75:]...)
		time.Sleep(time.Minute)
		if n := len(x.expect("the rest", glance, 1, left[75:]...).Jobs); n != 100 {
			t.Errorf("%d are left", n)
		}
	})
}
