package queue

import (
	"context"
	"sync"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// capacity counts live machines against the limits of their runner types. What the cloud lists is
// the truth. Added to it is what a list can't show yet: attempts in flight here, and machines
// launched here that its lists, which lag, don't have. So within one process a limit holds exactly;
// several processes may together exceed it by what they launch within one refresh.
type capacity struct {
	mu        sync.Mutex
	providers map[string]*inventory
}

// inventory is what is known of one provider's machines.
type inventory struct {
	refresh  sync.Mutex // one list at a time
	listed   []provisioner.Machine
	at       time.Time                     // when the last complete list was begun; zero: never
	launched map[int64]provisioner.Machine // here, and not listed yet; by registration
	inFlight map[string]int                // attempts, by runner type
}

const (
	// refreshEvery is how soon room that became free is noticed.
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
		inv = &inventory{launched: make(map[int64]provisioner.Machine), inFlight: make(map[string]int)}
		c.providers[provider] = inv
	}
	return inv
}

// reserve takes room for one machine of the type. ok is false when the type is at its limit.
func (c *capacity) reserve(ctx context.Context, t provisioner.RunnerType, lister provisioner.Lister) (ok bool, err error) {
	inv := c.inventory(t.Provider)
	if t.Max == 0 || lister == nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		inv.inFlight[t.Name]++
		return true, nil
	}
	if c.tryReserve(inv, t) {
		return true, nil
	}
	inv.refresh.Lock()
	defer inv.refresh.Unlock()
	c.mu.Lock()
	fresh := time.Since(inv.at) < refreshEvery && !inv.at.IsZero()
	c.mu.Unlock()
	if !fresh {
		begun := time.Now()
		var machines []provisioner.Machine
		err := provisioner.Guard(func() (err error) {
			machines, err = lister.List(ctx)
			return err
		})
		if err != nil {
			return false, err
		}
		c.update(t.Provider, begun, machines)
	}
	return c.tryReserve(inv, t), nil
}

func (c *capacity) tryReserve(inv *inventory, t provisioner.RunnerType) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if inv.at.IsZero() || inv.live(t.Name)+inv.inFlight[t.Name] >= t.Max {
		return false
	}
	inv.inFlight[t.Name]++
	return true
}

func (inv *inventory) live(runnerType string) int {
	n := 0
	for _, m := range inv.listed {
		if m.Alive() && m.Type == runnerType {
			n++
		}
	}
	for _, m := range inv.launched {
		if m.Type == runnerType {
			n++
		}
	}
	return n
}

// release gives the room of an attempt back, or to the machine that it launched.
func (c *capacity) release(t provisioner.RunnerType, launched provisioner.Machine) {
	inv := c.inventory(t.Provider)
	c.mu.Lock()
	defer c.mu.Unlock()
	inv.inFlight[t.Name]--
	if launched.RunnerID != 0 && t.Max > 0 {
		launched.Type, launched.LaunchedAt = t.Name, time.Now()
		inv.launched[launched.RunnerID] = launched
	}
}

// update takes over a complete list that was begun at that time.
func (c *capacity) update(provider string, begun time.Time, machines []provisioner.Machine) {
	inv := c.inventory(provider)
	c.mu.Lock()
	defer c.mu.Unlock()
	if begun.Before(inv.at) {
		return
	}
	inv.at, inv.listed = begun, machines
	for _, m := range machines {
		delete(inv.launched, m.RunnerID)
	}
	for id, m := range inv.launched {
		if begun.Sub(m.LaunchedAt) > listLag {
			delete(inv.launched, id)
		}
	}
}
