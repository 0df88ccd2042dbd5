package webhooktest

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// Case is a request to the webhook and the answer it must get.
type Case struct {
	// Name is a sentence.
	Name string

	Method string
	// Query is the raw query, without the question mark.
	Query string
	// Header has canonical keys.
	Header http.Header
	Body   []byte
	// Times is how often to send the request; the last answer counts. At least 1.
	Times int
	// QueueFails asks for a queue that can't store anything during this case.
	QueueFails bool

	WantCode int
	// WantStatus are the statuses that will do.
	WantStatus []string
	// WantReason is part of the reason.
	WantReason string
	// WantJob is the job_id; 0 for an answer without one.
	WantJob int64
	// WantType is the runner_type; empty for an answer without one.
	WantType string
	// WantDefaulted is dry_run_defaulted; nil for an answer without one.
	WantDefaulted *bool
	// WantRunner is the plan's runner_name; empty for an answer without a plan.
	WantRunner string

	// WantStored says that the queue holds the job afterwards, under WantType; otherwise it holds
	// nothing of this case.
	WantStored bool
	// WantRecorded says that the step in the job's life has been recorded.
	WantRecorded bool
}

// NewRequest returns the case as an HTTP request to the webhook at target, a URL without a query.
func (c Case) NewRequest(ctx context.Context, target string) (*http.Request, error) {
	if c.Query != "" {
		target += "?" + c.Query
	}
	req, err := http.NewRequestWithContext(ctx, c.Method, target, bytes.NewReader(c.Body))
	if err != nil {
		return nil, err
	}
	req.Header = c.Header.Clone()
	return req, nil
}

// body is an answer as a stranger reads it.
type body struct {
	Status          string `json:"status"`
	Reason          string `json:"reason"`
	JobID           int64  `json:"job_id"`
	RunnerType      string `json:"runner_type"`
	DryRunDefaulted *bool  `json:"dry_run_defaulted"`
	Plan            *plan  `json:"plan"`
}

type plan struct {
	Provider          string          `json:"provider"`
	RunnerName        string          `json:"runner_name"`
	Labels            []string        `json:"labels"`
	Request           json.RawMessage `json:"request"`
	Verified          *bool           `json:"verified"`
	UnverifiedBecause string          `json:"unverified_because"`
}

// Check compares an answer with the one that the case must get. WantStored and WantRecorded are
// left to the caller.
func (c Case) Check(t testing.TB, code int, header http.Header, answer []byte) {
	t.Helper()
	if code != c.WantCode {
		t.Errorf("code %d, want %d: %s", code, c.WantCode, answer)
	}
	if got := header.Get("Content-Type"); got != "application/json" {
		t.Errorf("content type %q, want application/json", got)
	}
	if c.WantCode == http.StatusMethodNotAllowed && header.Get("Allow") != http.MethodPost {
		t.Errorf("Allow: %q, want POST", header.Get("Allow"))
	}
	if c.WantCode == http.StatusServiceUnavailable && header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	if c.Method == http.MethodHead {
		return
	}
	var got body
	if err := json.Unmarshal(answer, &got); err != nil {
		t.Fatalf("the answer is not JSON: %v: %q", err, answer)
	}
	if !slices.Contains(c.WantStatus, got.Status) {
		t.Errorf("status %q, want one of %q: %s", got.Status, c.WantStatus, answer)
	}
	if !strings.Contains(got.Reason, c.WantReason) || got.Reason == "" && slices.Contains(withReason, got.Status) {
		t.Errorf("reason %q, want one with %q", got.Reason, c.WantReason)
	}
	if got.JobID != c.WantJob || got.RunnerType != c.WantType {
		t.Errorf("job %d, type %q, want %d, %q", got.JobID, got.RunnerType, c.WantJob, c.WantType)
	}
	if (got.DryRunDefaulted == nil) != (c.WantDefaulted == nil) || got.DryRunDefaulted != nil && *got.DryRunDefaulted != *c.WantDefaulted {
		t.Errorf("dry_run_defaulted %s, want %s", show(got.DryRunDefaulted), show(c.WantDefaulted))
	}
	c.checkPlan(t, got.Plan)
}

var withReason = []string{"ignored", "denied", "invalid", "unauthorized", "unavailable"}

func (c Case) checkPlan(t testing.TB, p *plan) {
	t.Helper()
	switch {
	case c.WantRunner == "":
		if p != nil {
			t.Errorf("a plan, want none: %+v", p)
		}
		return
	case p == nil:
		t.Errorf("no plan, want one")
		return
	}
	if p.RunnerName != c.WantRunner {
		t.Errorf("runner name %q, want %q", p.RunnerName, c.WantRunner)
	}
	if p.Provider == "" || len(p.Labels) == 0 || len(p.Request) == 0 || string(p.Request) == "null" {
		t.Errorf("the plan lacks its provider, labels or request: %+v", p)
	}
	if p.Verified == nil || *p.Verified == (p.UnverifiedBecause != "") {
		t.Errorf("verified %s and unverified_because %q don't fit", show(p.Verified), p.UnverifiedBecause)
	}
}

func show(b *bool) string {
	switch {
	case b == nil:
		return "absent"
	case *b:
		return "true"
	default:
		return "false"
	}
}
