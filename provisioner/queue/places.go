package queue

import (
	"context"
	"sync"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// places counts the live machines of the runner types that have a limit. What the cloud lists is the truth; added to it is what it can't show yet: attempts
// under way here, and machines launched here that its lists, which lag, don't have. So within one process the limit holds exactly; several processes
// may together exceed it by what they launch within one refresh.
type places struct {
	mu        sync.Mutex
	providers map[string]*census
}

type census struct {
	listing  sync.Mutex // one list at a time
	listed   []provisioner.Machine
	at       time.Time                     // when the last complete list was begun; zero: never
	own      map[int64]provisioner.Machine // by registration
	underway map[string]int                // attempts, by runner type
}

const (
	// refreshEvery is how soon a place that became free is noticed.
	refreshEvery = 8 * time.Second
	// listLag is how long a machine may be missing from lists. One that is missing longer is gone.
	listLag = 2 * time.Minute
)

func (p *places) census(provider string) *census {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.providers == nil {
		p.providers = make(map[string]*census)
	}
	c := p.providers[provider]
	if c == nil {
		c = &census{own: make(map[int64]provisioner.Machine), underway: make(map[string]int)}
		p.providers[provider] = c
	}
	return c
}

// reserve takes a place for an attempt. ok is false when the type is at its limit.
func (p *places) reserve(ctx context.Context, t provisioner.RunnerType, lister provisioner.Lister) (ok bool, err error) {
	c := p.census(t.Provider)
	if t.Max == 0 || lister == nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		c.underway[t.Name]++
		return true, nil
	}
	if p.take(c, t) {
		return true, nil
	}
	c.listing.Lock()
	defer c.listing.Unlock()
	p.mu.Lock()
	fresh := time.Since(c.at) < refreshEvery && !c.at.IsZero()
	p.mu.Unlock()
	if !fresh {
		begun := time.Now()
		machines, err := lister.List(ctx)
		if err != nil {
			return false, err
		}
		p.update(t.Provider, begun, machines)
	}
	return p.take(c, t), nil
}

func (p *places) take(c *census, t provisioner.RunnerType) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.at.IsZero() || c.live(t.Name)+c.underway[t.Name] >= t.Max {
		return false
	}
	c.underway[t.Name]++
	return true
}

func (c *census) live(runnerType string) int {
	n := 0
	for _, m := range c.listed {
		if m.Alive() && m.Type == runnerType {
			n++
		}
	}
	for _, m := range c.own {
		if m.Type == runnerType {
			n++
		}
	}
	return n
}

// settle gives the place of an attempt back, or to the machine that it launched.
func (p *places) settle(t provisioner.RunnerType, launched provisioner.Machine) {
	c := p.census(t.Provider)
	p.mu.Lock()
	defer p.mu.Unlock()
	c.underway[t.Name]--
	if launched.RunnerID != 0 && t.Max > 0 {
		launched.Type, launched.LaunchedAt = t.Name, time.Now()
		c.own[launched.RunnerID] = launched
	}
}

// update takes over a complete list that was begun at that time.
func (p *places) update(provider string, begun time.Time, machines []provisioner.Machine) {
	c := p.census(provider)
	p.mu.Lock()
	defer p.mu.Unlock()
	if begun.Before(c.at) {
		return
	}
	c.at, c.listed = begun, machines
	for _, m := range machines {
		delete(c.own, m.RunnerID)
	}
	for id, m := range c.own {
		if begun.Sub(m.LaunchedAt) > listLag {
			delete(c.own, id)
		}
	}
}
