package config

import (
	"fmt"
	"strings"

	"github.com/caarlos0/env/v10"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// variables are the environment variables as text, in the order in which they are documented and
// faults are reported. Checking and converting is done elsewhere: the parser's own errors quote the
// values, which may be secrets.
type variables struct {
	GitHubToken             provisioner.Secret `env:"GITHUB_TOKEN"`
	GitHubAppID             string             `env:"GITHUB_APP_ID"`
	GitHubAppPrivateKey     provisioner.Secret `env:"GITHUB_APP_PRIVATE_KEY"`
	GitHubAppPrivateKeyFile string             `env:"GITHUB_APP_PRIVATE_KEY_FILE"`
	GitHubAPIURL            string             `env:"GITHUB_API_URL" envDefault:"https://api.github.com"`
	WebhookToken            provisioner.Secret `env:"WEBHOOK_TOKEN"`
	WebhookTokenPrevious    provisioner.Secret `env:"WEBHOOK_TOKEN_PREVIOUS"`
	CodemagicToken          provisioner.Secret `env:"CODEMAGIC_TOKEN"`
	CodemagicAppID          string             `env:"CODEMAGIC_APP_ID"`
	CodemagicWorkflowID     string             `env:"CODEMAGIC_WORKFLOW_ID" envDefault:"github-runner"`
	CodemagicBranch         string             `env:"CODEMAGIC_BRANCH" envDefault:"main"`
	CodemagicAPIURL         string             `env:"CODEMAGIC_API_URL" envDefault:"https://api.codemagic.io"`
	AWSRegion               string             `env:"AWS_REGION"`
	AWSDefaultRegion        string             `env:"AWS_DEFAULT_REGION"`
	AWSProfile              string             `env:"AWS_PROFILE"`
	AWSConfigFile           string             `env:"AWS_CONFIG_FILE"`
	RunnersFile             string             `env:"RUNNERS_FILE"`
	ListenAddr              string             `env:"LISTEN_ADDR" envDefault:":8080"`
	WebhookPath             string             `env:"WEBHOOK_PATH" envDefault:"/webhook"`
	MaxBodyBytes            string             `env:"MAX_BODY_BYTES" envDefault:"26214400"`
	QueueURL                string             `env:"QUEUE_URL" envDefault:"sqlite://runner-provisioner.db"`
	Repositories            string             `env:"REPOSITORIES"`
	ReconcileInterval       string             `env:"RECONCILE_INTERVAL" envDefault:"1m"`
	Report                  string             `env:"REPORT" envDefault:"off"`
	WebhookHook             string             `env:"WEBHOOK_HOOK"`
	Deployment              string             `env:"DEPLOYMENT"`
	AdminAddr               string             `env:"ADMIN_ADDR"`
	AdminToken              provisioner.Secret `env:"ADMIN_TOKEN"`
	LogLevel                string             `env:"LOG_LEVEL" envDefault:"info"`
	LogFormat               string             `env:"LOG_FORMAT" envDefault:"json"`
}

// parse reads the variables, and prepares the list of what is wrong with them. Its error is a fault
// of this package, not of the environment.
func parse(environ map[string]string) (*variables, *faults, error) {
	v := &variables{}
	fields, err := env.GetFieldParamsWithOptions(v, env.Options{Environment: map[string]string{}})
	if err != nil {
		return nil, nil, fmt.Errorf("environment: %w", err)
	}
	f := &faults{order: make([]string, 0, len(fields))}
	trimmed := make(map[string]string, len(fields))
	for _, field := range fields {
		f.order = append(f.order, field.Key)
		trimmed[field.Key] = strings.TrimSpace(environ[field.Key])
	}
	f.misspelt = findMisspelt(environ, f.order)
	if err := env.ParseWithOptions(v, env.Options{Environment: trimmed}); err != nil {
		return nil, nil, fmt.Errorf("environment: %w", err)
	}
	return v, f, nil
}
