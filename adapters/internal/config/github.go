package config

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"os"
	"strconv"
	"strings"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

const appVariables = "GITHUB_APP_ID, GITHUB_APP_PRIVATE_KEY and GITHUB_APP_PRIVATE_KEY_FILE"

// github takes a token or a GitHub App, but not both: whoever sets both expects a precedence that
// we would have to guess.
func (v *variables) github(cfg *Config, f *faults) {
	cfg.GitHub.APIURL = rootURL("GITHUB_API_URL", v.GitHubAPIURL, f)
	token, key := !v.GitHubToken.IsZero(), !v.GitHubAppPrivateKey.IsZero() || v.GitHubAppPrivateKeyFile != ""
	app := v.GitHubAppID != "" || key
	switch {
	case token && app:
		f.add("GITHUB_TOKEN", "set together with a GitHub App: unset either this or %s", appVariables)
	case token:
		checkHeader("GITHUB_TOKEN", v.GitHubToken, f)
	case !app:
		f.missing("GITHUB_TOKEN", "set it to a personal access token with admin access to the repositories that use the runners, "+
			"or set GITHUB_APP_ID and GITHUB_APP_PRIVATE_KEY to use a GitHub App")
	case !key:
		f.missing("GITHUB_APP_PRIVATE_KEY", "GITHUB_APP_ID needs the App's private key here, or its file in GITHUB_APP_PRIVATE_KEY_FILE")
	case v.GitHubAppID == "":
		f.missing("GITHUB_APP_ID", "a private key needs the id of its GitHub App")
	}
	cfg.GitHub.Token = v.GitHubToken
	cfg.GitHub.AppID = v.appID(f)
	cfg.GitHub.AppPrivateKey = v.appKey(f)
}

func (v *variables) appID(f *faults) int64 {
	if v.GitHubAppID == "" {
		return 0
	}
	id, err := strconv.ParseInt(v.GitHubAppID, 10, 64)
	if err != nil || id <= 0 {
		// The value is not shown: who mixes up variables puts a key here.
		f.add("GITHUB_APP_ID", "not an App id: the App's settings page shows it as a number such as 123456")
	}
	return id
}

func (v *variables) appKey(f *faults) provisioner.Secret {
	if !v.GitHubAppPrivateKey.IsZero() && v.GitHubAppPrivateKeyFile != "" {
		f.add("GITHUB_APP_PRIVATE_KEY_FILE", "set together with GITHUB_APP_PRIVATE_KEY: unset one of them")
	}
	if !v.GitHubAppPrivateKey.IsZero() && !f.has("GITHUB_APP_PRIVATE_KEY") {
		return rsaKey("GITHUB_APP_PRIVATE_KEY", v.GitHubAppPrivateKey.Reveal(), f)
	}
	if v.GitHubAppPrivateKeyFile == "" {
		return provisioner.Secret{}
	}
	b, err := os.ReadFile(v.GitHubAppPrivateKeyFile)
	if err != nil {
		f.add("GITHUB_APP_PRIVATE_KEY_FILE", "can't be read: %v", cause(err))
		return provisioner.Secret{}
	}
	return rsaKey("GITHUB_APP_PRIVATE_KEY_FILE", string(b), f)
}

// rsaKey accepts what GitHub hands out (PKCS #1) and what tools make of it (PKCS #8), also with its
// line breaks written as \n, as environment files often have to.
func rsaKey(variable, text string, f *faults) provisioner.Secret {
	text = strings.TrimSpace(strings.NewReplacer(`\r`, "", `\n`, "\n").Replace(text))
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		hint := ""
		if variable == "GITHUB_APP_PRIVATE_KEY" {
			hint = "; a file's name belongs in GITHUB_APP_PRIVATE_KEY_FILE"
		}
		f.add(variable, "not a private key in PEM form: expected the App's .pem file, from -----BEGIN RSA PRIVATE KEY----- to its END line%s", hint)
		return provisioner.Secret{}
	}
	if _, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return provisioner.NewSecret(text)
	}
	if key, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
		if _, ok := key.(*rsa.PrivateKey); ok {
			return provisioner.NewSecret(text)
		}
	}
	f.add(variable, "not an RSA private key: its PEM block can't be read as one; download a new key from the App's settings page")
	return provisioner.Secret{}
}
