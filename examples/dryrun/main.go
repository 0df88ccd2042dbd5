// Command dryrun shows the main job on your machine, without an account, a network or a flag.
// Signed webhooks go through the real handler, engine and providers as dry runs, and it prints
// what would happen and why. With -v it also prints the whole requests.
package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/datawire/github-runner-provisioner/provisioner/webhook"
)

// payload is one of GitHub's own example payloads.
//
//go:embed workflow_job.json
var payload []byte

const (
	secret = "the webhook's secret" //nolint:gosec // made up
	guess  = "somebody's guess"
)

// deliveries are what is sent: a job's labels, and the secret that signs the webhook.
var deliveries = []struct {
	title, secret string
	labels        []string
}{
	{"A job for an Ubuntu machine", secret, []string{"self-hosted", "ubuntu-arm64"}},
	{"A job for a Mac", secret, []string{"macOS-arm64"}},
	{"A job for an x64 machine", secret, []string{"self-hosted", "linux", "x64"}},
	{"The first job again, signed with a wrong secret", guess, []string{"self-hosted", "ubuntu-arm64"}},
}

func main() {
	verbose := flag.Bool("v", false, "show the whole requests too, as JSON")
	flag.Parse()
	if err := run(os.Stdout, *verbose); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(out io.Writer, verbose bool) error {
	handler, err := newHandler()
	if err != nil {
		return err
	}
	server := httptest.NewServer(handler) // on this machine's loopback
	defer server.Close()
	p := printer{out, verbose}
	p.introduce()
	for i, d := range deliveries {
		body, err := withLabels(payload, d.labels)
		if err != nil {
			return err
		}
		code, answer, err := deliver(server.URL, body, sign(d.secret, body))
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "\n%d. %s: runs-on [%s]\n", i+1, d.title, list(d.labels))
		if err := p.explain(d.labels, code, answer); err != nil {
			return err
		}
	}
	p.conclude()
	return nil
}

func withLabels(payload []byte, labels []string) ([]byte, error) {
	var p map[string]any
	if err := json.Unmarshal(payload, &p); err != nil {
		return nil, err
	}
	p["workflow_job"].(map[string]any)["labels"] = labels
	return json.Marshal(p)
}

// sign returns what GitHub sends as X-Hub-Signature-256.
func sign(secret string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

func deliver(url string, body []byte, signature string) (code int, answer webhook.Body, err error) {
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, url+"?dry-run=true", bytes.NewReader(body))
	if err != nil {
		return 0, answer, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-GitHub-Event", webhook.EventWorkflowJob)
	req.Header.Set("X-Hub-Signature-256", signature)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, answer, err
	}
	defer func() { _ = resp.Body.Close() }()
	return resp.StatusCode, answer, json.NewDecoder(resp.Body).Decode(&answer)
}
