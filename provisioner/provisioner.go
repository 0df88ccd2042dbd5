package provisioner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/datawire/github-runner-provisioner/labels"
)

var _ labels.Matcher = (*Provisioner)(nil)

// Config holds what a [Provisioner] can do without. The zero value means the defaults.
type Config struct {
	// Jobs tells whether a job still waits. Defaults to the registrar, if it implements Jobs;
	// otherwise repeated attempts take for granted that it does.
	Jobs Jobs
	// Observer hears what happened. Defaults to nobody.
	Observer Observer
	// Grace is how long a registration without a machine is left alone before it is taken for dead:
	// the time that clouds' lists lag, and that another process may need between registering and
	// launching. Defaults to 20 s. A short one costs money, never safety.
	Grace time.Duration
	// Deployment names this installation; see [Deployment]. Defaults to [DefaultDeployment].
	Deployment Deployment
}

// Provisioner provides machines for jobs. It is safe for concurrent use and holds no state between
// calls.
type Provisioner struct {
	table     *labels.Table
	order     []string
	types     map[string]RunnerType
	providers map[string]Provider
	registrar Registrar
	jobs      Jobs
	observer  Observer
	grace     time.Duration

	deployment Deployment
}

// NewTable returns the table that matches a job's labels to these runner types, the first that
// fits. [New] makes one for itself; it is exported for those who only match.
func NewTable(types []RunnerType) (*labels.Table, error) {
	entries := make([]labels.Entry, 0, len(types))
	for _, t := range types {
		entries = append(entries, labels.Entry{Name: t.Name, Labels: t.Labels})
	}
	return labels.NewTable(entries...)
}

// New returns a Provisioner for the runner types, of which the first whose labels fit a job serves
// it. It reports all faults in types at once.
func New(types []RunnerType, providers map[string]Provider, registrar Registrar, cfg Config) (*Provisioner, error) {
	p := &Provisioner{
		types: make(map[string]RunnerType, len(types)), providers: providers, registrar: registrar,
		jobs: cfg.Jobs, observer: cfg.Observer, grace: cmp.Or(cfg.Grace, 20*time.Second),
		deployment: cmp.Or(cfg.Deployment, DefaultDeployment),
	}
	if p.jobs == nil {
		p.jobs, _ = registrar.(Jobs)
	}
	var faults []error
	if err := p.deployment.Validate(); err != nil {
		faults = append(faults, err)
	}
	if registrar == nil {
		faults = append(faults, errors.New("no registrar"))
	}
	for _, t := range types {
		t = t.withDefaults()
		if _, twice := p.types[t.Name]; twice {
			faults = append(faults, fmt.Errorf("runner type %q: defined twice", t.Name))
		}
		if providers[t.Provider] == nil {
			faults = append(faults, fmt.Errorf("runner type %q: no provider %q", t.Name, t.Provider))
		}
		if err := t.validate(); err != nil {
			faults = append(faults, fmt.Errorf("runner type %q: %w", t.Name, err))
		}
		p.types[t.Name] = t
		p.order = append(p.order, t.Name)
	}
	if len(faults) == 0 {
		table, err := NewTable(types)
		if err != nil {
			faults = append(faults, err)
		}
		p.table = table
	}
	if err := errors.Join(faults...); err != nil {
		return nil, fmt.Errorf("provisioner: %w", err)
	}
	return p, nil
}

// Match returns the name of the runner type that serves a job with these labels. It makes the
// Provisioner a [labels.Matcher].
func (p *Provisioner) Match(labels []string) (runnerType string, ok bool) {
	return p.table.Match(labels)
}

// Explain says which of a job's labels the runner types lack that come nearest to serving it.
func (p *Provisioner) Explain(jobLabels []string) string { return p.table.Explain(jobLabels) }

// Deployment returns the name of this installation.
func (p *Provisioner) Deployment() Deployment { return p.deployment }

// Types returns the runner types in the order given, with their defaults filled in.
func (p *Provisioner) Types() []RunnerType {
	types := make([]RunnerType, 0, len(p.order))
	for _, name := range p.order {
		types = append(types, p.types[name])
	}
	return types
}

// Providers returns the providers by name. The map is not the caller's to change.
func (p *Provisioner) Providers() map[string]Provider { return p.providers }

// TypeFor returns the runner type that serves a job.
func (p *Provisioner) TypeFor(j Job) (RunnerType, error) {
	name, ok := p.table.Match(j.Labels)
	if !ok {
		return RunnerType{}, fmt.Errorf("%s with labels [%s]: %w", j, strings.Join(j.Labels, ", "), ErrNoRunnerType)
	}
	return p.types[name], nil
}

func (p *Provisioner) observe(ctx context.Context, e Event) {
	if p.observer != nil {
		p.observer.Observe(ctx, e)
	}
}

func (t RunnerType) withDefaults() RunnerType {
	t.Scope = cmp.Or(t.Scope, ScopeRepository)
	t.MaxLifetime = cmp.Or(t.MaxLifetime, 6*time.Hour)
	t.BootDeadline = cmp.Or(t.BootDeadline, 5*time.Minute)
	return t
}

func (t RunnerType) validate() error {
	var faults []error
	if t.Name == "" || len(t.Name) > 32 || strings.ContainsFunc(t.Name, func(r rune) bool { return !isNameRune(r) }) {
		faults = append(faults, errors.New("the name must be 1 to 32 characters of A-Z a-z 0-9 . _ -"))
	}
	if len(t.Labels) == 0 || len(t.Labels) > maxLabels {
		faults = append(faults, fmt.Errorf("there must be 1 to %d labels", maxLabels))
	}
	if t.Max < 0 || t.MaxLifetime < 0 || t.BootDeadline < 0 {
		faults = append(faults, errors.New("max, max lifetime and boot deadline can't be negative"))
	}
	if t.Scope != ScopeRepository && t.Scope != ScopeOrganization {
		faults = append(faults, fmt.Errorf("the scope %q is neither %q nor %q", t.Scope, ScopeRepository, ScopeOrganization))
	}
	return errors.Join(faults...)
}
