package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/datawire/github-runner-provisioner/codemagic/codemagictest"
	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/github/githubtest"
	"github.com/datawire/github-runner-provisioner/provisioner/webhook/webhooktest"
)

// secret is what GitHub signs with, and what its and Codemagic's fakes want to see.
const secret = "FAKE_TOKEN"

func listen(t *testing.T, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// build returns the path of the server, built as `make build-otel` does.
func build(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "server")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-tags", "grpcnotrace", "-o", path, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

// serve starts the server, and returns where it listens and how to stop it.
func serve(t *testing.T, path string, env map[string]string) (url string, stop func() string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), path)
	for k, v := range env {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	lines, out := bufio.NewScanner(r), strings.Builder{}
	for url == "" && lines.Scan() {
		out.WriteString(lines.Text() + "\n")
		var l struct{ Msg, Address string }
		if json.Unmarshal(lines.Bytes(), &l) == nil && l.Msg == "listening" {
			url = "http://" + l.Address
		}
	}
	rest := make(chan struct{})
	go func() {
		defer close(rest)
		for lines.Scan() {
			out.WriteString(lines.Text() + "\n")
		}
		_ = cmd.Wait()
	}()
	return url, func() string {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		<-rest
		return fmt.Sprint(out.String(), cmd.ProcessState)
	}
}

func post(t *testing.T, url string, payload []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/webhook", bytes.NewReader(payload))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "GitHub-Hookshot/044aadd")
	req.Header.Set("X-GitHub-Event", "workflow_job")
	req.Header.Set("X-Hub-Signature-256", webhooktest.Sign(secret, payload))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode >= http.StatusMultipleChoices {
		t.Fatal(resp.Status)
	}
}

func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("in vain: ", what)
		}
	}
}

// TestTheServerSendsTraces has a job served by the built server, which is restarted meanwhile.
func TestTheServerSendsTraces(t *testing.T) {
	c := newCollector(t)
	gh, cm := githubtest.New(githubtest.Config{Token: secret}), codemagictest.New(codemagictest.Config{Token: secret})
	env := map[string]string{
		"PATH": os.Getenv("PATH"), "HOME": t.TempDir(), "LISTEN_ADDR": "127.0.0.1:0", "QUEUE_URL": "sqlite://" + filepath.Join(t.TempDir(), "queue.db"),
		"GITHUB_API_URL": listen(t, gh), "CODEMAGIC_API_URL": listen(t, cm), "CODEMAGIC_APP_ID": "app", "AWS_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true",
		"GITHUB_TOKEN": secret, "WEBHOOK_TOKEN": secret, "CODEMAGIC_TOKEN": secret, "RECONCILE_INTERVAL": "0", "OTEL_EXPORTER_OTLP_ENDPOINT": c.url,
	}
	app := provisioner.Repository{Owner: "octo-org", Name: "app"}
	gh.AddRepository(app.Owner, app.Name)
	job := gh.QueueJob(app, "macOS-arm64")

	path := build(t)
	url, stop := serve(t, path, env)
	post(t, url, gh.Payload("queued", job))
	await(t, "a build", func() bool { return len(cm.Builds()) == 1 })
	time.Sleep(time.Second) // by GitHub's times, which are in seconds, the job begins after it was accepted
	if _, err := gh.Connect(cm.Builds()[0].Variables["ACTIONS_RUNNER_INPUT_JITCONFIG"]); err != nil {
		t.Fatal(err)
	}
	gh.Assign()
	post(t, url, gh.Payload("in_progress", job))
	out := stop()
	if got := names(c.received()); got != "" || !strings.Contains(out, `"msg":"a trace is sent of every job that is over"`) {
		t.Fatalf("before the restart it sent %q\n%s", got, out)
	}

	url, stop = serve(t, path, env)
	time.Sleep(time.Second)
	gh.FinishJob(job.ID, "success")
	post(t, url, gh.Payload("completed", job))
	out = stop()
	got := c.received()
	if names(got) != "job macOS-arm64, deliver, wait, launch, boot, run" {
		t.Fatalf("it sent %s\n%s", names(got), out)
	}
	if about := attributesOf(got[0].Attributes); about["cicd.pipeline.task.run.result"] != "success" || about["cicd.pipeline.task.run.id"] != fmt.Sprint(job.ID) {
		t.Errorf("the job is %v", about)
	}
}
