package journal

// Unused is how many jobs count as such that no runner type serves, and how many there are.
func (j *Journal) Unused() (counted, are int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, r := range j.records {
		if r.State.unused() {
			are++
		}
	}
	return j.ages[unused].Len(), are
}

// The bounds of a job's history.
const (
	FirstSteps    = firstSteps
	LastSteps     = lastSteps
	LongestDetail = longestDetail
)
