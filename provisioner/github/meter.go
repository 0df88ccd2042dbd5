package github

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// meter is the last stop of an account's requests. It keeps the books on rate limits, holds
// requests back while one lasts, and takes the headers about them out of the answers, so that
// go-github keeps no books of its own.
type meter struct {
	next                  http.RoundTripper
	log                   *slog.Logger
	requests, notModified *atomic.Int64

	mu        sync.Mutex
	shut      map[string]closure // by resource; "" is everything
	resources map[string]string  // of operations, as GitHub last booked them
	buckets   map[string]bucket  // by resource
	bad       time.Time          // when GitHub last did not accept the credential
}

// closure is a limit that lasts.
type closure struct {
	until time.Time
	limit limit
}

func newMeter(next http.RoundTripper, log *slog.Logger, requests, notModified *atomic.Int64) *meter {
	return &meter{
		next: next, log: log, requests: requests, notModified: notModified,
		shut: map[string]closure{}, resources: map[string]string{}, buckets: map[string]bucket{},
	}
}

const (
	maxBody      = 64 << 20 // no answer that we ask for comes near; a stored webhook payload has at most 25 MB
	maxErrorBody = 64 << 10
)

// RoundTrip returns a rate limit, fresh or lasting, as a *provisioner.RetryAfterError instead of a
// response.
func (m *meter) RoundTrip(req *http.Request) (*http.Response, error) {
	k := callOf(req.Context())
	log := m.log.With("operation", k.operation, "repository", k.target.String())
	if err := m.held(k.operation); err != nil {
		if req.Body != nil {
			_ = req.Body.Close()
		}
		log.DebugContext(req.Context(), "github: not sent, a rate limit lasts", "error", err)
		return nil, err
	}
	m.requests.Add(1)
	_, credential, _ := strings.Cut(req.Header.Get("Authorization"), " ")
	k.sent.add(credential)
	begun := time.Now()
	resp, err := m.next.RoundTrip(req)
	if err != nil {
		log.DebugContext(req.Context(), "github: no answer", "took", time.Since(begun).Round(time.Millisecond), "error", provisioner.RedactError(err, k.sent.secrets()...))
		return nil, err
	}
	if resp.StatusCode == http.StatusNotModified {
		m.notModified.Add(1)
	}
	log.DebugContext(req.Context(), "github: answer", "status", resp.StatusCode, "took", time.Since(begun).Round(time.Millisecond),
		"resource", k.redact(resp.Header.Get("X-RateLimit-Resource")), "remaining", k.redact(resp.Header.Get("X-RateLimit-Remaining")))
	m.book(k.operation, resp.Header)
	if resp.StatusCode < http.StatusBadRequest {
		conceal(resp.Header)
		resp.Body = body{io.LimitReader(resp.Body, maxBody), resp.Body}
		return resp, nil
	}
	told, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody)) // the status says enough if the rest is lost
	_ = resp.Body.Close()
	if resp.StatusCode == http.StatusUnauthorized {
		m.mu.Lock()
		m.bad = time.Now()
		m.mu.Unlock()
	}
	if l, ok := limitOf(k, resp, told); ok {
		m.close(l)
		log.WarnContext(req.Context(), "github: rate limit", "status", resp.StatusCode, "resource", k.redact(l.resource), "wait", l.wait, "error", l.text)
		return nil, l.asError(l.wait)
	}
	conceal(resp.Header)
	resp.Body = io.NopCloser(bytes.NewReader(told))
	return resp, nil
}

type body struct {
	io.Reader
	io.Closer
}

// staysBad is how long a credential is not tried that GitHub has not accepted: GitHub locks out
// those who keep sending it bad ones.
const staysBad = 10 * time.Second

var errStillBad = errors.New("the credential was not accepted a moment ago")

// held returns what keeps an operation from being sent, if anything does: a limit, or a credential
// that is not accepted.
func (m *meter) held(operation string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.bad.IsZero() && time.Since(m.bad) < staysBad {
		return errStillBad
	}
	resource, known := m.resources[operation]
	if !known {
		resource = core
	}
	for _, key := range []string{"", resource} {
		c, ok := m.shut[key]
		if !ok {
			continue
		}
		if wait := time.Until(c.until); wait > 0 {
			return c.limit.asError(wait)
		}
		delete(m.shut, key)
	}
	return nil
}

func (m *meter) close(l limit) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if until := time.Now().Add(l.wait); until.After(m.shut[l.resource].until) {
		m.shut[l.resource] = closure{until: until, limit: l}
	}
}

// book notes what an answer says of the account's limits.
func (m *meter) book(operation string, h http.Header) {
	b, ok := parseBucket(h)
	if !ok {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.resources[operation], m.buckets[b.resource] = b.resource, b
}

// conceal keeps go-github from blocking whole clients for what one resource says.
func conceal(h http.Header) {
	for name := range h {
		if strings.HasPrefix(strings.ToLower(name), "x-ratelimit-") {
			h.Del(name)
		}
	}
}
