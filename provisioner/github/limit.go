package github

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// limit is GitHub's word that a credential has asked too much.
type limit struct {
	wait time.Duration
	// resource is what is used up; "" when the credential has to stop altogether.
	resource string
	text     string
}

// withoutHint is the wait for a limit that comes without one: GitHub's documentation asks for at
// least a minute.
const withoutHint = time.Minute

// longest bounds what a header can make us believe. GitHub's own windows last an hour.
const longest = 24 * time.Hour

// limitOf reports whether an answer is a rate limit. Both kinds come as 403 or 429; go-github v57
// knows the first alone.
func limitOf(k call, resp *http.Response, body []byte) (limit, bool) {
	if resp.StatusCode != http.StatusForbidden && resp.StatusCode != http.StatusTooManyRequests {
		return limit{}, false
	}
	var e struct {
		Message          string `json:"message"`
		DocumentationURL string `json:"documentation_url"`
	}
	_ = json.Unmarshal(body, &e) // a body of another kind has no hints
	l := limit{text: fmt.Sprintf("GitHub answered %d: %s", resp.StatusCode, k.redact(e.Message))}
	now := answeredAt(resp)
	if wait, ok := retryAfter(resp.Header.Get("Retry-After"), now); ok {
		l.wait = clamp(wait)
		return l, true
	}
	if resp.Header.Get("X-RateLimit-Remaining") == "0" {
		l.wait, l.resource = withoutHint, resourceOf(resp.Header)
		if reset, err := strconv.ParseInt(resp.Header.Get("X-RateLimit-Reset"), 10, 64); err == nil {
			l.wait = clamp(time.Unix(reset, 0).Sub(now) + time.Second)
		}
		return l, true
	}
	if resp.StatusCode == http.StatusTooManyRequests || strings.Contains(strings.ToLower(e.Message), "rate limit") ||
		strings.Contains(e.Message, "abuse detection") || strings.Contains(e.DocumentationURL, "rate-limits") {
		l.wait = withoutHint
		return l, true
	}
	return limit{}, false
}

// asError is the limit as callers see it.
func (l limit) asError(wait time.Duration) error {
	return &provisioner.RetryAfterError{After: wait, Err: errors.New(l.text)}
}

// answeredAt is the time by GitHub's clock, which the reset is told in; ours may be off.
func answeredAt(resp *http.Response) time.Time {
	if t, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		return t
	}
	return time.Now()
}

func retryAfter(s string, now time.Time) (time.Duration, bool) {
	if s == "" {
		return 0, false
	}
	if seconds, err := strconv.ParseInt(s, 10, 64); err == nil && seconds >= 0 {
		return time.Duration(min(seconds, int64(longest/time.Second))) * time.Second, true
	}
	if t, err := http.ParseTime(s); err == nil {
		return t.Sub(now), true
	}
	return 0, false
}

func clamp(d time.Duration) time.Duration { return min(max(d, time.Second), longest) }

// core is the resource of everything that GitHub does not book elsewhere.
const core = "core"

func resourceOf(h http.Header) string {
	if r := h.Get("X-RateLimit-Resource"); r != "" {
		return r
	}
	return core
}
