package config_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAPrivateKeyMayComeInEveryFormThatToolsGiveIt(t *testing.T) {
	alone(t)
	for name, text := range map[string]string{
		"as GitHub hands it out":       rsaPEM(t),
		"in PKCS #8":                   pkcs8PEM(t),
		"with escaped line breaks":     strings.ReplaceAll(rsaPEM(t), "\n", `\n`),
		"between blanks":               "\n " + rsaPEM(t) + "\n\n",
		"with Windows' line breaks":    strings.ReplaceAll(rsaPEM(t), "\n", "\r\n"),
		"with escapes of both letters": strings.ReplaceAll(rsaPEM(t), "\n", `\r\n`),
	} {
		t.Run(name, func(t *testing.T) {
			cfg, err := load(t, enough(app("1", text)))
			if err != nil {
				t.Fatal(err)
			}
			if block, _ := pem.Decode([]byte(cfg.GitHub.AppPrivateKey.Reveal())); block == nil {
				t.Error("the key is not PEM any more")
			}
		})
	}
}

func app(id, key string) map[string]string {
	return map[string]string{"GITHUB_TOKEN": "", "GITHUB_APP_ID": id, "GITHUB_APP_PRIVATE_KEY": key}
}

var testKey, _ = rsa.GenerateKey(rand.Reader, 2048)

func rsaPEM(t *testing.T) string {
	t.Helper()
	if testKey == nil {
		t.Fatal("no key")
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(testKey)}))
}

func pkcs8PEM(t *testing.T) string {
	t.Helper()
	return pkcs8(t, testKey)
}

func ecPEM(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return pkcs8(t, key)
}

func pkcs8(t *testing.T, key any) string {
	t.Helper()
	b, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: b}))
}

// damaged returns a key whose PEM is fine, but whose content is not.
func damaged(text string) string {
	block, _ := pem.Decode([]byte(text))
	block.Bytes = block.Bytes[:len(block.Bytes)/2]
	return string(pem.EncodeToMemory(block))
}

func pemFile(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
