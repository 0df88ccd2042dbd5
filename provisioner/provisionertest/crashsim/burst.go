package crashsim

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/queue"
)

// Burst provisions many jobs that come at once, by one process against EC2's own token bucket (5
// launches, refilled with 2 a second), with a part of all answers lost. No machine boots: what
// counts is what the launches cost, and how long they take.
func Burst(test *testing.T, jobs int, lost float64) (r Result, took time.Duration) {
	test.Helper()
	synctest.Test(test, func(test *testing.T) {
		w := newWorld(1, Options{})
		w.weather = weather{lost: lost}
		t := w.tenants[0]
		t.github.SetLag(0)
		kind := t.types[0]
		kind.Max = 0
		t.types = []provisioner.RunnerType{kind}
		t.queue, t.forgets = queue.NewMemory(0), false
		repository := provisioner.Repository{Owner: "octo-org", Name: "app-0"}
		for _, j := range t.github.QueueJobs(repository, jobs, kind.Labels...) {
			w.jobs = append(w.jobs, &job{Job: j, kind: kind, tenant: t})
			_, err := t.queue.Send(test.Context(), kind.Name, j)
			must(err)
		}
		ctx, stop := context.WithCancel(test.Context())
		var running sync.WaitGroup
		running.Go(func() { w.newProcess(t, 0, 0).run(ctx) })
		for depth := jobs; depth > 0 && time.Since(w.begun) < time.Hour; time.Sleep(time.Second) {
			lanes, err := t.queue.Depth(test.Context())
			must(err)
			depth = lanes[kind.Name]
		}
		took = time.Since(w.begun)
		stop()
		running.Wait()
		w.judge()
		valid := map[string]bool{}
		runners := t.runners()
		for _, i := range w.ec2.Instances() {
			if _, ok := runners[registration(i)]; ok && alive(i) {
				valid[i.Tags["runner-provisioner:job"]] = true
			}
		}
		if len(valid) != jobs {
			w.violation("%d of %d jobs have a machine", len(valid), jobs)
		}
		r = w.result()
	})
	return r, took
}
