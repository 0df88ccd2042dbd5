package config

import (
	"os"
	"time"

	"github.com/datawire/github-runner-provisioner/awsrunner"
	"github.com/datawire/github-runner-provisioner/codemagic"
	"github.com/datawire/github-runner-provisioner/provisioner"
)

// What the catalogue leaves out.
const (
	defaultGroup                 = "Default"
	defaultMaxLifetime           = 6 * time.Hour
	defaultBootDeadlineAWS       = 5 * time.Minute
	defaultBootDeadlineCodemagic = 15 * time.Minute
)

// runners reads the catalogue, or takes the built-in types, and checks the variables that only some
// types need.
func (v *variables) runners(cfg *Config, f *faults) {
	cfg.Codemagic.Token = v.CodemagicToken
	cfg.Codemagic.APIURL = rootURL("CODEMAGIC_API_URL", v.CodemagicAPIURL, f)
	if v.RunnersFile == "" {
		if v.CodemagicAppID == "" {
			f.missing("CODEMAGIC_APP_ID", "the built-in runner type macOS-arm64 runs in a Codemagic app; "+
				"set its id, or RUNNERS_FILE to a catalogue of your own runner types")
		}
		cfg.Runners = v.builtIn()
	} else {
		cfg.Runners = v.catalogue(f)
	}
	checkHeader("CODEMAGIC_TOKEN", v.CodemagicToken, f)
	if t := firstOf(cfg.Runners, ProviderCodemagic); t != "" && v.CodemagicToken.IsZero() {
		f.missing("CODEMAGIC_TOKEN", "the runner type %s runs at Codemagic; set it to an access token of its API", t)
	}
}

func (v *variables) catalogue(f *faults) []Runner {
	b, err := os.ReadFile(v.RunnersFile)
	if err != nil {
		f.add("RUNNERS_FILE", "%s can't be read: %v", quote(v.RunnersFile), cause(err))
		return nil
	}
	types, wrong := parseCatalogue(v.RunnersFile, b)
	for _, w := range wrong {
		f.add("RUNNERS_FILE", "%s", w)
	}
	return types
}

// builtIn are the runner types of a service without a catalogue.
func (v *variables) builtIn() []Runner {
	return []Runner{
		{
			RunnerType: provisioner.RunnerType{
				Name: "ubuntu-arm64", Labels: []string{"self-hosted", "linux", "arm64", "ubuntu-arm64"}, Provider: ProviderAWS,
				Scope: provisioner.ScopeRepository, Group: defaultGroup, MaxLifetime: defaultMaxLifetime, BootDeadline: defaultBootDeadlineAWS,
			},
			AWS: &awsrunner.Settings{
				Image:         "resolve:ssm:/aws/service/canonical/ubuntu/server/24.04/stable/current/arm64/hvm/ebs-gp3/ami-id",
				InstanceTypes: []string{"t4g.xlarge", "m7g.xlarge"},
			},
		},
		{
			RunnerType: provisioner.RunnerType{
				Name: "macOS-arm64", Labels: []string{"self-hosted", "macOS", "arm64", "macOS-arm64"}, Provider: ProviderCodemagic,
				Scope: provisioner.ScopeRepository, Group: defaultGroup, MaxLifetime: defaultMaxLifetime, BootDeadline: defaultBootDeadlineCodemagic,
			},
			Codemagic: &codemagic.Settings{
				AppID: v.CodemagicAppID, WorkflowID: v.CodemagicWorkflowID, Branch: v.CodemagicBranch, InstanceType: "mac_mini_m2",
			},
		},
	}
}

// firstOf returns the name of the first type of a provider, "" if there is none.
func firstOf(runners []Runner, provider string) string {
	for _, r := range runners {
		if r.Provider == provider {
			return r.Name
		}
	}
	return ""
}
