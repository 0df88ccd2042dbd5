package queue_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/queue"
)

var seedFlag = flag.Uint64("seed", 0, "repeat the history of this seed")

// Whatever happens to attempts, every permit and place is given back: once all is well, every job
// is served within a minute, and side by side.
func TestNothingIsKeptOfAnAttempt(t *testing.T) {
	first, n := rand.Uint64N(1<<40), 60
	if *seedFlag != 0 {
		first, n = *seedFlag, 1
	}
	for i := range n {
		seed := first + uint64(i)
		synctest.Test(t, func(t *testing.T) { history(t, seed) })
		if t.Failed() {
			t.Fatalf("seed %d: repeat it by -args -seed %d", seed, seed)
		}
	}
}

// weather decides what attempts come to, until all is well.
type weather struct {
	mu   sync.Mutex
	r    *rand.Rand
	fair bool
}

func (w *weather) pick(n int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fair {
		return 0
	}
	return w.r.IntN(n)
}

// crowd is a cloud that can't be asked, or is full of other machines of the type, or neither.
type crowd struct {
	mu           sync.Mutex
	broken, full bool
}

func (c *crowd) set(broken, full bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.broken, c.full = broken, full
}

func (c *crowd) List(context.Context) (all []provisioner.Machine, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken {
		return nil, provisioner.ErrUnavailable
	}
	if c.full {
		for id := range int64(500) {
			all = append(all, provisioner.Machine{ID: fmt.Sprint("i-", id), Type: "linux", State: provisioner.MachineAlive})
		}
	}
	return all, nil
}

func history(t *testing.T, seed uint64) {
	sky := &weather{r: rand.New(rand.NewPCG(seed, 0))}
	limited, free := linux(), mac()
	limited.Max, limited.Scope = 500, provisioner.ScopeOrganization
	fake := &crowd{}
	e := &engine{types: []provisioner.RunnerType{limited, free}}
	e.provision = func(_ context.Context, j provisioner.Job) (provisioner.Outcome, error) {
		time.Sleep(time.Duration(1+sky.pick(5)) * time.Second)
		here := provisioner.Target{Owner: j.Repository.Owner, Repo: j.Repository.Name}
		switch sky.pick(11) {
		case 1:
			return provisioner.Outcome{Status: provisioner.StatusServed}, nil
		case 2:
			return provisioner.Outcome{}, provisioner.ErrCapacity
		case 3:
			return provisioner.Outcome{}, &provisioner.GitHubError{Target: here, Err: provisioner.ErrRefused}
		case 4:
			return provisioner.Outcome{}, &provisioner.GitHubError{Target: provisioner.Target{Owner: j.Repository.Owner}, Err: provisioner.ErrUnavailable}
		case 5:
			return provisioner.Outcome{}, &provisioner.JobError{Err: provisioner.ErrUnavailable}
		case 6:
			return provisioner.Outcome{Runner: provisioner.Runner{ID: j.ID + 1000}}, provisioner.ErrNoAnswer
		case 7:
			panic("poison")
		case 8:
			return provisioner.Outcome{}, &provisioner.RetryAfterError{After: 3 * time.Second, Err: errors.New("slow")}
		case 9:
			return provisioner.Outcome{}, &provisioner.GitHubError{Target: here, Err: &provisioner.RetryAfterError{After: 3 * time.Second, Err: errors.New("slow")}}
		}
		return launched(j), nil // a machine that is over before anybody lists it
	}
	left := work(t, e, queue.Config{Listers: map[string]provisioner.Lister{"cloud": fake}}, 0, func(q *queue.Memory, w *queue.Worker) {
		jobs := int64(0)
		queueJobs := func() {
			for _, label := range []string{"linux", "mac"} {
				for _, repo := range []string{"a", "b"} {
					for range 4 {
						jobs++
						j := newJob(jobs, label)
						j.Repository.Name = repo
						send(t, q, j)
					}
				}
			}
		}
		for range 3 {
			queueJobs()
			for range 4 {
				w.SetBroken("linux", sky.pick(4) == 1)
				fake.set(sky.pick(4) == 1, sky.pick(4) == 1)
				time.Sleep(30 * time.Second)
			}
		}
		sky.mu.Lock()
		sky.fair = true
		sky.mu.Unlock()
		w.SetBroken("linux", false)
		fake.set(false, false)
		time.Sleep(2 * time.Minute) // each of the jobs that are held alone waits for 25 s
		if depth, err := q.Depth(t.Context()); err != nil || depth["linux"]+depth["mac"] != 0 {
			t.Errorf("%v wait when all has been well for two minutes: %v", depth, err)
		}
		queueJobs() // the first to succeed close what is half open
		time.Sleep(time.Minute)
		e.mu.Lock()
		e.most = 0
		e.mu.Unlock()
		queueJobs()
		time.Sleep(time.Minute)
	})
	if e.most != 16 {
		t.Errorf("%d attempts side by side when all is well, want 16", e.most)
	}
	if left["linux"]+left["mac"] != 0 {
		t.Error(fmt.Sprint("left: ", left))
	}
}
