package reconcile_test

import (
	"context"
	"maps"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/datawire/github-runner-provisioner/awsrunner/ec2test"
	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/github/githubtest"
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

// burst queues jobs in workflow runs of their own, all at once, and waits until all of them have
// ended and everything is calm. It returns GitHub's calls, and the most points that they cost in
// any minute.
func burst(t *testing.T, jobs int, webhooks bool, cloud ec2test.Config) (calls map[string]int, points int, took time.Duration) {
	t.Helper()
	registrar := &configured{jits: map[int64]string{}}
	f := newFleet(t, 1, githubtest.Config{Hourly: 5000, Points: 900}, cloud, func(f *fleet) provisioner.Registrar {
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
	return calls, f.github.PeakPoints(""), took
}

// TestWhatABurstCostsAtGitHub reports what a job costs in calls over its whole life, sweeps
// included; `make bench` prints it. (It is no Benchmark, because synthetic time wants a test.)
// GitHub's limits are enforced: EC2's own, of two machines a second, keep a burst below them, and
// without those a limit is heeded by all but the calls that are on their way when it begins.
func TestWhatABurstCostsAtGitHub(t *testing.T) {
	slow := ec2test.Config{LaunchRate: 2, LaunchBurst: 5}
	for _, c := range []struct {
		name     string
		jobs     int
		webhooks bool
		cloud    ec2test.Config
		most     float64 // calls a job
		limited  int     // of them, over all jobs
		within   time.Duration
	}{
		{"300 jobs", 300, true, slow, 3, 0, 12 * time.Minute},
		{"1000 jobs", 1000, true, slow, 2.5, 0, 18 * time.Minute},
		{"500 jobs, launched at once", 500, true, ec2test.Config{}, 2.5, 40, 15 * time.Minute},
		{"300 jobs, and webhooks that come to another replica", 300, false, slow, 4.5, 0, 12 * time.Minute},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.jobs > 300 && testing.Short() {
				t.Skip("takes its time")
			}
			synctest.Test(t, func(t *testing.T) {
				by, points, took := burst(t, c.jobs, c.webhooks, c.cloud)
				n := calls(by)
				t.Logf("%d jobs in %s: %.2f calls a job, at most %d points a minute: %v", c.jobs, took.Round(time.Second), float64(n)/float64(c.jobs), points, by)
				if got := float64(n) / float64(c.jobs); got > c.most {
					t.Errorf("%.2f calls a job, want %.1f at most", got, c.most)
				}
				limited := 0
				for operation, n := range by {
					if strings.HasPrefix(operation, "limited ") {
						limited += n
					}
				}
				if limited > c.limited || took > c.within {
					t.Errorf("%d calls were limited, and it took %s; want %d and %s at most", limited, took, c.limited, c.within)
				}
			})
		})
	}
}
