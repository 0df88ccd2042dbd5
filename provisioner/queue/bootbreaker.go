package queue

import (
	"sync"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// ProbeEvery is how often a broken runner type may launch a machine, to see whether it has been
// mended.
const ProbeEvery = 3 * time.Minute

// bootBreakers are the circuit breakers of runner types whose machines boot and never register.
// The reconciler opens and closes them, because only it sees what becomes of machines.
type bootBreakers struct {
	mu     sync.Mutex
	broken map[string]*probes
}

// probes are the launches that a broken runner type may still make, one at a time.
type probes struct {
	next    time.Time // when the next one may start
	probing bool
}

func (b *bootBreakers) set(runnerType string, broken bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !broken {
		delete(b.broken, runnerType)
		return
	}
	if b.broken == nil {
		b.broken = make(map[string]*probes)
	}
	if b.broken[runnerType] == nil {
		b.broken[runnerType] = &probes{next: time.Now().Add(ProbeEvery)}
	}
}

// reason tells that a runner type is broken, and when its next probe may start.
func (b *bootBreakers) reason(runnerType string) (why provisioner.Reason, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.broken[runnerType]
	if p == nil {
		return why, false
	}
	return provisioner.Reason{Because: provisioner.BecauseBootFailures, Type: runnerType, Until: p.next}, true
}

// bootPermit lets one attempt launch a machine.
type bootPermit struct {
	breakers *bootBreakers
	probes   *probes // nil while the type is not broken
	over     bool
}

// acquire returns a permit, or how long to wait before asking again.
func (b *bootBreakers) acquire(runnerType string) (*bootPermit, time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.broken[runnerType]
	if p == nil {
		return &bootPermit{breakers: b}, 0
	}
	if wait := time.Until(p.next); wait > 0 {
		return nil, wait
	}
	if p.probing {
		return nil, probePoll
	}
	p.probing = true
	return &bootPermit{breakers: b, probes: p}, 0
}

// release gives the permit back; the first time counts. A probe is spent by a launch alone, so that
// jobs that turn out to need none don't use up those of a type that may have been mended.
func (p *bootPermit) release(launched bool) {
	p.breakers.mu.Lock()
	defer p.breakers.mu.Unlock()
	if p.over {
		return
	}
	p.over = true
	if p.probes == nil {
		return
	}
	p.probes.probing = false
	if launched {
		p.probes.next = time.Now().Add(ProbeEvery)
	}
}
