package githubtest

import (
	"net/http"
	"strconv"
	"time"
)

// hourly is how many requests a credential has an hour. (An installation with many repositories or
// users has more, up to 12,500.)
const hourly = 5000

// quota is what one credential has left of the hour, and the limit in force for it, if any.
type quota struct {
	used  int
	reset time.Time
	limit RateLimit
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
		q = &quota{limit: g.limit}
		g.quotas[credential] = q
	}
	return q
}

// now returns what the headers say.
func (q *quota) now() (remaining int, reset time.Time) {
	if q.limit.lasts() && !q.limit.Secondary {
		return 0, q.limit.until
	}
	if now := time.Now(); !now.Before(q.reset) {
		q.used, q.reset = 0, now.Add(time.Hour)
	}
	return max(hourly-q.used, 1), q.reset
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
	h.Set("X-RateLimit-Limit", strconv.Itoa(hourly))
	h.Set("X-RateLimit-Remaining", strconv.Itoa(remaining))
	h.Set("X-RateLimit-Used", strconv.Itoa(hourly-remaining))
	h.Set("X-RateLimit-Reset", strconv.FormatInt(reset.Unix(), 10))
	h.Set("X-RateLimit-Resource", "core")
}

func (g *Server) getRateLimit(w http.ResponseWriter, r *http.Request) {
	remaining, reset := g.quota(g.credential(r)).now()
	core := map[string]any{"limit": hourly, "remaining": remaining, "reset": reset.Unix(), "used": hourly - remaining}
	reply(w, http.StatusOK, map[string]any{"resources": map[string]any{"core": core, "search": core}, "rate": core})
}
