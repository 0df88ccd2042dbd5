package github

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/bradleyfalzon/ghinstallation/v2"
	gh "github.com/google/go-github/v57/github"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// app is a GitHub App and its installations, each an account of its own.
type app struct {
	c     *Client
	id    int64
	key   []byte
	self  *account                          // the App itself, by its JWT
	where *cache[provisioner.Target, int64] // installation ids

	mu        sync.Mutex
	installed map[int64]*account
}

func (c *Client) newApp(cfg App) (*app, error) {
	var faults []error
	if cfg.ID <= 0 {
		faults = append(faults, errors.New("the App's id is missing"))
	}
	key := []byte(cfg.PrivateKey.Reveal())
	if _, err := ghinstallation.NewAppsTransport(nil, cfg.ID, key); err != nil {
		faults = append(faults, errors.New("the App's private key is not an RSA key in PEM format"))
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	a := &app{c: c, id: cfg.ID, key: key, where: newCache[provisioner.Target, int64](time.Hour, 0), installed: map[int64]*account{}}
	a.self = c.newAccount("app", func(next http.RoundTripper) http.RoundTripper {
		t, _ := ghinstallation.NewAppsTransport(next, cfg.ID, key) // the key has been parsed above
		return t
	}, nil)
	return a, nil
}

// installation returns the account of the App's installation that has a repository or organisation.
// GitHub says which; a payload might lie.
func (p *app) installation(ctx context.Context, t provisioner.Target) (*account, error) {
	id, err := p.where.get(ctx, t, func(ctx context.Context) (int64, error) {
		var found gh.Installation
		_, err := p.c.do(ctx, p.self, call{
			operation: "find the App's installation", method: http.MethodGet, path: root(t) + "/installation", target: t,
			means: map[int]error{http.StatusNotFound: provisioner.ErrNotFound},
		}, &found)
		if errors.Is(err, provisioner.ErrNotFound) {
			return 0, &provisioner.GitHubError{Target: t, Err: fmt.Errorf("the App is not installed at %s: %w", t, provisioner.ErrRefused)}
		}
		return found.GetID(), err
	})
	if err != nil {
		return nil, err
	}
	return p.account(id)
}

// account returns the account of an installation.
func (p *app) account(id int64) (*account, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if a, ok := p.installed[id]; ok {
		return a, nil
	}
	// Every installation signs with a transport of its own: ghinstallation writes to it when it
	// gets a token.
	transport, err := ghinstallation.New(p.self.meter, p.id, id, p.key)
	if err != nil {
		return nil, &provisioner.GitHubError{Err: fmt.Errorf("installation %d: the App's private key: %w", id, provisioner.ErrRefused)}
	}
	transport.BaseURL = strings.TrimRight(p.c.base.String(), "/")
	// nil would be sent as null, which is no request body by GitHub's schema.
	transport.InstallationTokenOptions = &gh.InstallationTokenOptions{}
	s := &source{turn: make(chan struct{}, 1), transport: transport}
	a := p.c.newAccount("installation "+strconv.FormatInt(id, 10), nil, s.token)
	p.installed[id] = a
	return a, nil
}

// known returns the account of a target's installation if it is known which that is.
func (p *app) known(t provisioner.Target) *account {
	id, ok := p.where.peek(t)
	if !ok {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.installed[id]
}

// forget has the installation of a target looked up anew, and a new token got for its account: the
// App may have been installed again.
func (p *app) forget(a *account, t provisioner.Target) {
	p.where.forget(t)
	p.mu.Lock()
	defer p.mu.Unlock()
	maps.DeleteFunc(p.installed, func(_ int64, x *account) bool { return x == a })
}

func (p *app) accounts() []*account {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := []*account{p.self}
	for _, a := range p.installed {
		all = append(all, a)
	}
	return all
}

// source hands out an installation's token. Getting one is a request under the App's own account,
// so its limits are those of the App.
type source struct {
	turn      chan struct{} // rather than the transport's mutex, because a context can end the wait
	transport *ghinstallation.Transport
}

func (s *source) token(ctx context.Context) (string, error) {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return "", ctx.Err()
	}
	k := callOf(ctx)
	token, err := s.transport.Token(context.WithValue(ctx, callKey{}, call{operation: "get the installation's token", target: k.target, sent: k.sent}))
	if err == nil && token == "" {
		err = errors.New("GitHub answered without a token")
	}
	return token, err
}
