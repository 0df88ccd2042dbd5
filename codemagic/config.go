package codemagic

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// Config holds what a [Client] and a [Provider] can do without. The zero value means the defaults.
type Config struct {
	// BaseURL is the root of the API. Defaults to https://api.codemagic.io.
	BaseURL string
	// Transport makes the requests. Defaults to [http.DefaultTransport]. Redirects are never
	// followed, whatever the transport: they would carry the token elsewhere.
	Transport http.RoundTripper
	// Timeout is the time that one request gets, its answer's body included. Defaults to 15 s.
	Timeout time.Duration
	// Deployment sets this installation's builds apart from another one's: see the package's
	// documentation. Defaults to [provisioner.DefaultDeployment].
	Deployment provisioner.Deployment
	// MaxLifetime is the longest max_lifetime of the runner types. Lists reach back a day further.
	// Defaults to 6 h, twice what Codemagic lets a build run (max_build_duration).
	MaxLifetime time.Duration
	// Downloads says which release of GitHub's runner a build is to use. Defaults to nobody: the
	// workflow uses the release that it pins itself.
	Downloads Downloads
	// Logger hears of starts without an answer. Defaults to nobody.
	Logger *slog.Logger
}

// Downloads looks up the release of GitHub's runner for an operating system (osx) and an
// architecture (arm64), in GitHub's own names.
type Downloads interface {
	RunnerDownload(ctx context.Context, t provisioner.Target, os, arch string) (provisioner.RunnerDownload, error)
}

const (
	defaultBaseURL     = "https://api.codemagic.io"
	defaultTimeout     = 15 * time.Second
	defaultMaxLifetime = 6 * time.Hour
)

func (c Config) withDefaults() Config {
	c.BaseURL = strings.TrimRight(cmp.Or(c.BaseURL, defaultBaseURL), "/")
	c.Timeout = cmp.Or(c.Timeout, defaultTimeout)
	c.Deployment = cmp.Or(c.Deployment, provisioner.DefaultDeployment)
	c.MaxLifetime = cmp.Or(c.MaxLifetime, defaultMaxLifetime)
	if c.Transport == nil {
		c.Transport = http.DefaultTransport
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

func (c Config) validate() error {
	var faults []error
	if u, err := url.Parse(c.BaseURL); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		faults = append(faults, fmt.Errorf("the base URL %q is not an http(s) URL", c.BaseURL))
	}
	if c.Timeout < 0 {
		faults = append(faults, errors.New("the timeout is negative"))
	}
	return errors.Join(faults...)
}
