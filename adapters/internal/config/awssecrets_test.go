package config_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/datawire/github-runner-provisioner/adapters/internal/config"
	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest"
	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest/fakehttp"
)

// fakeAWS answers the two calls that fetch secrets, as SSM and Secrets Manager do in their JSON
// protocol, version 1.1.
func fakeAWS(t *testing.T, calls *atomic.Int32) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		var in struct {
			Name, SecretId string //nolint:revive // AWS's spelling
			WithDecryption bool
		}
		body, err := io.ReadAll(r.Body)
		if err != nil || json.Unmarshal(body, &in) != nil || !strings.Contains(r.Header.Get("Authorization"), "/eu-west-1/") {
			http.Error(w, "bad request", http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		refuse := func(code int, kind, message string) {
			w.WriteHeader(code)
			_ = json.NewEncoder(w).Encode(map[string]string{"__type": kind, "message": message})
		}
		switch target := r.Header.Get("X-Amz-Target"); {
		case in.Name == "/denied" || in.SecretId == "denied":
			refuse(400, "AccessDeniedException", "User: arn:aws:iam::1:user/x is not authorized")
		case in.Name == "/slow":
			refuse(400, "ThrottlingException", "Rate exceeded")
		case target == "AmazonSSM.GetParameter" && in.Name == "/github/token" && in.WithDecryption:
			_, _ = io.WriteString(w, `{"Parameter":{"Name":"/github/token","Type":"SecureString","Value":"ghp_FromSSM"}}`)
		case target == "AmazonSSM.GetParameter":
			refuse(400, "ParameterNotFound", "")
		case target == "secretsmanager.GetSecretValue" && in.SecretId == "webhook":
			_, _ = io.WriteString(w, `{"Name":"webhook","SecretString":"hook-FromManager"}`)
		case target == "secretsmanager.GetSecretValue" && in.SecretId == "bytes":
			_, _ = io.WriteString(w, `{"Name":"bytes","SecretBinary":"UzNjcmV0"}`)
		case target == "secretsmanager.GetSecretValue":
			refuse(400, "ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
		default:
			http.Error(w, "unknown target "+target, http.StatusBadRequest)
		}
	}))
	t.Cleanup(server.Close)
	alone(t)
	t.Setenv("AWS_REGION", "eu-west-1")
	t.Setenv("AWS_ENDPOINT_URL", server.URL)
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDFAKE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "fakefakefake")
	t.Setenv("AWS_MAX_ATTEMPTS", "1")
}

func TestSecretsComeFromAWS(t *testing.T) {
	var calls atomic.Int32
	fakeAWS(t, &calls)
	environ := enough(map[string]string{"GITHUB_TOKEN": "ssm:/github/token", "WEBHOOK_TOKEN": "secretsmanager:webhook"})
	cfg, err := config.Load(t.Context(), environ, config.AWSSecrets())
	if err != nil {
		t.Fatal(err)
	}
	if cfg.GitHub.Token.Reveal() != "ghp_FromSSM" || cfg.Webhook.Token.Reveal() != "hook-FromManager" || calls.Load() != 2 {
		t.Errorf("got %q, %q in %d calls", cfg.GitHub.Token.Reveal(), cfg.Webhook.Token.Reveal(), calls.Load())
	}
}

func TestAWSIsTheDefaultSourceAndLeftAloneWithoutReferences(t *testing.T) {
	var calls atomic.Int32
	fakeAWS(t, &calls)
	if _, err := config.Load(t.Context(), enough(nil), nil); err != nil || calls.Load() != 0 {
		t.Errorf("got %v after %d calls, want none", err, calls.Load())
	}
	cfg, err := config.Load(t.Context(), enough(map[string]string{"GITHUB_TOKEN": "ssm:/github/token"}), nil)
	if err != nil || cfg.GitHub.Token.Reveal() != "ghp_FromSSM" {
		t.Errorf("got %v", err)
	}
}

func TestWhatAWSRefusesIsExplained(t *testing.T) {
	for ref, want := range map[string]string{
		"ssm:/missing":           `GITHUB_TOKEN: can't be fetched from "ssm:/missing": it does not exist in region eu-west-1: `,
		"secretsmanager:missing": `it does not exist in region eu-west-1: `,
		"ssm:/denied":            `access denied, allow ssm:GetParameter and, for a key of your own, kms:Decrypt: `,
		"secretsmanager:denied":  `access denied, allow secretsmanager:GetSecretValue and`,
		"ssm:/slow":              `ThrottlingException: Rate exceeded`,
		"secretsmanager:bytes":   `it is stored as bytes there: store it as text`,
	} {
		t.Run(ref, func(t *testing.T) {
			var calls atomic.Int32
			fakeAWS(t, &calls)
			_, err := config.Load(t.Context(), enough(map[string]string{"GITHUB_TOKEN": ref}), config.AWSSecrets())
			if err == nil || !strings.Contains(err.Error(), want) || strings.Count(err.Error(), "\n") != 1 {
				t.Errorf("want one fault with %q, got %v", want, err)
			}
		})
	}
}

func TestAnAWSThatQuotesTheRequestTellsNoCredential(t *testing.T) {
	var calls atomic.Int32
	fakeAWS(t, &calls)
	session := strings.Repeat("IQoJb3JpZ2luX2VjEJ3+/9aK", 20)
	t.Setenv("AWS_SESSION_TOKEN", session)
	for _, quote := range fakehttp.Quotes() {
		if strings.Contains(quote.Name, "pieces") || strings.Contains(quote.Name, "lines") {
			continue // of no length that a credential has
		}
		t.Run(quote.Name, func(t *testing.T) {
			quoting := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/x-amz-json-1.1")
				w.WriteHeader(http.StatusBadRequest)
				_ = json.NewEncoder(w).Encode(map[string]string{"__type": "InvalidSignatureException", "message": quote.Quote("sent: " + r.Header.Get("X-Amz-Security-Token"))})
			}))
			defer quoting.Close()
			t.Setenv("AWS_ENDPOINT_URL", quoting.URL)
			for _, ref := range []string{"ssm:/github/token", "secretsmanager:webhook"} {
				_, err := config.AWSSecrets().Secret(t.Context(), ref)
				if err == nil || provisionertest.Shows(err.Error(), provisioner.NewSecret(session)) || !strings.Contains(err.Error(), "[redacted]") {
					t.Errorf("%s: %v", ref, err)
				}
			}
		})
	}
}

func TestAWSWithoutSettingsIsExplained(t *testing.T) {
	for name, c := range map[string]struct{ variable, text, want string }{
		"no region":       {"AWS_REGION", "", "no AWS region: set AWS_REGION"},
		"unknown profile": {"AWS_PROFILE", "nobody", "the AWS SDK's settings can't be read: failed to get shared config profile, nobody"},
		"nobody answers":  {"AWS_ENDPOINT_URL_SSM", "http://127.0.0.1:1", "connection refused"},
		"no credentials":  {"AWS_ACCESS_KEY_ID", "", "credentials"},
	} {
		t.Run(name, func(t *testing.T) {
			var calls atomic.Int32
			fakeAWS(t, &calls)
			t.Setenv(c.variable, c.text)
			_, err := config.AWSSecrets().Secret(t.Context(), "ssm:/github/token")
			if err == nil || !strings.Contains(err.Error(), c.want) || calls.Load() != 0 {
				t.Errorf("want %q and no call, got %v after %d", c.want, err, calls.Load())
			}
		})
	}
}

func TestAWSHasNoOtherSecrets(t *testing.T) {
	var calls atomic.Int32
	fakeAWS(t, &calls)
	_, err := config.AWSSecrets().Secret(t.Context(), "vault:x")
	if err == nil || !strings.Contains(err.Error(), "not a reference") || calls.Load() != 0 {
		t.Errorf("got %v after %d calls", err, calls.Load())
	}
}

func TestAWSThatDoesNotAnswerIsGivenUp(t *testing.T) {
	var calls atomic.Int32
	fakeAWS(t, &calls)
	mute := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // the server notices a client that leaves only when it has read the request
		<-r.Context().Done()
	}))
	defer mute.Close()
	t.Setenv("AWS_ENDPOINT_URL", mute.URL)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := config.AWSSecrets().Secret(ctx, "secretsmanager:webhook")
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "no answer in time") {
		t.Errorf("got %v", err)
	}
}
