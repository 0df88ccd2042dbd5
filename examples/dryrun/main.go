// Command dryrun shows the main job on your machine, without an account, a network or a flag: signed webhooks go through the real handler, the real engine and
// the real providers, as dry runs, and it prints what would happen and why.
package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/datawire/github-runner-provisioner/awsrunner"
	"github.com/datawire/github-runner-provisioner/codemagic"
	"github.com/datawire/github-runner-provisioner/labels"
	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/webhook"
)

// payload is one of GitHub's own example payloads.
//
//go:embed workflow_job.json
var payload []byte

const secret = "the webhook's secret" //nolint:gosec // made up

func main() {
	if err := run(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(out io.Writer) error {
	handler, err := newHandler()
	if err != nil {
		return err
	}
	server := httptest.NewServer(handler) // on this machine's loopback
	defer server.Close()
	fmt.Fprintln(out, "Four deliveries of GitHub's, each a dry run. Nothing is registered or started.")
	for i, d := range []struct {
		title, secret string
		labels        []string
	}{
		{"A job for an Ubuntu machine on EC2", secret, []string{"self-hosted", "ubuntu-arm64"}},
		{"A job for a Mac at Codemagic", secret, []string{"macOS-arm64"}},
		{"A job for one of GitHub's own machines", secret, []string{"ubuntu-latest"}},
		{"A delivery that GitHub did not send", "a guess", []string{"ubuntu-arm64"}},
	} {
		body, err := withLabels(payload, d.labels)
		if err != nil {
			return err
		}
		code, answer, err := deliver(server.URL, body, sign(d.secret, body))
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "\n%d. %s: runs-on %v\n", i+1, d.title, d.labels)
		explain(out, code, answer)
	}
	return nil
}

// newHandler wires the webhook as the service does, with clouds that can't be reached.
func newHandler() (http.Handler, error) {
	types := []provisioner.RunnerType{
		{Name: "ubuntu-arm64", Labels: []string{"self-hosted", "linux", "arm64", "ubuntu-arm64"}, Provider: awsrunner.Name},
		{Name: "macOS-arm64", Labels: []string{"self-hosted", "macOS", "arm64", "macOS-arm64"}, Provider: codemagic.Name},
	}
	table, err := labels.NewTable(labels.Entry{Name: types[0].Name, Labels: types[0].Labels}, labels.Entry{Name: types[1].Name, Labels: types[1].Labels})
	if err != nil {
		return nil, err
	}
	instances, err := awsrunner.New(noEC2{}, oneRelease{}, map[string]awsrunner.Settings{"ubuntu-arm64": {
		Image: "resolve:ssm:/aws/service/canonical/ubuntu/server/24.04/stable/current/arm64/hvm/ebs-gp3/ami-id", InstanceTypes: []string{"t4g.xlarge", "m7g.xlarge"},
	}}, awsrunner.Config{})
	if err != nil {
		return nil, err
	}
	config := codemagic.Config{Transport: noNetwork{}}
	client, err := codemagic.NewClient("token", config)
	if err != nil {
		return nil, err
	}
	builds, err := codemagic.New(client, map[string]codemagic.Settings{"macOS-arm64": {AppID: "your-app", InstanceType: "mac_mini_m2"}}, config)
	if err != nil {
		return nil, err
	}
	engine, err := provisioner.New(table, types, map[string]provisioner.Provider{awsrunner.Name: instances, codemagic.Name: builds}, noGitHub{}, provisioner.Config{})
	if err != nil {
		return nil, err
	}
	return webhook.New(secret, table, webhook.AccepterFunc(refuse), engine, webhook.Config{})
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
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, url, bytes.NewReader(body))
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

// explain tells a person what an answer means.
func explain(out io.Writer, code int, a webhook.Body) {
	fmt.Fprintf(out, "   answer    %d %s\n", code, a.Status)
	if a.Reason != "" {
		fmt.Fprintf(out, "   because   %s\n", a.Reason)
	}
	if a.DryRunDefaulted != nil && *a.DryRunDefaulted {
		fmt.Fprintln(out, "   dry run   because GitHub did not send it; GitHub's own deliveries are served in earnest")
	}
	if a.Plan == nil {
		fmt.Fprintln(out, "   so        nothing would happen")
		return
	}
	fmt.Fprintf(out, "   so        1. the runner %s would be registered for one job, with the labels %v\n", a.Plan.RunnerName, a.Plan.Labels)
	fmt.Fprintf(out, "             2. %s would get this request:\n             ", a.Plan.Provider)
	request := json.NewEncoder(out)
	request.SetEscapeHTML(false)
	request.SetIndent("             ", "  ")
	_ = request.Encode(a.Plan.Request) // it was JSON before
	if a.Plan.Verified {
		fmt.Fprintln(out, "   verified  the provider says that it would work")
	} else {
		fmt.Fprintf(out, "   not verified, because %s\n", a.Plan.UnverifiedBecause)
	}
}
