package queue

import (
	"math/rand/v2"
	"sync"
	"time"
)

// gate holds back what is failing. Open, it lets everything through. After a failure it is closed for a while; then one attempt at a time may probe, and the
// first success opens it.
type gate struct {
	mu       sync.Mutex
	failures int
	until    time.Time // closed until then
	probing  bool
	epoch    int // counts closings: several attempts that fail together are one failure
}

// pass is the permission for one attempt.
type pass struct {
	gate  *gate
	epoch int
	probe bool
}

// try returns a pass, or how long to wait before trying again.
func (g *gate) try() (*pass, time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.failures == 0 {
		return &pass{gate: g, epoch: g.epoch}, 0
	}
	if wait := time.Until(g.until); wait > 0 {
		return nil, wait
	}
	if g.probing {
		return nil, probePoll
	}
	g.probing = true
	return &pass{gate: g, epoch: g.epoch, probe: true}, 0
}

// probePoll is how soon those who wait notice that a probe has succeeded.
const probePoll = 500 * time.Millisecond

// release gives the pass back without a verdict.
func (p *pass) release() {
	p.gate.mu.Lock()
	defer p.gate.mu.Unlock()
	if p.probe {
		p.gate.probing = false
	}
}

// succeed opens the gate.
func (p *pass) succeed() {
	p.release()
	p.gate.mu.Lock()
	defer p.gate.mu.Unlock()
	if p.epoch == p.gate.epoch {
		p.gate.failures, p.gate.until = 0, time.Time{}
	}
}

// fail closes the gate for wait, or for its backoff when wait is 0, and returns how long it is closed now.
func (p *pass) fail(wait time.Duration) time.Duration {
	p.release()
	g := p.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	if p.epoch == g.epoch {
		g.failures++
		g.epoch++
	}
	if wait == 0 {
		wait = backoff(g.failures)
	}
	// A little more than asked for spreads those who were told the same moment; never less.
	until := time.Now().Add(wait + rand.N(min(wait/20, time.Second)+time.Millisecond)) //nolint:gosec // spreading needs no secrecy
	if until.After(g.until) {
		g.until = until
	}
	return time.Until(g.until)
}

// gates are made as they are needed.
type gates struct {
	mu sync.Mutex
	m  map[string]*gate
}

func (s *gates) of(key string) *gate {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.m == nil {
		s.m = make(map[string]*gate)
	}
	if s.m[key] == nil {
		s.m[key] = new(gate)
	}
	return s.m[key]
}
