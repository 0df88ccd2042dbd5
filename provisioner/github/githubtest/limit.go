package githubtest

import (
	"cmp"
	"net/http"
	"strconv"
	"time"
)

// RateLimit is what a fake GitHub refuses calls with.
type RateLimit struct {
	// Status is 403 or 429; GitHub uses both. Defaults to 403.
	Status int
	// Secondary limits come with Retry-After; primary ones with no requests remaining until the
	// reset.
	Secondary bool
	// For is how long the limit lasts. Defaults to a minute.
	For time.Duration

	until time.Time
}

// SetRateLimit makes the calls of every credential fail from now on until the limit is over; nil
// ends it at once. (What Config.Hourly and Config.Points refuse begins by itself.)
func (g *Server) SetRateLimit(l *RateLimit) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.limit = l.fromNow()
	for _, q := range g.quotas {
		q.limit = g.limit
	}
}

// SetRateLimitOf is [Server.SetRateLimit] for one credential alone: that of the App's installation
// at an owner of repositories, whichever of its tokens is used, or with "" the personal token. Of
// the two, what was set last counts.
func (g *Server) SetRateLimitOf(owner string, l *RateLimit) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.quota(owner).limit = l.fromNow()
}

// fromNow returns the limit as it begins; nil is one that is over.
func (l *RateLimit) fromNow() RateLimit {
	if l == nil {
		return RateLimit{}
	}
	begun := *l
	begun.until = time.Now().Add(cmp.Or(l.For, time.Minute))
	return begun
}

func (l RateLimit) lasts() bool { return time.Now().Before(l.until) }

const (
	askRateLimit = "GET /rate_limit" // costs nothing, and works under a primary limit
	aboutLimits  = "https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api"
)

// limited answers a call that a limit in force forbids.
func (g *Server) limited(w http.ResponseWriter, r *http.Request, operation string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	q := g.quota(g.credential(r))
	if !q.limit.lasts() {
		q.charge(r.Method, g.cfg)
	}
	l := q.limit
	if !l.lasts() || !l.Secondary && operation == askRateLimit {
		return false
	}
	g.calls["limited "+operation]++
	if l.Secondary {
		w.Header().Set("Retry-After", strconv.Itoa(int((time.Until(l.until)+time.Second-1)/time.Second)))
		refuseBy(w, cmp.Or(l.Status, http.StatusForbidden), "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
			aboutLimits+"#about-secondary-rate-limits")
	} else {
		refuseBy(w, cmp.Or(l.Status, http.StatusForbidden), "API rate limit exceeded for user ID 1.", aboutLimits)
	}
	return true
}
