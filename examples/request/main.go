// Command request sends a signed workflow_job delivery, as GitHub would, for trying out a running
// service:
//
//	WEBHOOK_TOKEN=... go run ./examples/request -url http://localhost:8080/webhook -labels self-hosted,ubuntu-arm64
//
// It prints the answer, and fails unless the job was planned, queued, or queued before.
package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

func main() {
	if err := run(os.Args[1:], os.Getenv("WEBHOOK_TOKEN"), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string, secret string, out io.Writer) error {
	flags := flag.NewFlagSet("request", flag.ContinueOnError)
	var (
		url        = flags.String("url", "http://localhost:8080/webhook", "where the service listens")
		labels     = flags.String("labels", "ubuntu-arm64", "the job's labels, comma separated")
		repository = flags.String("repository", "octo-org/octo-repo", "the job's repository")
		dryRun     = flags.String("dry-run", "true", "true or false; a job that is no dry run starts a machine")
	)
	if err := flags.Parse(args); err != nil {
		return err
	}
	if secret == "" {
		return fmt.Errorf("WEBHOOK_TOKEN is not set: the service would refuse the request")
	}
	owner, name, ok := strings.Cut(*repository, "/")
	if !ok {
		return fmt.Errorf("-repository: %q is not owner/name", *repository)
	}
	now := time.Now().UTC()
	body, err := json.Marshal(map[string]any{
		"action": "queued",
		"workflow_job": map[string]any{
			"id": now.UnixMilli(), "run_id": now.UnixMilli(), "run_attempt": 1, "name": "request", "workflow_name": "try", "status": "queued",
			"created_at": now.Format(time.RFC3339), "labels": strings.Split(*labels, ","),
		},
		"repository": map[string]any{"name": name, "full_name": *repository, "owner": map[string]any{"login": owner}},
	})
	if err != nil {
		return err
	}
	req, err := http.NewRequest(http.MethodPost, *url+"?dry-run="+*dryRun, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-GitHub-Event", "workflow_job")
	req.Header.Set("X-GitHub-Delivery", fmt.Sprintf("request-%d", now.UnixNano()))
	req.Header.Set("X-Hub-Signature-256", sign(secret, body))
	client := http.Client{Timeout: time.Minute}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("is the service running? %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s\n%s\n", resp.Status, indent(answer))
	return judge(resp.Status, answer, *repository)
}

// judge returns an error that says what to do when the job would get no machine.
func judge(code string, answer []byte, repository string) error {
	var a struct{ Status string }
	if json.Unmarshal(answer, &a) != nil || a.Status == "" {
		return fmt.Errorf("refused: %s is no answer of the service: look at -url (HOSTNAME=, WEBHOOK_PATH=)", code)
	}
	switch a.Status {
	case "planned", "queued", "duplicate":
		return nil
	case "denied":
		return fmt.Errorf("denied: the service's REPOSITORIES leave out %s: name one that they allow, with -repository (make: REPOSITORY=owner/name)", repository)
	case "ignored":
		return errors.New("ignored: no runner type of the service has all of these labels: name those of one, with -labels (make: test-LABEL)")
	case "unauthorized":
		return errors.New("unauthorized: this shell's WEBHOOK_TOKEN is not the service's")
	default:
		return fmt.Errorf("refused: %s, %s", code, a.Status)
	}
}

// sign returns the value of X-Hub-Signature-256: the HMAC-SHA256 of the body, keyed with the
// webhook's secret.
func sign(secret string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

func indent(b []byte) string {
	var out bytes.Buffer
	if json.Indent(&out, bytes.TrimSpace(b), "", "  ") != nil {
		return string(b)
	}
	return out.String()
}
