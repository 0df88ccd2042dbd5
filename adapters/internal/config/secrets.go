package config

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"strings"
	"sync"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// SecretSource fetches secrets that a variable names instead of holding. It is safe for concurrent
// use.
type SecretSource interface {
	// Secret returns the secret of a reference, "ssm:/path" or "secretsmanager:name". Its error
	// says what to mend and never holds the secret.
	Secret(ctx context.Context, ref string) (provisioner.Secret, error)
}

// The schemes of references.
const (
	schemeSSM            = "ssm:"
	schemeSecretsManager = "secretsmanager:"
)

func isReference(s provisioner.Secret) bool {
	return strings.HasPrefix(s.Reveal(), schemeSSM) || strings.HasPrefix(s.Reveal(), schemeSecretsManager)
}

// fetchSecrets replaces every reference by its secret: each once, all at the same time. The
// variable of one that can't be fetched keeps the reference, and is marked by its fault.
func (v *variables) fetchSecrets(ctx context.Context, source SecretSource, f *faults) {
	holders := []struct {
		variable string
		secret   *provisioner.Secret
	}{
		{"GITHUB_TOKEN", &v.GitHubToken},
		{"GITHUB_APP_PRIVATE_KEY", &v.GitHubAppPrivateKey},
		{"WEBHOOK_TOKEN", &v.WebhookToken},
		{"WEBHOOK_TOKEN_PREVIOUS", &v.WebhookTokenPrevious},
		{"CODEMAGIC_TOKEN", &v.CodemagicToken},
		{"ADMIN_TOKEN", &v.AdminToken},
	}
	if _, ok := source.(Offline); ok {
		for _, h := range holders {
			if isReference(*h.secret) {
				*h.secret = madeUp(h.variable)
			}
		}
		return
	}
	type result struct {
		secret provisioner.Secret
		err    error
	}
	fetched := map[string]*result{}
	var all sync.WaitGroup
	for _, h := range holders {
		ref := h.secret.Reveal()
		if !isReference(*h.secret) || fetched[ref] != nil {
			continue
		}
		r := &result{}
		fetched[ref] = r
		all.Go(func() { r.secret, r.err = fetch(ctx, source, ref) })
	}
	all.Wait()
	for _, h := range holders {
		switch r := fetched[h.secret.Reveal()]; {
		case r == nil:
		case r.err != nil:
			f.add(h.variable, "can't be fetched from %s: %v", quote(h.secret.Reveal()), r.err)
		default:
			*h.secret = r.secret
		}
	}
}

// Offline is a source of secrets for those who only want to know whether the settings are valid: it
// fetches none, and makes up such as would be.
type Offline struct{}

// Secret implements SecretSource.
func (Offline) Secret(context.Context, string) (provisioner.Secret, error) {
	return provisioner.Secret{}, errors.New("no secret is fetched offline")
}

func madeUp(variable string) provisioner.Secret {
	if variable != "GITHUB_APP_PRIVATE_KEY" {
		return provisioner.NewSecret("offline")
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return provisioner.Secret{}
	}
	return provisioner.NewSecret(string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})))
}

func fetch(ctx context.Context, source SecretSource, ref string) (provisioner.Secret, error) {
	if _, name, _ := strings.Cut(ref, ":"); strings.Trim(name, "/ ") == "" {
		return provisioner.Secret{}, errors.New("the reference has no name: write ssm:/parameter/name or secretsmanager:name")
	}
	s, err := source.Secret(ctx, ref)
	if err != nil {
		return provisioner.Secret{}, err
	}
	if s = provisioner.NewSecret(strings.TrimSpace(s.Reveal())); s.IsZero() { // many tools store a line break at the end
		return provisioner.Secret{}, errors.New("it is empty there")
	}
	return s, nil
}

// cause drops the operation and the path that file errors begin with.
func cause(err error) error {
	if at, ok := errors.AsType[*fs.PathError](err); ok {
		return at.Err
	}
	return err
}
