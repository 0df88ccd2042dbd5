package reconcile

import "time"

// firstSeen remembers since when something has been so, sweep after sweep. What is not seen in a
// sweep is forgotten.
type firstSeen struct {
	earlier, now map[string]time.Time
}

// since notes that something is so, and returns since when; again is false the first time.
func (s *firstSeen) since(key string) (first time.Time, again bool) {
	if s.now == nil {
		s.now = make(map[string]time.Time)
	}
	first, again = s.earlier[key]
	if !again {
		first = time.Now()
	}
	s.now[key] = first
	return first, again
}

// endSweep forgets what was not seen since the sweep before.
func (s *firstSeen) endSweep() {
	s.earlier, s.now = s.now, nil
}
