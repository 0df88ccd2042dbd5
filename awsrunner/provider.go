package awsrunner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"golang.org/x/time/rate"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// EC2 is the part of EC2's API that is used; *ec2.Client has it.
type EC2 interface {
	RunInstances(ctx context.Context, in *ec2.RunInstancesInput, o ...func(*ec2.Options)) (*ec2.RunInstancesOutput, error)
	DescribeInstances(ctx context.Context, in *ec2.DescribeInstancesInput, o ...func(*ec2.Options)) (*ec2.DescribeInstancesOutput, error)
	TerminateInstances(ctx context.Context, in *ec2.TerminateInstancesInput, o ...func(*ec2.Options)) (*ec2.TerminateInstancesOutput, error)
}

// Downloads tells which release of GitHub's runner to install; provisioner/github's Client does.
// The operating system is linux or osx, the architecture x64 or arm64, as GitHub spells them.
type Downloads interface {
	RunnerDownload(ctx context.Context, t provisioner.Target, os, arch string) (provisioner.RunnerDownload, error)
	// RunnerDeprecation tells when GitHub stops accepting a version: zero if it does not say,
	// provisioner.ErrNotFound if it does not know the version.
	RunnerDeprecation(ctx context.Context, t provisioner.Target, version string) (time.Time, error)
}

// Config holds what a [Provider] can do without. The zero value means the defaults.
type Config struct {
	// LaunchesPerSecond and LaunchBurst are the token bucket in front of RunInstances. They default
	// to EC2's own, 2 and 5.
	LaunchesPerSecond float64
	LaunchBurst       int
	// Deployment sets this installation's machines apart from another's. Defaults to
	// [provisioner.DefaultDeployment].
	Deployment provisioner.Deployment
	// Parameter returns the value of an SSM parameter. [Provider.Check] alone asks, about images
	// that are given as resolve:ssm:NAME; without it, it does not look at those.
	Parameter func(ctx context.Context, name string) (string, error)
	// Logger defaults to none.
	Logger *slog.Logger
}

// Provider starts EC2 instances. It is safe for concurrent use.
type Provider struct {
	client    EC2
	downloads Downloads
	types     map[string]Settings
	bucket    *rate.Limiter
	full      fullPlaces
	log       *slog.Logger

	deployment provisioner.Deployment
	parameter  func(ctx context.Context, name string) (string, error)

	mu     sync.Mutex
	warned map[string]time.Time // when a runner type's pinned release was last looked at
}

var (
	_ provisioner.Provider   = (*Provider)(nil)
	_ provisioner.Planner    = (*Provider)(nil)
	_ provisioner.Finder     = (*Provider)(nil)
	_ provisioner.Lister     = (*Provider)(nil)
	_ provisioner.Terminator = (*Provider)(nil)
	_ EC2                    = (*ec2.Client)(nil)
)

// New returns a provider for runner types, by their names. It reports all faults at once.
func New(client EC2, downloads Downloads, types map[string]Settings, cfg Config) (*Provider, error) {
	var faults []error
	if client == nil || downloads == nil {
		faults = append(faults, errors.New("no client or no downloads"))
	}
	p := &Provider{
		client: client, downloads: downloads, types: make(map[string]Settings, len(types)), log: cfg.Logger, warned: make(map[string]time.Time),
		deployment: cmp.Or(cfg.Deployment, provisioner.DefaultDeployment), parameter: cfg.Parameter,
		bucket: rate.NewLimiter(rate.Limit(cmp.Or(cfg.LaunchesPerSecond, 2)), cmp.Or(cfg.LaunchBurst, 5)),
	}
	if p.log == nil {
		p.log = slog.New(slog.DiscardHandler)
	}
	if err := p.deployment.Validate(); err != nil {
		faults = append(faults, err)
	}
	for name, s := range types {
		s = s.withDefaults()
		if err := s.validate(); err != nil {
			faults = append(faults, fmt.Errorf("runner type %q: %w", name, err))
		}
		p.types[name] = s
	}
	slices.SortFunc(faults, func(a, b error) int { return cmp.Compare(a.Error(), b.Error()) })
	if err := errors.Join(faults...); err != nil {
		return nil, fmt.Errorf("awsrunner: %w", err)
	}
	return p, nil
}

func (p *Provider) settings(t provisioner.RunnerType) (Settings, error) {
	s, ok := p.types[t.Name]
	if !ok {
		return Settings{}, fmt.Errorf("aws: there are no settings for the runner type %q: %w", t.Name, provisioner.ErrRefused)
	}
	return s, nil
}
