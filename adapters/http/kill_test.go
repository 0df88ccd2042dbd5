package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/datawire/github-runner-provisioner/adapters/sqs/sqstest"
	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest/fakehttp"
)

// validMachines are the jobs of the machines that can register, or have: each job's should be one.
// They come and go while the reconciler is off, so only what the registrations say counts.
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

func (c *clouds) checkEachServedOnce(t *testing.T, accepted []provisioner.Job, out func() string) {
	t.Helper()
	deadline := time.Now().Add(patience)
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
			t.Fatalf("%d of %d accepted jobs have no machine after %s\n%s", missing, len(accepted), patience, tail(out()))
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

// TestEveryAcceptedJobIsServedOnceAlthoughTheServiceIsKilled kills the service three times: while
// it accepts jobs, while it registers their runners, and while it launches their machines. Chance
// picks the job at which it happens.
func TestEveryAcceptedJobIsServedOnceAlthoughTheServiceIsKilled(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	chance := rand.New(rand.NewPCG(seed, 0))
	c := newClouds(t)
	c.env["RECONCILE_INTERVAL"] = "0" // the queue alone has to do it
	c.env["LOG_LEVEL"] = "info"
	var accepted []provisioner.Job
	for _, during := range []string{"accept", "generate-jitconfig", "RunInstances"} {
		s := start(t, c.env)
		var left atomic.Int64
		left.Store(1 + chance.Int64N(8))
		at := func(operation string) {
			if strings.Contains(operation, during) && left.Add(-1) == 0 {
				_ = s.cmd.Process.Kill()
			}
		}
		faults := func(operation string, _ *http.Request) *fakehttp.Fault {
			at(operation) // and then it has its effect, about which nobody hears
			return nil
		}
		c.github.SetFaults(faults)
		c.ec2.SetFaults(faults)
		accepted = append(accepted, c.burst(t, s, 12, func() { at("accept") })...)
		eventually(t, "the kill at "+during, func() bool {
			select {
			case <-s.done:
				return true
			default:
				return false
			}
		})
	}
	if len(accepted) == 0 {
		t.Fatal("no job was accepted, so nothing was tried")
	}
	s := start(t, c.env)
	c.checkEachServedOnce(t, accepted, s.out.String)
	s.stop(t)
	t.Logf("%d jobs accepted, %d launches, %d registrations", len(accepted), c.ec2.Calls()["RunInstances"], c.github.Calls()["POST /repos/{owner}/{repo}/actions/runners/generate-jitconfig"])
}

// burst delivers n jobs over eight connections, calls each for every one that is accepted, and
// returns those.
func (c *clouds) burst(t *testing.T, s *service, n int, each func()) (accepted []provisioner.Job) {
	t.Helper()
	var (
		mu      sync.Mutex
		senders sync.WaitGroup
	)
	feed := make(chan provisioner.Job)
	for range 8 {
		senders.Go(func() {
			for j := range feed {
				if code, _, err := s.deliver(t.Context(), c.github.Payload("queued", j)); err == nil && code == http.StatusAccepted {
					mu.Lock()
					accepted = append(accepted, j)
					mu.Unlock()
					each()
				}
			}
		})
	}
	for range n {
		feed <- c.github.QueueJob(app, "ubuntu-arm64")
	}
	close(feed)
	senders.Wait()
	return accepted
}

// TestTwoReplicasOnOneQueueServeEachJobOnce kills one of two replicas on an SQS queue in the middle
// of its work.
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
	for n := range 16 {
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
	eventually(t, "work has begun", func() bool { return len(c.ec2.Instances()) > 3 })
	first.kill()
	c.ec2.SetFaults(nil)
	c.checkEachServedOnce(t, accepted, second.out.String)
}
