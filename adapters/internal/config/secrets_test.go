package config_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/datawire/github-runner-provisioner/adapters/internal/config"
	"github.com/datawire/github-runner-provisioner/provisioner"
)

// vault is a secret source of known secrets that counts what it is asked for.
type vault struct {
	secrets map[string]string
	slow    time.Duration

	mu    sync.Mutex
	asked map[string]int
}

func (v *vault) Secret(_ context.Context, ref string) (provisioner.Secret, error) {
	v.mu.Lock()
	if v.asked == nil {
		v.asked = map[string]int{}
	}
	v.asked[ref]++
	v.mu.Unlock()
	time.Sleep(v.slow)
	s, ok := v.secrets[ref]
	if !ok {
		return provisioner.Secret{}, fmt.Errorf("nothing is known\nof %s", ref)
	}
	return provisioner.NewSecret(s), nil
}

func TestEverySecretMayBeAReference(t *testing.T) {
	alone(t)
	key := rsaPEM(t)
	v := &vault{secrets: map[string]string{
		"ssm:/app/key": key, "secretsmanager:webhook": "hook", "ssm:/webhook/old": "old\n", "ssm:codemagic": "cm", "ssm:page": "page",
	}}
	environ := enough(map[string]string{
		"GITHUB_TOKEN": "", "GITHUB_APP_ID": "1", "GITHUB_APP_PRIVATE_KEY": "ssm:/app/key", "WEBHOOK_TOKEN": " secretsmanager:webhook ",
		"WEBHOOK_TOKEN_PREVIOUS": "ssm:/webhook/old", "CODEMAGIC_TOKEN": "ssm:codemagic", "ADMIN_ADDR": ":1", "ADMIN_TOKEN": "ssm:page",
	})
	cfg, err := config.Load(t.Context(), environ, v)
	if err != nil {
		t.Fatal(err)
	}
	for want, got := range map[string]provisioner.Secret{
		strings.TrimSpace(key): cfg.GitHub.AppPrivateKey, "hook": cfg.Webhook.Token, "old": cfg.Webhook.PreviousToken, "cm": cfg.Codemagic.Token, "page": cfg.Admin.Token,
	} {
		if got.Reveal() != want {
			t.Errorf("got %q, want %q", got.Reveal(), want)
		}
	}
	v.secrets["ssm:/token"] = "ghp_1"
	cfg, err = config.Load(t.Context(), enough(map[string]string{"GITHUB_TOKEN": "ssm:/token"}), v)
	if err != nil || cfg.GitHub.Token.Reveal() != "ghp_1" {
		t.Errorf("got %v, %v", cfg, err)
	}
}

func TestOfflineAReferenceIsTakenOnTrust(t *testing.T) {
	alone(t)
	if _, err := config.Load(t.Context(), enough(map[string]string{
		"GITHUB_TOKEN": "", "GITHUB_APP_ID": "1", "GITHUB_APP_PRIVATE_KEY": "ssm:/app/key", "WEBHOOK_TOKEN": "secretsmanager:webhook", "CODEMAGIC_TOKEN": "ssm:codemagic",
	}), config.Offline{}); err != nil {
		t.Error(err)
	}
	_, err := config.Load(t.Context(), enough(map[string]string{"GITHUB_TOKEN": "ssm:/token", "LISTEN_ADDR": "8080"}), config.Offline{})
	if err == nil || !strings.Contains(err.Error(), "LISTEN_ADDR: ") || strings.Contains(err.Error(), "GITHUB_TOKEN") {
		t.Errorf("what this machine can tell is told: %v", err)
	}
}

func TestAReferenceIsFetchedOnceAndAllAtTheSameTime(t *testing.T) {
	alone(t)
	synctest.Test(t, func(t *testing.T) {
		v := &vault{secrets: map[string]string{"ssm:/a": "a", "ssm:/b": "b"}, slow: time.Second}
		start := time.Now()
		_, err := config.Load(t.Context(), enough(map[string]string{"GITHUB_TOKEN": "ssm:/a", "CODEMAGIC_TOKEN": "ssm:/b", "WEBHOOK_TOKEN": "ssm:/a"}), v)
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took != time.Second {
			t.Errorf("took %s, want the time of one", took)
		}
		if !maps.Equal(v.asked, map[string]int{"ssm:/a": 1, "ssm:/b": 1}) {
			t.Errorf("asked for %v, want each once", v.asked)
		}
	})
}

func TestSecretsThatCannotBeFetchedAreReportedTogether(t *testing.T) {
	alone(t)
	v := &vault{secrets: map[string]string{"ssm:/blank": " \n", "ssm:/broken": "top secret", "ssm:/no/key": "S3cretButNoKey"}}
	environ := enough(map[string]string{
		"GITHUB_TOKEN": "ssm:/missing", "WEBHOOK_TOKEN": "secretsmanager:", "WEBHOOK_TOKEN_PREVIOUS": "ssm:/blank", "CODEMAGIC_TOKEN": "ssm:/broken",
	})
	_, err := config.Load(t.Context(), environ, v)
	want := `4 faults in the settings:
  GITHUB_TOKEN: can't be fetched from "ssm:/missing": nothing is known of ssm:/missing
  WEBHOOK_TOKEN: can't be fetched from "secretsmanager:": the reference has no name: write ssm:/parameter/name or secretsmanager:name
  WEBHOOK_TOKEN_PREVIOUS: can't be fetched from "ssm:/blank": it is empty there
  CODEMAGIC_TOKEN: not a token: it has blanks, line breaks or characters beyond ASCII in it`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}

	_, err = config.Load(t.Context(), enough(app("1", "ssm:/no/key")), v)
	if err == nil || !strings.Contains(err.Error(), "GITHUB_APP_PRIVATE_KEY: not a private key in PEM form") || strings.Contains(err.Error(), "S3cret") {
		t.Errorf("got %v", err)
	}
	_, err = config.Load(t.Context(), enough(app("1", "ssm:/missing")), v)
	if err == nil || strings.Count(err.Error(), "GITHUB_APP_PRIVATE_KEY:") != 1 {
		t.Errorf("want one fault of a key that can't be fetched, got %v", err)
	}
}

func TestNoErrorShowsASecretWhateverElseIsWrong(t *testing.T) {
	alone(t)
	secrets := map[string]string{
		"GITHUB_TOKEN": "ghp_\x00T0p", "GITHUB_APP_PRIVATE_KEY": "-----BEGIN RSA PRIVATE KEY-----\nS3cretKeyMaterial\n-----END RSA PRIVATE KEY-----",
		"WEBHOOK_TOKEN": "S3cretOfTheWebhook", "WEBHOOK_TOKEN_PREVIOUS": "S3cretOfYesterday", "CODEMAGIC_TOKEN": "S3cret of Codemagic",
	}
	for variable, text := range secrets {
		t.Run(variable, func(t *testing.T) {
			environ := maps.Clone(secrets)
			maps.Copy(environ, map[string]string{
				"GITHUB_APP_ID": text, "GITHUB_API_URL": "https://user:" + text + "@host", "CODEMAGIC_API_URL": text, "QUEUE_URL": "https://a:" + text + "@sqs/x",
			})
			_, err := config.Load(t.Context(), environ, &vault{})
			if err == nil {
				t.Fatal("no error")
			}
			for _, part := range []string{"S3cret", "T0p"} {
				if strings.Contains(err.Error(), part) {
					t.Errorf("%q is in the error:\n%v", part, err)
				}
			}
		})
	}
}

func TestLoadStopsFetchingWhenItsContextEnds(t *testing.T) {
	alone(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := config.Load(ctx, enough(map[string]string{"GITHUB_TOKEN": "ssm:/a"}), sourceFunc(func(ctx context.Context, _ string) (provisioner.Secret, error) {
		if ctx.Err() == nil {
			return provisioner.Secret{}, errors.New("the context is alive")
		}
		return provisioner.Secret{}, ctx.Err()
	}))
	if err == nil || !strings.Contains(err.Error(), `GITHUB_TOKEN: can't be fetched from "ssm:/a": context canceled`) {
		t.Errorf("got %v", err)
	}
}

type sourceFunc func(ctx context.Context, ref string) (provisioner.Secret, error)

func (f sourceFunc) Secret(ctx context.Context, ref string) (provisioner.Secret, error) {
	return f(ctx, ref)
}
