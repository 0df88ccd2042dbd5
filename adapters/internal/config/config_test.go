package config_test

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/datawire/github-runner-provisioner/adapters/internal/config"
	"github.com/datawire/github-runner-provisioner/awsrunner"
	"github.com/datawire/github-runner-provisioner/codemagic"
	"github.com/datawire/github-runner-provisioner/provisioner"
)

// alone keeps the machine's own AWS settings out of a test.
func alone(t *testing.T) {
	t.Helper()
	for _, variable := range os.Environ() {
		if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "AWS_") {
			t.Setenv(name, "")
		}
	}
	nowhere := filepath.Join(t.TempDir(), "none")
	t.Setenv("AWS_CONFIG_FILE", nowhere)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", nowhere)
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
}

// enough is the least that a service with the built-in types needs, with changes.
func enough(changes map[string]string) map[string]string {
	environ := map[string]string{
		"GITHUB_TOKEN": "ghp_T0kenOfTests", "WEBHOOK_TOKEN": "webhook-S3cret", "CODEMAGIC_TOKEN": "codemagic-T0ken", "CODEMAGIC_APP_ID": "app1",
		"AWS_REGION": "eu-west-1",
	}
	maps.Copy(environ, changes)
	return environ
}

func load(t *testing.T, environ map[string]string) (*config.Config, error) {
	t.Helper()
	return config.Load(t.Context(), environ, noSecrets{})
}

// noSecrets fails a test that should not need any reference.
type noSecrets struct{}

func (noSecrets) Secret(context.Context, string) (provisioner.Secret, error) {
	return provisioner.Secret{}, errors.New("this test has no secrets")
}

// defaults is what enough(nil) means.
func defaults() *config.Config {
	want := &config.Config{
		ListenAddr: ":8080", QueueURL: "sqlite://runner-provisioner.db", ReconcileInterval: time.Minute, LogLevel: slog.LevelInfo, LogFormat: "json", Report: "off",
		Runners: []config.Runner{
			{
				RunnerType: provisioner.RunnerType{
					Name: "ubuntu-arm64", Labels: []string{"self-hosted", "linux", "arm64", "ubuntu-arm64"}, Provider: "aws",
					Scope: "repo", Group: "Default", MaxLifetime: 6 * time.Hour, BootDeadline: 5 * time.Minute,
				},
				AWS: &awsrunner.Settings{
					Image:         "resolve:ssm:/aws/service/canonical/ubuntu/server/24.04/stable/current/arm64/hvm/ebs-gp3/ami-id",
					InstanceTypes: []string{"t4g.xlarge", "m7g.xlarge"},
				},
			},
			{
				RunnerType: provisioner.RunnerType{
					Name: "macOS-arm64", Labels: []string{"self-hosted", "macOS", "arm64", "macOS-arm64"}, Provider: "codemagic",
					Scope: "repo", Group: "Default", MaxLifetime: 6 * time.Hour, BootDeadline: 15 * time.Minute,
				},
				Codemagic: &codemagic.Settings{AppID: "app1", WorkflowID: "github-runner", Branch: "main", InstanceType: "mac_mini_m2"},
			},
		},
	}
	want.GitHub.Token, want.GitHub.APIURL = provisioner.NewSecret("ghp_T0kenOfTests"), "https://api.github.com"
	want.Webhook.Token, want.Webhook.Path = provisioner.NewSecret("webhook-S3cret"), "/webhook"
	want.Webhook.MaxBody = 26214400
	want.Codemagic.Token, want.Codemagic.APIURL = provisioner.NewSecret("codemagic-T0ken"), "https://api.codemagic.io"
	return want
}

func TestTheLeastSettingsGiveTheDocumentedDefaults(t *testing.T) {
	alone(t)
	got, err := load(t, enough(nil))
	if err != nil {
		t.Fatal(err)
	}
	want := defaults()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestEverySettingIsHonoured(t *testing.T) {
	alone(t)
	key := filepath.Join(t.TempDir(), "app.pem")
	if err := os.WriteFile(key, []byte(rsaPEM(t)), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := load(t, enough(map[string]string{
		"GITHUB_TOKEN": " ", "GITHUB_APP_ID": "42", "GITHUB_APP_PRIVATE_KEY_FILE": key, "GITHUB_API_URL": " https://ghes.example/api/v3// ",
		"WEBHOOK_TOKEN": " a b\n", "WEBHOOK_TOKEN_PREVIOUS": "old", "CODEMAGIC_WORKFLOW_ID": "w", "CODEMAGIC_BRANCH": "b",
		"CODEMAGIC_API_URL": "http://127.0.0.1:9/", "LISTEN_ADDR": "127.0.0.1:0", "WEBHOOK_PATH": "/github/hook", "QUEUE_URL": "memory:",
		"REPOSITORIES": "acme/*, acme/*,,other/[a-c]x?", "RECONCILE_INTERVAL": "0", "WEBHOOK_HOOK": "acme/repo/7, acme/9,", "LOG_LEVEL": "WARN", "LOG_FORMAT": "Text",
		"MAX_BODY_BYTES": "65536", "ADMIN_ADDR": ":9090", "ADMIN_TOKEN": " page ", "REPORT": "Check",
	}))
	if err != nil {
		t.Fatal(err)
	}
	want := defaults()
	want.GitHub.Token, want.GitHub.AppID, want.GitHub.AppPrivateKey = provisioner.Secret{}, 42, provisioner.NewSecret(strings.TrimSpace(rsaPEM(t)))
	want.GitHub.APIURL = "https://ghes.example/api/v3"
	want.Webhook.Token, want.Webhook.PreviousToken, want.Webhook.Path = provisioner.NewSecret("a b"), provisioner.NewSecret("old"), "/github/hook"
	want.Webhook.Repositories, want.Webhook.Hooks = []string{"acme/*", "other/[a-c]x?"}, []string{"acme/repo/7", "acme/9"}
	want.Webhook.MaxBody, want.Report = 65536, "check"
	want.Admin = config.Admin{Addr: ":9090", Token: provisioner.NewSecret("page")}
	want.Codemagic.APIURL = "http://127.0.0.1:9"
	want.ListenAddr, want.QueueURL, want.ReconcileInterval = "127.0.0.1:0", "memory:", 0
	want.LogLevel, want.LogFormat = slog.LevelWarn, "text"
	want.Runners[1].Codemagic = &codemagic.Settings{AppID: "app1", WorkflowID: "w", Branch: "b", InstanceType: "mac_mini_m2"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
