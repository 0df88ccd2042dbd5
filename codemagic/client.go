package codemagic

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// Client calls Codemagic's API. It is safe for concurrent use.
//
// Every method returns [provisioner.ErrRefused] for what won't work until somebody mends it,
// [provisioner.ErrCapacity] where Codemagic blames its concurrency limit, and a
// [provisioner.RetryAfterError] at the rate limit (5,000 requests an hour for a user). Behind all
// of them is an [Error], where there was an answer.
type Client struct {
	token provisioner.Secret
	cfg   Config
	http  *http.Client
}

// NewClient returns a client that authenticates with a personal or team token (x-auth-token).
func NewClient(token provisioner.Secret, cfg Config) (*Client, error) {
	cfg = cfg.withDefaults()
	faults := []error{cfg.validate()}
	switch {
	case token.IsZero():
		faults = append(faults, errors.New("the token is empty"))
	case strings.ContainsFunc(token.Reveal(), func(r rune) bool { return r <= ' ' || r > '~' }):
		faults = append(faults, errors.New("the token has characters that no token has"))
	}
	if err := errors.Join(faults...); err != nil {
		return nil, fmt.Errorf("codemagic client: %w", err)
	}
	return &Client{token: token, cfg: cfg, http: &http.Client{
		Transport:     cfg.Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// StartBuild starts a build and returns its id. It is never repeated. [provisioner.ErrNoAnswer]
// means that nobody knows whether there is a build now.
func (c *Client) StartBuild(ctx context.Context, r StartRequest) (id string, err error) {
	var answer struct {
		BuildID string `json:"buildId"`
	}
	secrets := make([]provisioner.Secret, 0, len(r.Secrets))
	for _, s := range r.Secrets {
		secrets = append(secrets, s)
	}
	err = c.do(ctx, call{
		operation: "POST /builds", method: http.MethodPost, path: "/builds", body: r.body(provisioner.Secret.Reveal), secrets: secrets,
		unanswered: provisioner.ErrNoAnswer,
	}, &answer)
	if err == nil && answer.BuildID == "" {
		err = fmt.Errorf("POST /builds: the answer has no build id: %w", provisioner.ErrNoAnswer)
	}
	return answer.BuildID, err
}

// CancelBuild ends a build. That it is over, or that Codemagic does not know it, is no error.
// [provisioner.ErrNoAnswer] means that nobody knows whether it goes on.
func (c *Client) CancelBuild(ctx context.Context, id string) error {
	err := c.do(ctx, call{
		operation: "POST /builds/{id}/cancel", method: http.MethodPost, path: "/builds/" + url.PathEscape(id) + "/cancel", repeat: true,
		unanswered: provisioner.ErrNoAnswer,
	}, nil)
	if isStatus(err, http.StatusNotFound) {
		return nil
	}
	return err
}

// Build returns a build, or [provisioner.ErrNotFound].
func (c *Client) Build(ctx context.Context, id string) (Build, error) {
	var answer struct {
		Build *Build `json:"build"`
	}
	err := c.do(ctx, call{
		operation: "GET /builds/{id}", method: http.MethodGet, path: "/builds/" + url.PathEscape(id), repeat: true, unanswered: provisioner.ErrUnavailable,
	}, &answer)
	switch {
	case isStatus(err, http.StatusNotFound):
		return Build{}, fmt.Errorf("%w: %w", provisioner.ErrNotFound, err)
	case err != nil:
		return Build{}, err
	case answer.Build == nil:
		return Build{}, fmt.Errorf("GET /builds/{id}: the answer has no build: %w", provisioner.ErrUnavailable)
	}
	return *answer.Build, nil
}

// CheckApp returns nil if the token's owner can see the app. It asks once.
func (c *Client) CheckApp(ctx context.Context, id string) error {
	return c.do(ctx, call{
		operation: "GET /apps/{id}", method: http.MethodGet, path: "/apps/" + url.PathEscape(id), unanswered: provisioner.ErrUnavailable,
	}, nil)
}
