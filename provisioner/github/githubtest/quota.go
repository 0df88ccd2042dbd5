package githubtest

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// quota is what one credential has used of the hour and of the last minute, and the limit in force
// for it, if any.
type quota struct {
	hourly int
	used   int
	reset  time.Time
	minute []time.Time // when its points were spent, one by one
	peak   int         // points in any minute
	limit  RateLimit
}

// theApp is the credential of the App itself. No account has a blank in its name.
const theApp = "the App"

// credential names whose quota a request counts on: the account of an installation, theApp, or "",
// which is the personal token.
func (g *Server) credential(r *http.Request) string {
	if t, ok := g.tokenOf(r); ok {
		return t.account
	}
	if g.isJWT(secretOf(r)) {
		return theApp
	}
	return ""
}

// quota returns that of a credential.
func (g *Server) quota(credential string) *quota {
	q, ok := g.quotas[credential]
	if !ok {
		q = &quota{hourly: cmp.Or(g.cfg.Hourly, 5000), limit: g.limit}
		g.quotas[credential] = q
	}
	return q
}

// PeakPoints returns the most points that were spent in any minute so far (Config.Points) by the
// credential of the App's installation at an owner of repositories, or with "" by the personal
// token.
func (g *Server) PeakPoints(owner string) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.quota(owner).peak
}

// charge books the points of a request, or puts the limit in force that forbids it.
func (q *quota) charge(method string, cfg Config) {
	if _, reset := q.now(); cfg.Hourly > 0 && q.used >= cfg.Hourly {
		q.limit = RateLimit{until: reset}
		return
	}
	points := 5
	if method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions {
		points = 1
	}
	now := time.Now()
	for len(q.minute) > 0 && now.Sub(q.minute[0]) >= time.Minute {
		q.minute = q.minute[1:]
	}
	// Whatever the limit is, a request fits into an empty minute.
	if over := len(q.minute) + points - max(cfg.Points, points); cfg.Points > 0 && over > 0 {
		q.limit = RateLimit{Secondary: true, until: q.minute[over-1].Add(time.Minute)}
		return
	}
	q.minute = append(q.minute, slices.Repeat([]time.Time{now}, points)...)
	q.peak = max(q.peak, len(q.minute))
}

// now returns what the headers say.
func (q *quota) now() (remaining int, reset time.Time) {
	if q.limit.lasts() && !q.limit.Secondary {
		return 0, q.limit.until
	}
	if now := time.Now(); !now.Before(q.reset) {
		q.used, q.reset = 0, now.Add(time.Hour)
	}
	return max(q.hourly-q.used, 0), q.reset
}

// count books an answer and writes what every answer tells of the quota. 304 costs nothing.
func (g *Server) count(h http.Header, r *http.Request, status int, operation string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	q := g.quota(g.credential(r))
	remaining, reset := q.now()
	switch {
	case status == http.StatusNotModified:
		g.calls["304 "+operation]++
	case operation == askRateLimit || status == http.StatusUnauthorized:
	default:
		q.used++
		remaining = max(remaining-1, 0)
	}
	h.Set("X-RateLimit-Limit", strconv.Itoa(q.hourly))
	h.Set("X-RateLimit-Remaining", strconv.Itoa(remaining))
	h.Set("X-RateLimit-Used", strconv.Itoa(q.hourly-remaining))
	h.Set("X-RateLimit-Reset", strconv.FormatInt(reset.Unix(), 10))
	h.Set("X-RateLimit-Resource", "core")
}

func (g *Server) getRateLimit(w http.ResponseWriter, r *http.Request) {
	q := g.quota(g.credential(r))
	remaining, reset := q.now()
	core := map[string]any{"limit": q.hourly, "remaining": remaining, "reset": reset.Unix(), "used": q.hourly - remaining}
	reply(w, http.StatusOK, map[string]any{"resources": map[string]any{"core": core, "search": core}, "rate": core})
}
