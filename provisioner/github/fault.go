package github

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/bradleyfalzon/ghinstallation/v2"
	gh "github.com/google/go-github/v57/github"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// unanswered says what it means that a call has no answer, or half of one.
func (c *Client) unanswered(caller context.Context, k call, err error, unsent bool) error {
	err = provisioner.RedactError(err, k.sent.secrets()...)
	if hint, ok := errors.AsType[*provisioner.RetryAfterError](err); ok {
		return fmt.Errorf("%s: %w", k.operation, hint)
	}
	if errors.Is(err, errStillBad) {
		return fmt.Errorf("%s: not sent: GitHub answered 401 a moment ago: %w: %w", k.operation, provisioner.ErrBadCredential, provisioner.ErrRefused)
	}
	if caller.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("GitHub took longer than %s", c.timeout)
	}
	switch {
	case k.changes() && !unsent:
		return fmt.Errorf("%s: %w: %w", k.operation, provisioner.ErrNoAnswer, err)
	case errors.Is(caller.Err(), context.Canceled):
		return fmt.Errorf("%s: %w", k.operation, caller.Err())
	default:
		return fmt.Errorf("%s: %w: %w", k.operation, provisioner.ErrUnavailable, err)
	}
}

// answered says what an answer means that is not a success.
func (c *Client) answered(k call, resp *http.Response) error {
	told := fmt.Errorf("%s: GitHub answered %d: %s", k.operation, resp.StatusCode, messageOf(k, resp))
	if is, ok := k.means[resp.StatusCode]; ok {
		return fmt.Errorf("%w: %w", told, is)
	}
	switch status := resp.StatusCode; {
	case status >= 500 || status == http.StatusRequestTimeout || status < 300:
		if k.changes() {
			return fmt.Errorf("%w: %w", told, provisioner.ErrNoAnswer)
		}
		return fmt.Errorf("%w: %w", told, provisioner.ErrUnavailable)
	case status == http.StatusUnauthorized:
		return fmt.Errorf("%w: %w: %w", told, provisioner.ErrBadCredential, provisioner.ErrRefused)
	default:
		return fmt.Errorf("%w: %w", told, provisioner.ErrRefused)
	}
}

// tokenless says what it means that an installation's token could not be had: the call itself was
// never sent.
func (c *Client) tokenless(caller context.Context, a *account, k call, err error) error {
	k = call{operation: k.operation + ": get the installation's token", method: http.MethodGet, target: k.target, sent: k.sent}
	refused, ok := errors.AsType[*ghinstallation.HTTPError](err)
	if !ok || refused.RootCause != nil || refused.Response == nil {
		return c.unanswered(caller, k, err, true)
	}
	defer func() { _ = refused.Response.Body.Close() }()
	if refused.Response.StatusCode == http.StatusNotFound {
		c.app.forget(a, k.target) // uninstalled, and perhaps installed again
	}
	return c.answered(k, refused.Response)
}

// garbled is an answer that can't be read.
type garbled struct {
	status      int
	contentType string
	err         error
}

func (g *garbled) Error() string {
	return fmt.Sprintf("GitHub answered %d, but the body (%q) can't be read: %v", g.status, g.contentType, g.err)
}

func (g *garbled) Unwrap() error { return g.err }

// messageOf returns GitHub's words for an error. A body that is not GitHub's JSON is not repeated:
// it may be anybody's page.
func messageOf(k call, resp *http.Response) string {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
	var e struct {
		gh.ErrorResponse
		Configuration string `json:"encoded_jit_config"` // of a registration that did not fail after all
	}
	_ = json.Unmarshal(body, &e) // what could be read of it counts
	if e.Message == "" {
		text := http.StatusText(resp.StatusCode)
		if kind := resp.Header.Get("Content-Type"); kind != "" && !strings.Contains(kind, "json") {
			text += ", as " + k.redact(kind)
		}
		return text
	}
	var details []string
	for _, d := range e.Errors {
		detail := strings.Join(strings.Fields(d.Resource+" "+d.Field+" "+d.Code+" "+d.Message), " ")
		if detail != "" {
			details = append(details, detail)
		}
	}
	if len(details) > 0 {
		e.Message += " (" + strings.Join(details, "; ") + ")"
	}
	return k.redact(e.Message, provisioner.NewSecret(e.Configuration))
}

// redact makes a server's words fit for an error.
func (k call) redact(text string, more ...provisioner.Secret) string {
	return provisioner.Redact(text, append(k.sent.secrets(), more...)...)
}

func isDial(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial"
}
