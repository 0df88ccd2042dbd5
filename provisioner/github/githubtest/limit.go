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
}

// SetRateLimit makes every call fail from now on until the limit is over; nil ends it at once.
// (Without it the hourly quota is counted, but nobody is refused.)
func (g *Server) SetRateLimit(l *RateLimit) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if l == nil {
		g.quota.until = time.Time{}
		return
	}
	g.quota.limit = *l
	g.quota.until = time.Now().Add(cmp.Or(l.For, time.Minute))
}

// hourly is how many requests a token has an hour.
const hourly = 5000

// quota is what is left of the hour, and the limit in force, if any.
type quota struct {
	used  int
	reset time.Time
	limit RateLimit
	until time.Time
}

func (q *quota) limited() bool { return time.Now().Before(q.until) }

// now returns what the headers say.
func (q *quota) now() (remaining int, reset time.Time) {
	if q.limited() && !q.limit.Secondary {
		return 0, q.until
	}
	if now := time.Now(); !now.Before(q.reset) {
		q.used, q.reset = 0, now.Add(time.Hour)
	}
	return max(hourly-q.used, 1), q.reset
}

const (
	askRateLimit = "GET /rate_limit" // costs nothing, and works under a primary limit
	aboutLimits  = "https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api"
)

// limited answers a call that the limit in force forbids.
func (g *Server) limited(w http.ResponseWriter, operation string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	l := g.quota.limit
	switch {
	case !g.quota.limited():
		return false
	case l.Secondary:
		w.Header().Set("Retry-After", strconv.Itoa(int(time.Until(g.quota.until).Seconds())+1))
		refuseBy(w, cmp.Or(l.Status, http.StatusForbidden), "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
			aboutLimits+"#about-secondary-rate-limits")
		return true
	case operation == askRateLimit:
		return false
	default:
		refuseBy(w, cmp.Or(l.Status, http.StatusForbidden), "API rate limit exceeded for user ID 1.", aboutLimits)
		return true
	}
}

// count books an answer and writes what every answer tells of the quota. 304 costs nothing.
func (g *Server) count(h http.Header, status int, operation string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	remaining, reset := g.quota.now()
	switch {
	case status == http.StatusNotModified:
		g.calls["304 "+operation]++
	case operation == askRateLimit || status == http.StatusUnauthorized:
	default:
		g.quota.used++
		remaining = max(remaining-1, 0)
	}
	h.Set("X-RateLimit-Limit", strconv.Itoa(hourly))
	h.Set("X-RateLimit-Remaining", strconv.Itoa(remaining))
	h.Set("X-RateLimit-Used", strconv.Itoa(hourly-remaining))
	h.Set("X-RateLimit-Reset", strconv.FormatInt(reset.Unix(), 10))
	h.Set("X-RateLimit-Resource", "core")
}

func (g *Server) getRateLimit(w http.ResponseWriter, _ *http.Request) {
	remaining, reset := g.quota.now()
	core := map[string]any{"limit": hourly, "remaining": remaining, "reset": reset.Unix(), "used": hourly - remaining}
	reply(w, http.StatusOK, map[string]any{"resources": map[string]any{"core": core, "search": core}, "rate": core})
}
