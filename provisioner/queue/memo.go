package queue

import "sync"

// memo remembers keys for a while, in bounded space: two generations, of which the older is dropped when the newer is full.
type memo struct {
	mu         sync.Mutex
	young, old map[string]struct{}
}

const memoSize = 10_000

func (s *memo) add(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.young) >= memoSize || s.young == nil {
		s.young, s.old = make(map[string]struct{}), s.young
	}
	s.young[key] = struct{}{}
}

func (s *memo) has(key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, young := s.young[key]
	_, old := s.old[key]
	return young || old
}
