package webhook

import (
	"bytes"
	"encoding/json"
	"net/http"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// Status is the outcome of a delivery, as its answer names it.
type Status string

// The outcomes. GitHub shows a delivery as failed, to be delivered again by hand or through its
// API, unless the code is 2xx.
const (
	StatusQueued    Status = "queued"    // the job is stored and will have a machine
	StatusDuplicate Status = "duplicate" // the job was stored before
	StatusPlanned   Status = "planned"   // a dry run: this is what would be done
	StatusRecorded  Status = "recorded"  // a job that a runner type serves has started or ended
	StatusIgnored   Status = "ignored"   // nothing to do; Reason says why
	StatusDenied    Status = "denied"    // the repository is not allowed

	StatusInvalid            Status = "invalid"
	StatusUnauthorized       Status = "unauthorized"
	StatusMethodNotAllowed   Status = "method_not_allowed"
	StatusTooLarge           Status = "too_large"
	StatusUnsupportedContent Status = "unsupported_content_type"
	StatusUnavailable        Status = "unavailable" // the job can't be stored, or its body not be received, now
	StatusFailed             Status = "failed"      // a defect of ours; the log has it
)

// codes is the one place where outcomes become HTTP.
var codes = map[Status]int{
	StatusQueued:             http.StatusAccepted,
	StatusDuplicate:          http.StatusAccepted,
	StatusPlanned:            http.StatusOK,
	StatusRecorded:           http.StatusOK,
	StatusIgnored:            http.StatusOK,
	StatusDenied:             http.StatusOK,
	StatusInvalid:            http.StatusBadRequest,
	StatusUnauthorized:       http.StatusUnauthorized,
	StatusMethodNotAllowed:   http.StatusMethodNotAllowed,
	StatusTooLarge:           http.StatusRequestEntityTooLarge,
	StatusUnsupportedContent: http.StatusUnsupportedMediaType,
	StatusUnavailable:        http.StatusServiceUnavailable,
	StatusFailed:             http.StatusInternalServerError,
}

// Answer is what the sender of a delivery gets.
type Answer struct {
	// Code is the HTTP status code.
	Code int
	Body Body
}

// Body is an answer's JSON object. It never holds a secret.
type Body struct {
	Status Status `json:"status"`
	// Reason explains every status other than queued, duplicate and planned.
	Reason string `json:"reason,omitempty"`
	// JobID is workflow_job.id.
	JobID      int64  `json:"job_id,omitempty"`
	RunnerType string `json:"runner_type,omitempty"`
	// DryRunDefaulted is set in answers to dry runs: whether nobody asked for it in so many words.
	DryRunDefaulted *bool             `json:"dry_run_defaulted,omitempty"`
	Plan            *provisioner.Plan `json:"plan,omitempty"`
}

func answer(s Status, reason string) Answer {
	return Answer{Code: codes[s], Body: Body{Status: s, Reason: reason}}
}

// Header returns the header that goes with the answer, in a map of the caller's own.
func (a Answer) Header() http.Header {
	h := http.Header{"Content-Type": {"application/json"}, "X-Content-Type-Options": {"nosniff"}}
	switch a.Code {
	case http.StatusMethodNotAllowed:
		h.Set("Allow", http.MethodPost)
	case http.StatusServiceUnavailable:
		h.Set("Retry-After", "30") // seconds
	}
	return h
}

// JSON returns the encoded body, one line.
func (a Answer) JSON() []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // for people: plans hold shell scripts
	if err := enc.Encode(a.Body); err != nil {
		// Only a plan's request could do this, and a receiver has tried to encode it before.
		a.Body.Plan = nil
		b.Reset()
		_ = enc.Encode(a.Body)
	}
	return b.Bytes()
}
