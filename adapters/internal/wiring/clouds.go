package wiring

import (
	"context"
	"log/slog"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/datawire/github-runner-provisioner/adapters/internal/config"
	"github.com/datawire/github-runner-provisioner/awsrunner"
	"github.com/datawire/github-runner-provisioner/codemagic"
	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/github"
)

func newGitHub(cfg *config.Config, log *slog.Logger) (*github.Client, provisioner.Registrar, error) {
	c := github.Config{BaseURL: cfg.GitHub.APIURL, Token: cfg.GitHub.Token, Logger: log}
	if cfg.GitHub.AppID != 0 {
		c.App = &github.App{ID: cfg.GitHub.AppID, PrivateKey: cfg.GitHub.AppPrivateKey}
	}
	client, err := github.New(c)
	return client, client, err
}

// Providers are the clouds that the catalogue uses, by name.
type Providers map[string]provisioner.Provider

func newProviders(cfg *config.Config, gh *github.Client, d provisioner.Deployment, log *slog.Logger) (Providers, error) {
	instances, builds := map[string]awsrunner.Settings{}, map[string]codemagic.Settings{}
	var longest time.Duration
	for _, r := range cfg.Runners {
		if r.AWS != nil {
			instances[r.Name] = *r.AWS
		}
		if r.Codemagic != nil {
			builds[r.Name] = *r.Codemagic
			longest = max(longest, r.MaxLifetime)
		}
	}
	p := Providers{}
	if len(instances) > 0 {
		sdk, err := LoadAWS()
		if err != nil {
			return nil, err
		}
		c := awsrunner.Config{Deployment: d, Logger: log, Parameter: func(ctx context.Context, name string) (string, error) {
			out, err := ssm.NewFromConfig(sdk).GetParameter(ctx, &ssm.GetParameterInput{Name: &name})
			if err != nil || out.Parameter == nil {
				return "", err
			}
			return aws.ToString(out.Parameter.Value), nil
		}}
		if p[awsrunner.Name], err = awsrunner.New(ec2.NewFromConfig(sdk), gh, instances, c); err != nil {
			return nil, err
		}
	}
	if len(builds) > 0 {
		c := codemagic.Config{BaseURL: cfg.Codemagic.APIURL, Deployment: d, MaxLifetime: longest, Downloads: gh, Logger: log}
		client, err := codemagic.NewClient(cfg.Codemagic.Token, c)
		if err != nil {
			return nil, err
		}
		if p[codemagic.Name], err = codemagic.New(client, builds, c); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// listers are the providers that can list their machines.
func (p Providers) listers() map[string]provisioner.Lister {
	listers := make(map[string]provisioner.Lister, len(p))
	for name, provider := range p {
		if l, ok := provider.(provisioner.Lister); ok {
			listers[name] = l
		}
	}
	return listers
}
