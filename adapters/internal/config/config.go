package config

import (
	"context"
	"log/slog"
	"time"

	"github.com/datawire/github-runner-provisioner/awsrunner"
	"github.com/datawire/github-runner-provisioner/codemagic"
	"github.com/datawire/github-runner-provisioner/provisioner"
)

// Config is every setting of the service, valid and with its defaults filled in.
type Config struct {
	// GitHub holds either Token or AppID and AppPrivateKey.
	GitHub struct {
		Token         provisioner.Secret
		AppID         int64
		AppPrivateKey provisioner.Secret // RSA, PEM
		APIURL        string             // the REST root, without a slash at the end
	}
	Webhook struct {
		Token         provisioner.Secret
		PreviousToken provisioner.Secret // zero if none
		Path          string
		MaxBody       int64 // the most bytes that a delivery may have, at least 1
		// Repositories are [path.Match] patterns over owner/repo, each with exactly one slash. None
		// allows every repository.
		Repositories []string
		// Hooks are owner/repo/ID or org/ID.
		Hooks []string
	}
	Codemagic struct {
		Token  provisioner.Secret // zero if no runner type uses Codemagic
		APIURL string             // without a slash at the end
	}
	ListenAddr string // host:port
	// QueueURL is "memory:", "sqlite://FILE" or the http(s) URL of an SQS queue.
	QueueURL string
	// ReconcileInterval is at least a second, or 0 for no reconciler.
	ReconcileInterval time.Duration
	// Deployment is "" when it is to be made from the queue.
	Deployment provisioner.Deployment
	Admin      Admin
	Report     string // ReportOff, ReportStatus or ReportCheck
	LogLevel   slog.Level
	LogFormat  string // json or text
	// Runners are the runner types, at least one, in the order of the catalogue: the first that
	// fits a job serves it.
	Runners []Runner
	// Warnings are sentences about what is no fault and yet probably not what was meant, for the
	// log. They hold no values.
	Warnings []string
}

// The values of Report.
const (
	ReportOff    = "off"
	ReportStatus = "status"
	ReportCheck  = "check"
)

// Admin is where people and programs look at what the service does.
type Admin struct {
	Addr  string             // host:port; empty if nowhere
	Token provisioner.Secret // zero only if Addr is a loopback address or empty
}

// Runner is a runner type with the settings of its provider: AWS or Codemagic, whichever
// RunnerType.Provider names; the other is nil.
type Runner struct {
	provisioner.RunnerType
	AWS       *awsrunner.Settings
	Codemagic *codemagic.Settings
}

// The values of a runner type's Provider.
const (
	ProviderAWS       = "aws"
	ProviderCodemagic = codemagic.Name
)

// Load reads the settings from environ, secrets that are references through secrets (nil means
// [AWSSecrets]), and the files that the settings name. Only fetching secrets uses the network.
// Blanks around values do not count, and a variable that is empty is not set. The error names every
// fault.
//
// A region that environ lacks is looked for where the AWS SDK will look for it: the process's own
// environment and the shared config files.
func Load(ctx context.Context, environ map[string]string, secrets SecretSource) (*Config, error) {
	if secrets == nil {
		secrets = AWSSecrets()
	}
	v, f, err := parse(environ)
	if err != nil {
		return nil, err
	}
	v.fetchSecrets(ctx, secrets, f)
	cfg := &Config{}
	v.github(cfg, f)
	v.webhook(cfg, f)
	v.server(cfg, f)
	v.runners(cfg, f)
	v.region(ctx, cfg, f)
	if err := f.err(); err != nil {
		return nil, err
	}
	cfg.Warnings = f.warnings()
	return cfg, nil
}
