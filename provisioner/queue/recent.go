package queue

import "sync"

// recentKeys is a set of the keys added last, in bounded space: two generations, of which the older
// is dropped when the newer is full.
type recentKeys struct {
	mu         sync.Mutex
	young, old map[string]struct{}
}

// generationSize is the number of keys in a generation; twice as many are remembered at most.
const generationSize = 10_000

func (s *recentKeys) add(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.young) >= generationSize || s.young == nil {
		s.young, s.old = make(map[string]struct{}), s.young
	}
	s.young[key] = struct{}{}
}

func (s *recentKeys) has(key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, young := s.young[key]
	_, old := s.old[key]
	return young || old
}
