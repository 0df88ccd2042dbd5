package github

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	gh "github.com/google/go-github/v57/github"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// App is a GitHub App. It needs the repository permission "Actions: read", and for runners of a
// repository "Administration: write" beside it, for those of an organisation the organisation
// permission "Self-hosted runners: write". To read the delivery log of a [Hook] that is not its own
// takes "Webhooks: read" where the hook is.
type App struct {
	ID int64
	// PrivateKey is the PEM file that GitHub hands out.
	PrivateKey provisioner.Secret
}

// Config says how to reach GitHub. Token or App must be set, and not both.
type Config struct {
	// BaseURL is the root of the REST API. Defaults to https://api.github.com; on GitHub Enterprise
	// Server it is https://HOST/api/v3.
	BaseURL string
	// Token is a personal access token of somebody who administers the repositories (or owns the
	// organisations) that use the runners: a fine-grained one with the permissions of an [App], or
	// a classic one with the scope repo, and admin:org for runners of an organisation.
	Token provisioner.Secret
	// App is used instead of a token.
	App *App
	// Transport defaults to a clone of [http.DefaultTransport].
	Transport http.RoundTripper
	// Timeout limits each call, its repetitions included. Defaults to 30 s: a registration that
	// GitHub ends up refusing has been seen to take 11 s.
	Timeout time.Duration
	// Logger gets a debug line for every request and a warning for every rate limit. Defaults to
	// nobody.
	Logger *slog.Logger
}

// Client asks GitHub. It is safe for concurrent use.
type Client struct {
	base      *url.URL // ends in a slash
	timeout   time.Duration
	log       *slog.Logger
	transport http.RoundTripper

	token *account // nil with an App
	app   *app     // nil with a token

	requests, notModified atomic.Int64
	etags                 *etags
	groups                *cache[groupKey, int64]
	downloads             *cache[provisioner.Target, []download]
	pictures              pictures
	asked                 recentRuns
	queued                *cache[runKey, map[int64]bool] // jobs by run
}

var (
	_ provisioner.Registrar = (*Client)(nil)
	_ provisioner.Jobs      = (*Client)(nil)
)

// userAgent is what GitHub asks every client to send.
const userAgent = "github-runner-provisioner"

// New returns a Client. It reports all faults of the configuration at once and asks GitHub nothing.
func New(cfg Config) (*Client, error) {
	c := &Client{
		timeout: cmp.Or(cfg.Timeout, 30*time.Second), log: cfg.Logger, transport: cfg.Transport,
		etags: newETags(), groups: newCache[groupKey, int64](10*time.Minute, 0), downloads: newCache[provisioner.Target, []download](time.Hour, 24*time.Hour),
		queued: newCache[runKey, map[int64]bool](together, 0),
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if c.transport == nil {
		c.transport = defaultTransport()
	}
	var faults []error
	base, err := parseBase(cmp.Or(cfg.BaseURL, "https://api.github.com"))
	if err != nil {
		faults = append(faults, err)
		base = &url.URL{}
	}
	c.base = base
	if cfg.Timeout < 0 {
		faults = append(faults, errors.New("the timeout can't be negative"))
	}
	switch {
	case cfg.Token.IsZero() && cfg.App == nil:
		faults = append(faults, errors.New("neither a token nor an App is given"))
	case !cfg.Token.IsZero() && cfg.App != nil:
		faults = append(faults, errors.New("both a token and an App are given"))
	}
	if !cfg.Token.IsZero() {
		if strings.ContainsFunc(cfg.Token.Reveal(), func(r rune) bool { return r <= ' ' || r > '~' }) {
			faults = append(faults, errors.New("the token contains blanks or other characters that no token has"))
		}
		c.token = c.newAccount("token", nil, func(context.Context) (string, error) { return cfg.Token.Reveal(), nil })
	}
	if cfg.App != nil {
		if c.app, err = c.newApp(*cfg.App); err != nil {
			faults = append(faults, err)
		}
	}
	if err := errors.Join(faults...); err != nil {
		return nil, fmt.Errorf("github: %w", err)
	}
	return c, nil
}

func parseBase(s string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimRight(s, "/") + "/")
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("the API's URL must look like https://api.github.com or https://HOST/api/v3")
	}
	return u, nil
}

// defaultTransport notices connections that have gone silent: a sweep's worth of requests shares
// one HTTP/2 connection.
func defaultTransport() http.RoundTripper {
	t, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return http.DefaultTransport
	}
	t = t.Clone()
	t.MaxIdleConnsPerHost = 32
	t.HTTP2 = &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 10 * time.Second}
	return t
}

// account is one credential: the token, the App itself, or one of its installations.
type account struct {
	name   string
	client *gh.Client
	meter  *meter
	// token returns what goes into the Authorization header; nil if the client's transport sees to
	// it.
	token func(ctx context.Context) (string, error)
}

// newAccount makes an account whose requests pass through wrap, if given, and a meter of their own.
func (c *Client) newAccount(name string, wrap func(http.RoundTripper) http.RoundTripper, token func(ctx context.Context) (string, error)) *account {
	m := newMeter(c.transport, c.log, &c.requests, &c.notModified)
	var transport http.RoundTripper = m
	if wrap != nil {
		transport = wrap(m)
	}
	client := gh.NewClient(&http.Client{Transport: transport, CheckRedirect: c.checkRedirect})
	client.BaseURL, client.UserAgent = c.base, userAgent
	return &account{name: name, client: client, meter: m, token: token}
}

// checkRedirect follows GitHub to where a renamed repository is now, but takes no credential to
// another host, and turns no change into a read.
func (c *Client) checkRedirect(req *http.Request, via []*http.Request) error {
	if req.URL.Host != c.base.Host || req.URL.Scheme != c.base.Scheme || req.Method != via[0].Method || len(via) > 3 {
		return http.ErrUseLastResponse
	}
	return nil
}

// account returns the credential for a repository or organisation.
func (c *Client) account(ctx context.Context, t provisioner.Target) (*account, error) {
	if !nameable(t.Owner) || t.Repo != "" && !nameable(t.Repo) {
		return nil, &provisioner.GitHubError{Target: t, Err: fmt.Errorf("this is no repository or organisation: %w", provisioner.ErrRefused)}
	}
	if c.app == nil {
		return c.token, nil
	}
	return c.app.installation(ctx, t)
}

// nameable keeps names that are no names out of paths.
func nameable(s string) bool {
	return s != "" && s != "." && s != ".." && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '.' && r != '_' && r != '-'
	})
}

// root is the path of a repository or organisation.
func root(t provisioner.Target) string {
	if t.Repo == "" {
		return "orgs/" + t.Owner
	}
	return "repos/" + t.Owner + "/" + t.Repo
}
