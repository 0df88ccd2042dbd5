package queue

import (
	"context"
	"sync"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// capacity counts live machines against the limits of their runner types. What the cloud lists is
// the truth, and it is asked again before a launch once the last list is older than refreshEvery,
// because other processes launch machines too. Added to it is what a list can't show yet: attempts
// in flight here, and machines launched here, or perhaps launched by a call without an answer, that
// its lists, which lag, don't have. So within one process a limit holds exactly; several processes
// may together exceed it by what they launch within one refresh.
type capacity struct {
	mu        sync.Mutex
	providers map[string]*inventory
}

// inventory is what is known of one provider's machines.
type inventory struct {
	refreshing chan struct{} // one list at a time
	listed     []provisioner.Machine
	at         time.Time          // when the last complete list was begun; zero: never
	launched   map[int64]launched // here, and not listed yet; by registration
	inFlight   map[string]int     // attempts, by runner type
	changed    chan struct{}      // closed and replaced whenever there may be room
}

// launched is a machine that no list has shown yet.
type launched struct {
	runnerType string
	at         time.Time
	job        string // whose next attempt finds out what became of it; "" once it is certain
}

const (
	// refreshEvery is how soon room that became free, or was taken by others, is noticed.
	refreshEvery = 8 * time.Second
	// listLag is how long a machine may be missing from lists. One that is missing longer is gone.
	listLag = 2 * time.Minute
)

func (c *capacity) inventory(provider string) *inventory {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.providers == nil {
		c.providers = make(map[string]*inventory)
	}
	inv := c.providers[provider]
	if inv == nil {
		inv = &inventory{refreshing: make(chan struct{}, 1), launched: make(map[int64]launched), inFlight: make(map[string]int), changed: make(chan struct{})}
		c.providers[provider] = inv
	}
	return inv
}

// reserve takes room for one machine of the type. If the type is at its limit, full is closed once
// there may be room.
func (c *capacity) reserve(ctx context.Context, t provisioner.RunnerType, j provisioner.Job, lister provisioner.Lister) (full <-chan struct{}, err error) {
	inv := c.inventory(t.Provider)
	if t.Max == 0 || lister == nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		inv.inFlight[t.Name]++
		return nil, nil
	}
	if err := c.refresh(ctx, t.Provider, inv, lister); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if inv.live(t.Name, j)+inv.inFlight[t.Name] >= t.Max {
		return inv.changed, nil
	}
	inv.inFlight[t.Name]++
	return nil, nil
}

// isFull reports whether a type is at its limit, as far as is known.
func (c *capacity) isFull(t provisioner.RunnerType) bool {
	inv := c.inventory(t.Provider)
	c.mu.Lock()
	defer c.mu.Unlock()
	return t.Max > 0 && inv.live(t.Name, provisioner.Job{})+inv.inFlight[t.Name] >= t.Max
}

// wake lets those who wait for room look again. The caller has the lock.
func (inv *inventory) wake() {
	close(inv.changed)
	inv.changed = make(chan struct{})
}

// refresh lists the provider's machines, unless that was done moments ago.
func (c *capacity) refresh(ctx context.Context, provider string, inv *inventory, lister provisioner.Lister) error {
	select {
	case inv.refreshing <- struct{}{}:
		defer func() { <-inv.refreshing }()
	case <-ctx.Done():
		return ctx.Err()
	}
	for !c.fresh(inv) {
		begun := time.Now()
		var machines []provisioner.Machine
		err := provisioner.Guard(func() (err error) {
			machines, err = lister.List(ctx)
			return err
		})
		if err != nil {
			return err
		}
		if c.update(provider, begun, machines) {
			return nil
		}
		// A slow list was overtaken by the reconciler's, which may be old by now.
	}
	return nil
}

func (c *capacity) fresh(inv *inventory) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Since(inv.at) < refreshEvery && !inv.at.IsZero()
}

// live counts the machines of a type, but for what an earlier attempt for this very job may have
// left: this one deals with that.
func (inv *inventory) live(runnerType string, j provisioner.Job) int {
	n := 0
	for _, m := range inv.listed {
		if m.Alive() && m.Type == runnerType {
			n++
		}
	}
	for _, m := range inv.launched {
		if m.runnerType == runnerType && m.job != j.Key() {
			n++
		}
	}
	return n
}

// release gives the room of an attempt back, or to the machine that it launched, or may have
// launched.
func (c *capacity) release(t provisioner.RunnerType, j provisioner.Job, out provisioner.Outcome) {
	inv := c.inventory(t.Provider)
	c.mu.Lock()
	defer c.mu.Unlock()
	inv.inFlight[t.Name]--
	switch {
	case t.Max == 0:
	case mayHaveLaunched(out):
		inv.launched[out.Runner.ID] = launched{runnerType: t.Name, at: time.Now(), job: j.Key()}
	case out.Status == provisioner.StatusLaunched && out.Runner.ID != 0:
		inv.launched[out.Runner.ID] = launched{runnerType: t.Name, at: time.Now()}
	default:
		inv.wake()
	}
}

// mayHaveLaunched reports whether an attempt ended without knowing what came of its launch.
func mayHaveLaunched(out provisioner.Outcome) bool { return out.Status == "" && out.Runner.ID != 0 }

// update takes over a complete list that was begun at that time, unless a later one is known.
func (c *capacity) update(provider string, begun time.Time, machines []provisioner.Machine) (news bool) {
	inv := c.inventory(provider)
	c.mu.Lock()
	defer c.mu.Unlock()
	if begun.Before(inv.at) {
		return false
	}
	inv.at, inv.listed = begun, machines
	for _, m := range machines {
		delete(inv.launched, m.RunnerID)
	}
	for id, m := range inv.launched {
		if begun.Sub(m.at) > listLag {
			delete(inv.launched, id)
		}
	}
	inv.wake()
	return true
}
