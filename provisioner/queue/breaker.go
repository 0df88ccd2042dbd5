package queue

import (
	"maps"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
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
	why       provisioner.Reason
}

// permit lets one attempt pass a breaker. Its holder gives it back by release, succeed or fail; the
// first of them counts.
type permit struct {
	breaker *breaker
	epoch   int
	probe   bool
	over    bool
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
	p.end()
}

// end reports whether the permit was still good.
func (p *permit) end() bool {
	if p.over {
		return false
	}
	p.over = true
	if p.probe {
		p.breaker.probing = false
	}
	return true
}

// succeed closes the breaker.
func (p *permit) succeed() {
	p.breaker.mu.Lock()
	defer p.breaker.mu.Unlock()
	if p.end() && p.epoch == p.breaker.epoch {
		p.breaker.failures, p.breaker.openUntil = 0, time.Time{}
	}
}

// fail opens the breaker for wait, or for its backoff when wait is 0, and returns how long it stays
// open from now.
func (p *permit) fail(wait time.Duration, why provisioner.Reason) time.Duration {
	b := p.breaker
	b.mu.Lock()
	defer b.mu.Unlock()
	if !p.end() {
		return time.Until(b.openUntil)
	}
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
	b.why = why
	return time.Until(b.openUntil)
}

// reason tells what opened the breaker; ok is false while it is closed.
func (b *breaker) reason() (why provisioner.Reason, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	why = b.why
	why.Until = b.openUntil
	return why, b.failures > 0
}

// lastReason tells what opened the breaker last.
func (b *breaker) lastReason() provisioner.Reason {
	why, _ := b.reason()
	return why
}

// forgettable reports whether the breaker is as good as a new one: closed, or nobody has come to
// probe for long.
func (b *breaker) forgettable() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.failures == 0 || !b.probing && time.Since(b.openUntil) > forgetAfter
}

// breakers are made as they are needed, and those that are as good as new are dropped when there
// are many.
type breakers struct {
	mu sync.Mutex
	m  map[string]*breaker
}

// known returns the breaker of a key, or nil; it makes none.
func (s *breakers) known(key string) *breaker {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.m[key]
}

// reason tells what opened the breaker of a key.
func (s *breakers) reason(key string) (why provisioner.Reason, ok bool) {
	if b := s.known(key); b != nil {
		return b.reason()
	}
	return why, false
}

// wait is how long the breaker of a key is open.
func (s *breakers) wait(key string) time.Duration {
	b := s.known(key)
	if b == nil {
		return 0
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.failures == 0:
		return 0
	case b.probing:
		return max(time.Until(b.openUntil), probePoll)
	default:
		return max(time.Until(b.openUntil), 0)
	}
}

const (
	// keptBreakers bounds the memory that a long life and many repositories take.
	keptBreakers = 4096
	// forgetAfter is how long an opening without a further attempt is remembered.
	forgetAfter = time.Hour
)

func (s *breakers) of(key string) *breaker {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.m == nil {
		s.m = make(map[string]*breaker)
	}
	if s.m[key] == nil {
		if len(s.m) >= keptBreakers {
			maps.DeleteFunc(s.m, func(_ string, b *breaker) bool { return b.forgettable() })
		}
		s.m[key] = new(breaker)
	}
	return s.m[key]
}
