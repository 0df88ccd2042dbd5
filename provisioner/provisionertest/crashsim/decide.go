package crashsim

import (
	"fmt"
	"hash/fnv"
	"sync"
	"time"
)

// fate decides what happens, from the seed and from what is being decided.
type fate struct {
	seed uint64

	mu     sync.Mutex
	counts map[string]int
}

// roll returns a number in [0,1) that depends on the seed and the words alone.
func (f *fate) roll(words ...any) float64 {
	h := fnv.New64a()
	_, _ = fmt.Fprint(h, f.seed, words)
	x := h.Sum64()
	x ^= x >> 30 // FNV's high bits are poor for short input; this is splitmix64's finish
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	x ^= x >> 31
	return float64(x>>11) / (1 << 53)
}

// chance is true with probability p.
func (f *fate) chance(p float64, words ...any) bool { return f.roll(words...) < p }

// within returns a duration between two others.
func (f *fate) within(from, to time.Duration, words ...any) time.Duration {
	return from + time.Duration(f.roll(words...)*float64(to-from))
}

// pick returns an index below n.
func (f *fate) pick(n int, words ...any) int { return int(f.roll(words...) * float64(n)) }

// nth counts how often it was asked about something.
func (f *fate) nth(what string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.counts == nil {
		f.counts = make(map[string]int)
	}
	f.counts[what]++
	return f.counts[what]
}
