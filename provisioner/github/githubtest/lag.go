package githubtest

import "time"

// SetLag has lists of runs and jobs, and the state of each, tell what was so that long ago:
// GitHub's API lags behind its webhooks by up to 20 s. What did not exist then is not found.
// Runners are never late.
func (g *Server) SetLag(d time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.lag = d
}

// shown returns a job as the API shows it; nil if it does not show it yet.
func (g *Server) shown(j *Job) *Job {
	if g.lag == 0 || j == nil {
		return j
	}
	then := time.Now().Add(-g.lag)
	if j.CreatedAt.After(then) {
		return nil
	}
	past := *j
	if past.CompletedAt.After(then) {
		past.Status, past.Conclusion, past.CompletedAt = "in_progress", "", time.Time{}
		if past.StartedAt.IsZero() {
			past.Status = "queued"
		}
	}
	if past.StartedAt.After(then) {
		past.Status, past.RunnerID, past.RunnerName, past.StartedAt, past.group = "queued", 0, "", time.Time{}, 0
	}
	return &past
}

// shownRun returns a run as the API shows it; nil if it does not show it yet.
func (g *Server) shownRun(x *run) *run {
	if g.lag == 0 || x == nil {
		return x
	}
	past := run{id: x.id, repository: x.repository, created: x.created}
	for _, j := range x.jobs {
		if j = g.shown(j); j != nil {
			past.jobs = append(past.jobs, j)
		}
	}
	if len(past.jobs) == 0 {
		return nil
	}
	return &past
}
