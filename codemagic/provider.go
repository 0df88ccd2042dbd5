package codemagic

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// Name is the provider's name in catalogues, machines and logs.
const Name = "codemagic"

// Provider runs a job as a Codemagic build. It is safe for concurrent use.
type Provider struct {
	client      *Client
	types       map[string]Settings
	deployment  provisioner.Deployment
	maxLifetime time.Duration
	downloads   Downloads
	log         *slog.Logger

	mu       sync.Mutex
	releases map[provisioner.Target]provisioner.RunnerDownload // the last one found for each, in case the next look-up fails
}

var (
	_ provisioner.Provider   = (*Provider)(nil)
	_ provisioner.Planner    = (*Provider)(nil)
	_ provisioner.Finder     = (*Provider)(nil)
	_ provisioner.Lister     = (*Provider)(nil)
	_ provisioner.Terminator = (*Provider)(nil)
)

// New returns a provider for these runner types, by name. Of cfg it uses Deployment, MaxLifetime,
// Downloads and Logger; the rest is the client's.
func New(client *Client, types map[string]Settings, cfg Config) (*Provider, error) {
	cfg = cfg.withDefaults()
	p := &Provider{
		client: client, types: make(map[string]Settings, len(types)), deployment: cfg.Deployment, maxLifetime: cfg.MaxLifetime,
		downloads: cfg.Downloads, log: cfg.Logger.With("provider", Name), releases: map[provisioner.Target]provisioner.RunnerDownload{},
	}
	var faults []error
	if client == nil {
		faults = append(faults, errors.New("no client"))
	}
	if err := cfg.Deployment.Validate(); err != nil {
		faults = append(faults, err)
	}
	if cfg.MaxLifetime < 0 {
		faults = append(faults, errors.New("the longest lifetime is negative"))
	}
	for _, name := range slices.Sorted(maps.Keys(types)) {
		s := types[name].withDefaults()
		if err := s.validate(); err != nil {
			faults = append(faults, fmt.Errorf("runner type %q: %w", name, err))
		}
		p.types[name] = s
	}
	if err := errors.Join(faults...); err != nil {
		return nil, fmt.Errorf("codemagic: %w", err)
	}
	return p, nil
}

func (p *Provider) settings(runnerType string) (Settings, error) {
	s, ok := p.types[runnerType]
	if !ok {
		return Settings{}, fmt.Errorf("runner type %q has no Codemagic settings: %w", runnerType, provisioner.ErrRefused)
	}
	return s, nil
}
