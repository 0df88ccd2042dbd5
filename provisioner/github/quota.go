package github

import (
	"net/http"
	"strconv"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// Quota is what GitHub last said of the rate limits of a [Client]: the resource, over all
// credentials, of which the smallest part is left. Limit 0 means that GitHub has not said anything
// yet.
type Quota struct {
	Resource  string
	Limit     int
	Remaining int
	Reset     time.Time
	// Requests counts the requests sent so far; NotModified, those of them that were answered 304
	// and cost nothing.
	Requests    int64
	NotModified int64
}

// bucket is GitHub's word about one resource of one account.
type bucket struct {
	resource         string
	limit, remaining int
	reset            time.Time
}

func parseBucket(h http.Header) (bucket, bool) {
	limit, err1 := strconv.Atoi(h.Get("X-RateLimit-Limit"))
	remaining, err2 := strconv.Atoi(h.Get("X-RateLimit-Remaining"))
	reset, err3 := strconv.ParseInt(h.Get("X-RateLimit-Reset"), 10, 64)
	if err1 != nil || err2 != nil || err3 != nil || limit <= 0 {
		return bucket{}, false
	}
	return bucket{resource: resourceOf(h), limit: limit, remaining: remaining, reset: time.Unix(reset, 0)}, true
}

// Quota tells what is left of GitHub's rate limits. It asks nobody.
func (c *Client) Quota() Quota {
	q := Quota{Requests: c.requests.Load(), NotModified: c.notModified.Load()}
	for _, a := range c.accounts() {
		a.meter.least(&q)
	}
	return q
}

// QuotaAt tells what is left for the credential that a repository or organisation is asked about
// with: the resource of which the smallest part is left. It asks nobody, and knows nothing of an
// App's installation that was not asked yet.
func (c *Client) QuotaAt(t provisioner.Target) Quota {
	a := c.token
	if c.app != nil {
		a = c.app.known(t)
	}
	var q Quota
	if a != nil {
		a.meter.least(&q)
	}
	return q
}

// least puts the account's scarcest resource into q, if it is scarcer than what is there.
func (m *meter) least(q *Quota) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, b := range m.buckets {
		if !b.reset.After(time.Now()) {
			b.remaining = b.limit // a new window has begun
		}
		if q.Limit == 0 || b.remaining*q.Limit < q.Remaining*b.limit {
			q.Resource, q.Limit, q.Remaining, q.Reset = b.resource, b.limit, b.remaining, b.reset
		}
	}
}

func (c *Client) accounts() []*account {
	if c.app == nil {
		return []*account{c.token}
	}
	return c.app.accounts()
}
