package queue_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/queue"
)

// cloud lists the machines that a test says are alive.
type cloud struct {
	mu    sync.Mutex
	alive map[int64]bool
	lists int
	most  int
	fail  error
}

func (c *cloud) List(context.Context) ([]provisioner.Machine, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lists++
	var out []provisioner.Machine
	for id, alive := range c.alive {
		m := provisioner.Machine{ID: fmt.Sprint("i-", id), Type: "linux", RunnerID: id, State: provisioner.MachineEnded}
		if alive {
			m.State = provisioner.MachineAlive
		}
		out = append(out, m)
	}
	return out, c.fail
}

func (c *cloud) listed() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lists
}

func (c *cloud) set(id int64, alive bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.alive[id] = alive
	n := 0
	for _, alive := range c.alive {
		if alive {
			n++
		}
	}
	c.most = max(c.most, n)
}

func TestALimitIsNeverExceededAndAFreePlaceIsUsedSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limited := linux()
		limited.Max = 3
		c := &cloud{alive: map[int64]bool{1001: true}} // one is alive from before the restart
		e := &engine{types: []provisioner.RunnerType{limited, mac()}}
		e.provision = func(_ context.Context, j provisioner.Job) (provisioner.Outcome, error) {
			if j.Labels[0] == "linux" {
				time.Sleep(time.Second)
				c.set(j.ID, true)
			}
			return launched(j), nil
		}
		depth := work(t, e, queue.Config{Listers: map[string]provisioner.Lister{"cloud": c}}, 10*time.Minute, func(q *queue.Memory, _ *queue.Worker) {
			for i := range int64(5) {
				send(t, q, newJob(i+1, "linux"))
			}
			time.Sleep(time.Minute)
			if n := len(e.attempts()); n != 2 {
				t.Errorf("%d jobs were started beside the live machine, want 2", n)
			}
			lists := c.listed()
			time.Sleep(time.Minute)
			if n := c.listed() - lists; n > 8 {
				t.Errorf("%d lists in a minute of waiting", n)
			}
			send(t, q, newJob(99, "mac"))
			time.Sleep(time.Second)
			if got := e.attempts(); got[len(got)-1].job != 99 {
				t.Error("a type at its limit holds up another")
			}
			c.set(1001, false)
			freed := time.Since(epoch)
			time.Sleep(15 * time.Second)
			got := e.attempts()
			if last := got[len(got)-1]; last.job == 99 || last.at-freed > 15*time.Second {
				t.Errorf("a free place was not used within 15 s: %+v", got)
			}
		})
		if c.most > 3 {
			t.Errorf("%d machines at once, with a limit of 3", c.most)
		}
		if depth["linux"] != 2 {
			t.Errorf("%d jobs wait, want 2", depth["linux"])
		}
	})
}

func TestMachinesThatCantBeCountedHoldTheTypeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limited := linux()
		limited.Max = 1
		c := &cloud{alive: map[int64]bool{}, fail: provisioner.ErrUnavailable}
		e := &engine{types: []provisioner.RunnerType{limited}}
		work(t, e, queue.Config{Listers: map[string]provisioner.Lister{"cloud": c}}, time.Minute, func(q *queue.Memory, _ *queue.Worker) {
			send(t, q, newJob(1, "linux"))
			time.Sleep(10 * time.Minute)
			if len(e.attempts()) != 0 {
				t.Error("a machine was launched although nobody knows how many there are")
			}
			c.mu.Lock()
			c.fail = nil
			c.mu.Unlock()
		})
		if len(e.attempts()) != 1 {
			t.Error("the job was not served within a minute of the mending")
		}
	})
}
