package codemagic

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// Error is an answer of Codemagic's other than success. Unwrap returns its class, one of
// provisioner's errors; nil behind a [provisioner.RetryAfterError].
type Error struct {
	Operation  string // such as POST /builds
	StatusCode int
	Message    string // what Codemagic said, by [provisioner.Redact]; empty if it said nothing

	class error
}

// Error tells what was attempted and what the answer was.
func (e *Error) Error() string {
	text := strings.TrimSpace(fmt.Sprintf("%s: %d %s", e.Operation, e.StatusCode, http.StatusText(e.StatusCode)))
	if e.Message != "" {
		text += ": " + e.Message
	}
	return text
}

// Unwrap returns the class.
func (e *Error) Unwrap() error { return e.class }

func isStatus(err error, status int) bool {
	var e *Error
	return errors.As(err, &e) && e.StatusCode == status
}

// failure turns an answer into an error.
func (c *Client) failure(x call, response *http.Response) error {
	body, _ := io.ReadAll(io.LimitReader(response.Body, 64<<10)) // half an explanation is better than none
	e := &Error{Operation: x.operation, StatusCode: response.StatusCode}
	explanation := explain(body)
	e.class = class(response.StatusCode, explanation, x.unanswered)
	e.Message = provisioner.Redact(explanation, append(x.secrets, c.token)...)
	if response.StatusCode == http.StatusTooManyRequests {
		return &provisioner.RetryAfterError{After: retryAfter(response.Header, time.Now()), Err: e}
	}
	return e
}

// class says what a status means for what was attempted. Codemagic documents none of them for
// version 1.
func class(status int, explanation string, unanswered error) error {
	switch {
	case status >= 500, status == http.StatusRequestTimeout:
		return unanswered
	case status == http.StatusTooManyRequests:
		return nil // the hint that wraps it says it all
	case strings.Contains(strings.ToLower(explanation), "concurren"):
		return provisioner.ErrCapacity
	}
	return provisioner.ErrRefused
}

// retryAfter reads how long to stay away: Retry-After (seconds or a date), version 3's
// ratelimit-reset (seconds left) or version 1's X-RateLimit-Reset (when, in seconds since 1970); a
// minute without any.
func retryAfter(h http.Header, now time.Time) time.Duration {
	for _, name := range []string{"Retry-After", "Ratelimit-Reset", "X-Ratelimit-Reset"} {
		value := h.Get(name)
		if seconds, err := strconv.ParseFloat(value, 64); err == nil && seconds >= 0 {
			if seconds > epoch {
				seconds -= float64(now.Unix())
			}
			return within(time.Duration(min(seconds, 1e6) * float64(time.Second)))
		}
		if date, err := http.ParseTime(value); err == nil {
			return within(date.Sub(now))
		}
	}
	return time.Minute
}

// epoch is more seconds than any wait has, and fewer than have passed since 1970. It tells one from
// the other, whatever the header.
const epoch = 1e8

// within keeps a hint above nothing, and below the hour in which Codemagic's limit is counted.
func within(d time.Duration) time.Duration { return min(max(d, time.Second), time.Hour) }

// explain finds the sentence in an error's body. Version 3 documents two forms, {"status_code",
// "detail", "extra"} and {"error", "message"}; any other body is its own explanation.
func explain(body []byte) string {
	var x struct {
		Detail  any `json:"detail"`
		Message any `json:"message"`
		Error   any `json:"error"`
		Extra   any `json:"extra"`
	}
	if json.Unmarshal(body, &x) != nil {
		return string(bytes.TrimSpace(body))
	}
	said := cmp.Or(text(x.Detail), text(x.Message))
	for _, more := range []any{x.Error, x.Extra} {
		switch t := text(more); {
		case said == "":
			said = t
		case t != "" && t != said:
			said += " (" + t + ")"
		}
	}
	return cmp.Or(said, string(bytes.TrimSpace(body)))
}

func text(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	}
	encoded, err := json.Marshal(v)
	if err != nil || string(encoded) == "{}" || string(encoded) == "[]" {
		return ""
	}
	return string(encoded)
}
