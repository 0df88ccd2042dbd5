package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/datawire/github-runner-provisioner/adapters/sqs/sqstest"
	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest/fakehttp"
)

// validMachines are the jobs of the machines that can register, or have: each job's should be one. They come and go while the reconciler is off, so only what the
// registrations say counts.
func (c *clouds) validMachines() map[string]int {
	valid := map[string]int{}
	runners := map[string]bool{}
	for _, r := range c.github.Runners() {
		runners[fmt.Sprint(r.ID)] = true
	}
	for _, i := range c.alive() {
		if runners[i.Tags["runner-provisioner:runner"]] {
			valid[i.Tags["runner-provisioner:job"]]++
		}
	}
	return valid
}

func (c *clouds) checkEachServedOnce(t *testing.T, accepted []provisioner.Job, within time.Duration, out func() string) {
	t.Helper()
	deadline := time.Now().Add(within)
	for {
		valid, missing := c.validMachines(), 0
		for _, j := range accepted {
			if valid[fmt.Sprint(j.ID)] == 0 {
				missing++
			}
		}
		if missing == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d accepted jobs have no machine after %s\n%s", missing, len(accepted), within, tail(out()))
		}
		time.Sleep(100 * time.Millisecond)
	}
	for job, n := range c.validMachines() {
		if n != 1 {
			t.Errorf("job %s has %d machines that can register", job, n)
		}
	}
}

func tail(s string) string { return s[max(0, len(s)-4000):] }

// TestEveryAcceptedJobIsServedOnceAlthoughTheServiceIsKilled sends a burst of 200 jobs to a service that is killed three times in the middle of it.
func TestEveryAcceptedJobIsServedOnceAlthoughTheServiceIsKilled(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	chance := rand.New(rand.NewPCG(seed, 0))
	c := newClouds(t)
	c.env["RECONCILE_INTERVAL"] = "0" // the queue alone has to do it
	c.env["LOG_LEVEL"] = "info"
	var jobs []provisioner.Job
	for range 200 {
		jobs = append(jobs, c.github.QueueJob(app, "ubuntu-arm64"))
	}
	var (
		mu       sync.Mutex
		accepted []provisioner.Job
	)
	for round := range 4 {
		s := start(t, c.env)
		if round == 3 {
			c.checkEachServedOnce(t, accepted, 150*time.Second, s.out.String)
			s.stop(t)
			break
		}
		ctx, cancel := context.WithCancel(t.Context())
		feed := make(chan provisioner.Job)
		var senders sync.WaitGroup
		for range 8 {
			senders.Go(func() {
				for j := range feed {
					if code, _, err := s.deliver(ctx, c.github.Payload("queued", j)); err == nil && code == http.StatusAccepted {
						mu.Lock()
						accepted = append(accepted, j)
						mu.Unlock()
					}
				}
			})
		}
		time.AfterFunc(time.Duration(10+chance.IntN(400))*time.Millisecond, func() { s.kill(); cancel() })
		for _, j := range jobs[round*67 : min(len(jobs), (round+1)*67)] {
			feed <- j
		}
		close(feed)
		senders.Wait()
		s.kill()
		cancel()
	}
	if len(accepted) == 0 {
		t.Fatal("no job was accepted, so nothing was tried")
	}
	slices.SortFunc(accepted, func(a, b provisioner.Job) int { return int(a.ID - b.ID) })
	t.Logf("%d jobs accepted, %d launches, %d registrations", len(accepted), c.ec2.Calls()["RunInstances"], c.github.Calls()["POST /repos/{owner}/{repo}/actions/runners/generate-jitconfig"])
}

// TestTwoReplicasOnOneQueueServeEachJobOnce kills one of two replicas on an SQS queue in the middle of its work.
func TestTwoReplicasOnOneQueueServeEachJobOnce(t *testing.T) {
	t.Parallel()
	c := newClouds(t)
	queue := sqstest.New()
	url := listen(t, queue)
	c.env["QUEUE_URL"], c.env["AWS_ENDPOINT_URL_SQS"] = url+"/000000000000/jobs", url
	c.env["RECONCILE_INTERVAL"] = "0"
	c.env["LOG_LEVEL"] = "info"
	slow := func(string, *http.Request) *fakehttp.Fault {
		return &fakehttp.Fault{Delay: 300 * time.Millisecond}
	}
	c.ec2.SetFaults(slow)
	first, second := start(t, c.env), start(t, c.env)
	var accepted []provisioner.Job
	for n := range 30 {
		j := c.github.QueueJob(app, "ubuntu-arm64")
		s := []*service{first, second}[n%2]
		code, _, err := s.deliver(t.Context(), c.github.Payload("queued", j))
		if err != nil || code != http.StatusAccepted {
			t.Fatalf("%d, %v", code, err)
		}
		if _, _, err := second.deliver(t.Context(), c.github.Payload("queued", j)); err != nil { // and again, to another
			t.Fatal(err)
		}
		accepted = append(accepted, j)
	}
	eventually(t, 20*time.Second, "work has begun", func() bool { return len(c.ec2.Instances()) > 3 })
	first.kill()
	c.ec2.SetFaults(nil)
	c.checkEachServedOnce(t, accepted, 150*time.Second, second.out.String)
}
