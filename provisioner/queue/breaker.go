package queue

import (
	"math/rand/v2"
	"sync"
	"time"
)

// breaker is a circuit breaker. Closed, it lets every attempt through. A failure opens it for a
// while; after that it is half open: one attempt at a time may probe, and the first success closes
// it again.
type breaker struct {
	mu        sync.Mutex
	failures  int       // 0: closed
	openUntil time.Time // then half open
	probing   bool
	epoch     int // counts openings: several attempts that fail together are one failure
}

// permit lets one attempt pass a breaker. Its holder gives it back by exactly one of release,
// succeed and fail.
type permit struct {
	breaker *breaker
	epoch   int
	probe   bool
}

// acquire returns a permit, or how long to wait before asking again.
func (b *breaker) acquire() (*permit, time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failures == 0 {
		return &permit{breaker: b, epoch: b.epoch}, 0
	}
	if wait := time.Until(b.openUntil); wait > 0 {
		return nil, wait
	}
	if b.probing {
		return nil, probePoll
	}
	b.probing = true
	return &permit{breaker: b, epoch: b.epoch, probe: true}, 0
}

// probePoll is how soon those who wait notice that a probe has succeeded.
const probePoll = 500 * time.Millisecond

// release gives the permit back without a verdict.
func (p *permit) release() {
	p.breaker.mu.Lock()
	defer p.breaker.mu.Unlock()
	if p.probe {
		p.breaker.probing = false
	}
}

// succeed closes the breaker.
func (p *permit) succeed() {
	p.release()
	p.breaker.mu.Lock()
	defer p.breaker.mu.Unlock()
	if p.epoch == p.breaker.epoch {
		p.breaker.failures, p.breaker.openUntil = 0, time.Time{}
	}
}

// fail opens the breaker for wait, or for its backoff when wait is 0, and returns how long it stays
// open from now.
func (p *permit) fail(wait time.Duration) time.Duration {
	p.release()
	b := p.breaker
	b.mu.Lock()
	defer b.mu.Unlock()
	if p.epoch == b.epoch {
		b.failures++
		b.epoch++
	}
	if wait == 0 {
		wait = backoff(b.failures)
	}
	// Jitter: a little more than asked for spreads those who were told the same moment; never less.
	until := time.Now().Add(wait + rand.N(min(wait/20, time.Second)+time.Millisecond)) //nolint:gosec // spreading needs no secrecy
	if until.After(b.openUntil) {
		b.openUntil = until
	}
	return time.Until(b.openUntil)
}

// breakers are made as they are needed.
type breakers struct {
	mu sync.Mutex
	m  map[string]*breaker
}

func (s *breakers) of(key string) *breaker {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.m == nil {
		s.m = make(map[string]*breaker)
	}
	if s.m[key] == nil {
		s.m[key] = new(breaker)
	}
	return s.m[key]
}
