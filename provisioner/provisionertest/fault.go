package provisionertest

import "sync"

// Fault is one thing that a case wants to go wrong, and the calls that it wants it for. The suite
// makes faults and hands them to the powers of the harness, such as [Throttler]. The harness keeps
// the fault, and asks Hit for every call of that kind:
//
//	func (h *harness) Throttle(f *provisionertest.Fault) { h.throttle = f }
//
//	// in the fake cloud, at every launch call
//	if h.throttle.Hit() {
//		return tooManyRequests
//	}
//
// The suite counts what was asked. A fault that hit nothing fails the case, and the message says so
// instead of blaming the provider. A nil Fault hits nothing, so a harness needs no default. All
// methods are safe for concurrent use.
type Fault struct {
	mu    sync.Mutex
	spare int // calls that are let through first
	left  int // calls that are hit then
	asked int
	hits  int
}

// forEver is more calls than any provider makes.
const forEver = 1 << 30

// Hit reports whether the fault happens to this call. Ask it once for each call, where the fault
// takes effect, and do as it says: a call that it hits is counted as one that went wrong.
func (f *Fault) Hit() bool {
	if f == nil {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked++
	if f.spare > 0 {
		f.spare--
		return false
	}
	if f.left == 0 {
		return false
	}
	f.left--
	f.hits++
	return true
}

// set lets the next spare calls through and hits the n calls that follow.
func (f *Fault) set(spare, n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.spare, f.left = spare, n
}

// end lets all further calls through.
func (f *Fault) end() { f.set(0, 0) }

// counts are the calls that the fault was asked about, and those of them that it hit.
func (f *Fault) counts() (asked, hits int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked, f.hits
}
