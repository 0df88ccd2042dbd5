package reconcile_test

import (
	"context"
	"maps"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/datawire/github-runner-provisioner/awsrunner/ec2test"
	"github.com/datawire/github-runner-provisioner/provisioner"
)

// configured is a Registrar that notes the configurations of runners, for their machines.
type configured struct {
	provisioner.Registrar
	mu   sync.Mutex
	jits map[int64]string
}

func (c *configured) Register(ctx context.Context, r provisioner.Registration) (provisioner.Runner, provisioner.Secret, error) {
	runner, jit, err := c.Registrar.Register(ctx, r)
	if err == nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.jits[runner.ID] = jit.Reveal()
	}
	return runner, jit, err
}

// The lives of a burst's machines.
const (
	bootTime = 45 * time.Second
	jobTime  = 6 * time.Minute
)

// burst queues jobs in workflow runs of their own, all at once, and lets EC2 launch two machines a
// second, until all jobs have ended and everything is calm. It returns GitHub's calls.
func burst(t *testing.T, jobs int, webhooks bool) (calls map[string]int, took time.Duration) {
	t.Helper()
	registrar := &configured{jits: map[int64]string{}}
	f := newFleet(t, 1, ec2test.Config{LaunchRate: 2, LaunchBurst: 5}, func(f *fleet) provisioner.Registrar {
		registrar.Registrar = f.client
		return registrar
	})
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = f.worker.Run(ctx) })
	running.Go(func() { f.sweeper.Run(ctx, time.Minute) })
	time.Sleep(10 * time.Minute)
	before, begun := maps.Clone(f.github.Calls()), time.Now()

	ids := map[int64]provisioner.Job{}
	for range jobs {
		j := f.github.QueueJob(provisioner.Repository{Owner: "octo-org", Name: "app-0"}, "linux")
		ids[j.ID] = j
		f.sweeper.MarkActive(j.Repository)
		if webhooks {
			f.client.Tell(j, provisioner.JobWaiting)
		}
		_, err := f.worker.Accept(ctx, "linux", j)
		check(t, err)
	}
	ends := map[string]time.Time{}
	jobOf := map[string]int64{}
	machineOf := map[int64]string{}
	for ended := 0; ended < jobs && time.Since(begun) < 3*time.Hour; time.Sleep(time.Second) {
		for _, i := range f.ec2.Instances() {
			runner, _ := strconv.ParseInt(i.Tags["runner-provisioner:runner"], 10, 64)
			switch {
			case i.State == "terminated" || i.State == "shutting-down":
			case machineOf[runner] == "" && time.Since(i.LaunchedAt) > bootTime:
				registrar.mu.Lock()
				_, err := f.github.Connect(registrar.jits[runner])
				registrar.mu.Unlock()
				check(t, err)
				machineOf[runner] = i.ID
			case jobOf[i.ID] != 0 && time.Now().After(ends[i.ID]):
				f.github.FinishJob(jobOf[i.ID], "success")
				f.ec2.Shutdown(i.ID)
				if webhooks {
					f.client.Tell(ids[jobOf[i.ID]], provisioner.JobEnded)
					f.worker.JobEnded(ids[jobOf[i.ID]])
					f.sweeper.MarkActive(ids[jobOf[i.ID]].Repository)
				}
				ended++
			}
		}
		for _, a := range f.github.Assign() {
			jobOf[machineOf[a.RunnerID]], ends[machineOf[a.RunnerID]] = a.Job, time.Now().Add(jobTime)
			if webhooks {
				f.client.Tell(ids[a.Job], provisioner.JobRunning)
				f.sweeper.JobTaken(a.RunnerID, a.Job)
				f.sweeper.MarkActive(ids[a.Job].Repository)
			}
		}
	}
	took = time.Since(begun)
	time.Sleep(10 * time.Minute)
	stop()
	running.Wait()
	calls = f.github.Calls()
	for operation, n := range before {
		calls[operation] -= n
	}
	for _, i := range f.ec2.Instances() {
		if i.State == "running" || i.State == "pending" {
			t.Errorf("machine %s is left over", i.ID)
		}
	}
	return calls, took
}

// TestWhatABurstCostsAtGitHub reports what a job costs in calls over its whole life, sweeps
// included; `make bench` prints it. (It is no Benchmark, because synthetic time wants a test.)
func TestWhatABurstCostsAtGitHub(t *testing.T) {
	for _, c := range []struct {
		name     string
		jobs     int
		webhooks bool
		most     float64
	}{{"300 jobs", 300, true, 3}, {"1000 jobs", 1000, true, 2.5}, {"300 jobs, and webhooks that come to another replica", 300, false, 4.5}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.jobs > 300 && testing.Short() {
				t.Skip("takes its time")
			}
			synctest.Test(t, func(t *testing.T) {
				by, took := burst(t, c.jobs, c.webhooks)
				n := calls(by)
				t.Logf("%d jobs in %s: %.2f calls a job: %v", c.jobs, took.Round(time.Second), float64(n)/float64(c.jobs), by)
				if got := float64(n) / float64(c.jobs); got > c.most {
					t.Errorf("%.2f calls a job, want %.1f at most", got, c.most)
				}
			})
		})
	}
}
