package queue

import (
	"sync"
	"time"
)

// ProbeEvery is how often a broken runner type may launch a machine, to see whether it has been
// mended.
const ProbeEvery = 3 * time.Minute

// bootBreakers are the circuit breakers of runner types whose machines boot and never register.
// The reconciler opens and closes them, because only it sees what becomes of machines.
type bootBreakers struct {
	mu   sync.Mutex
	next map[string]time.Time // of broken types: when the next probe may start
}

func (b *bootBreakers) set(runnerType string, broken bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !broken {
		delete(b.next, runnerType)
		return
	}
	if b.next == nil {
		b.next = make(map[string]time.Time)
	}
	if _, already := b.next[runnerType]; !already {
		b.next[runnerType] = time.Now().Add(ProbeEvery)
	}
}

// acquire reports how long a launch has to wait; 0 lets it through.
func (b *bootBreakers) acquire(runnerType string) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	next, broken := b.next[runnerType]
	if !broken {
		return 0
	}
	if wait := time.Until(next); wait > 0 {
		return wait
	}
	b.next[runnerType] = time.Now().Add(ProbeEvery)
	return 0
}
