package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/fx"
	"go.uber.org/fx/fxevent"

	"github.com/datawire/github-runner-provisioner/adapters/internal/config"
	"github.com/datawire/github-runner-provisioner/adapters/internal/wiring"
)

// refusedStart is what the binary writes when it does not start.
func refusedStart(t *testing.T, env map[string]string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary)
	cmd.Env = []string{"AWS_LAMBDA_RUNTIME_API=127.0.0.1:1"}
	for k, v := range env {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	out, _ := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); code != 1 || strings.Contains(string(out), "goroutine") {
		t.Errorf("exit code %d:\n%s", code, out)
	}
	return string(out)
}

func TestWithoutSettingsItSaysAllThatIsMissing(t *testing.T) {
	out := refusedStart(t, map[string]string{"HOME": t.TempDir()})
	for _, name := range []string{"GITHUB_TOKEN", "WEBHOOK_TOKEN", "CODEMAGIC_TOKEN", "CODEMAGIC_APP_ID", "AWS_REGION", "QUEUE_URL"} {
		if strings.Count(out, "\n  "+name+": ") != 1 {
			t.Errorf("%s is not named once:\n%s", name, out)
		}
	}
}

func TestWrongQueuesAreRefused(t *testing.T) {
	t.Parallel()
	const right = "https://sqs.us-east-1.amazonaws.com/123456789012/jobs"
	for _, x := range []struct{ queue, dead, want string }{
		{"memory:", "", "QUEUE_URL: needs the URL of an SQS queue"},
		{"sqlite:///tmp/x.db", "", "QUEUE_URL: needs the URL of an SQS queue"},
		{" ", "", "QUEUE_URL: needs the URL of an SQS queue"},
		{"https://sqs.us-east-1.amazonaws.com/", "", "QUEUE_URL: not the URL of an SQS queue"},
		{"ftp://x/y", "", "QUEUE_URL: not one of"},
		{right, "arn:aws:sqs:us-east-1:123456789012:dead", "DEAD_LETTER_URL: not the URL of an SQS queue"},
		{right, "https://sqs.us-east-1.amazonaws.com", "DEAD_LETTER_URL: not the URL of an SQS queue"},
		{right, "https://sqs.us-east-1.amazonaws.com/123456789012/dead.fifo", "DEAD_LETTER_URL: the dead-letter queue of a FIFO queue"},
		{right + ".fifo", "https://sqs.us-east-1.amazonaws.com/123456789012/dead", "DEAD_LETTER_URL: the dead-letter queue of a FIFO queue"},
	} {
		c := newClouds(t)
		c.env["QUEUE_URL"], c.env["DEAD_LETTER_URL"] = x.queue, x.dead
		out := refusedStart(t, c.env)
		if !strings.Contains(out, "\n  "+x.want) || strings.Count(out, "_URL: ") != 1 {
			t.Errorf("%q and %q: want one fault with %q, got:\n%s", x.queue, x.dead, x.want, out)
		}
		c.checkNoSecret(t, out)
	}
}

func TestAMisspeltVariableIsToldWhetherItStartsOrNot(t *testing.T) {
	t.Parallel()
	c := newClouds(t)
	c.env["REPOSITORY"] = "octo-org/app"
	f := cold(t, c.env)
	f.invoke(t, request(t, c.github.Payload("queued", c.github.QueueJob(app, "ubuntu-arm64"))))
	const warning = "REPOSITORY is set, and nothing reads it: was REPOSITORIES meant?"
	if out := f.output(); strings.Count(out, warning) != 1 || !strings.Contains(out, "any repository that has the webhook may start machines") {
		t.Errorf("started:\n%s", out)
	}
	c.env["QUEUEURL"], c.env["QUEUE_URL"] = c.env["QUEUE_URL"], ""
	out := refusedStart(t, c.env)
	for _, want := range []string{warning, "QUEUE_URL: needs the URL of an SQS queue", "QUEUEURL is set, and nothing reads it: was QUEUE_URL meant?"} {
		if strings.Count(out, want) != 1 {
			t.Errorf("refused without %s:\n%s", want, out)
		}
	}
}

// TestSecretsAreFetchedOnceInTheLifeOfAProcess and never shown.
func TestSecretsAreFetchedOnceInTheLifeOfAProcess(t *testing.T) {
	t.Parallel()
	var (
		mu    sync.Mutex
		calls = map[string]int{}
	)
	store := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct{ Name, SecretId string } //nolint:revive // AWS's spelling
		b, _ := io.ReadAll(r.Body)
		_ = json.Unmarshal(b, &in)
		mu.Lock()
		calls[in.Name+in.SecretId]++
		mu.Unlock()
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		switch in.Name + in.SecretId {
		case "/runner/github":
			fmt.Fprintf(w, `{"Parameter":{"Name":%q,"Type":"SecureString","Value":%q}}`, in.Name, secrets["GITHUB_TOKEN"])
		case "webhook":
			fmt.Fprintf(w, `{"Name":"webhook","SecretString":%q}`, secrets["WEBHOOK_TOKEN"]+"\n")
		default:
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"__type":"ParameterNotFound"}`)
		}
	}))
	defer store.Close()
	c := newClouds(t)
	maps.Copy(c.env, map[string]string{
		"GITHUB_TOKEN": "ssm:/runner/github", "WEBHOOK_TOKEN": "secretsmanager:webhook", "WEBHOOK_TOKEN_PREVIOUS": "secretsmanager:webhook",
		"AWS_ENDPOINT_URL_SSM": store.URL, "AWS_ENDPOINT_URL_SECRETS_MANAGER": store.URL,
	})
	f := cold(t, c.env)
	for range 3 {
		if r := f.invoke(t, request(t, c.github.Payload("queued", c.github.QueueJob(app, "ubuntu-arm64")))); !strings.Contains(string(r.body), `"statusCode":202`) {
			t.Fatalf("%s", r.body)
		}
	}
	if failed := c.deliver(t, f); failed != nil || len(c.served()) != 3 {
		t.Errorf("failed: %v, machines for %v\n%s", failed, c.served(), f.output())
	}
	mu.Lock()
	defer mu.Unlock()
	if want := map[string]int{"/runner/github": 1, "webhook": 1}; !maps.Equal(calls, want) {
		t.Errorf("calls %v, want %v", calls, want)
	}
	c.checkNoSecret(t, f.output())

	c.env["GITHUB_TOKEN"] = "ssm:/runner/missing"
	mu.Unlock()
	out := refusedStart(t, c.env)
	mu.Lock()
	if !strings.Contains(out, `GITHUB_TOKEN: can't be fetched from "ssm:/runner/missing"`) {
		t.Errorf("got %s", out)
	}
	c.checkNoSecret(t, out)
}

// builds hears from fx what is built.
type builds struct{ parts []string }

func (b *builds) LogEvent(e fxevent.Event) {
	if run, ok := e.(*fxevent.Run); ok && strings.Contains(run.Name, "wiring.new") {
		b.parts = append(b.parts, strings.TrimSuffix(run.Name[strings.LastIndex(run.Name, ".")+1:], "()"))
	}
}

func TestNothingIsBuiltThatTheEventDoesNotNeed(t *testing.T) {
	t.Setenv("AWS_REGION", "us-east-1")
	cfg := settingsOf(t)
	log := wiring.NewLogger(cfg, io.Discard)
	built := func(o fx.Option) []string {
		b := new(builds)
		if err := fx.New(o, fx.WithLogger(func() fxevent.Logger { return b })).Err(); err != nil {
			t.Fatal(err)
		}
		slices.Sort(b.parts)
		return slices.Compact(b.parts)
	}
	if got := built(frontOptions(cfg, log, new(wiring.Front))); !slices.Equal(got, []string{"newFront", "newMetrics", "newQueue", "newTable"}) {
		t.Errorf("for a webhook it built %v", got)
	}
	if got := built(workOptions(cfg, log, new(engine))); !slices.Contains(got, "newProviders") || !slices.Contains(got, "newWorker") {
		t.Errorf("for a batch it built %v", got)
	}
}

func settingsOf(t *testing.T) *config.Config {
	t.Helper()
	cfg, err := config.Load(t.Context(), map[string]string{
		"GITHUB_TOKEN": "x", "WEBHOOK_TOKEN": "x", "CODEMAGIC_TOKEN": "x", "CODEMAGIC_APP_ID": "x", "AWS_REGION": "us-east-1",
		"QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/jobs",
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func TestEverythingThatTheFunctionNeedsIsProvided(t *testing.T) {
	cfg := settingsOf(t)
	log := wiring.NewLogger(cfg, io.Discard)
	var front wiring.Front
	var work engine
	for name, o := range map[string]fx.Option{"front": frontOptions(cfg, log, &front), "work": workOptions(cfg, log, &work)} {
		if err := fx.ValidateApp(o); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestMissingSettingsEndTheStart(t *testing.T) {
	t.Parallel()
	c := newClouds(t)
	for _, x := range []struct{ unset, want string }{{"GITHUB_TOKEN", "GITHUB_TOKEN"}, {"WEBHOOK_TOKEN", "WEBHOOK_TOKEN"}, {"QUEUE_URL", "SQS"}} {
		cmd := exec.Command(binary)
		for k, v := range c.env {
			if k != x.unset {
				cmd.Env = append(cmd.Env, k+"="+v)
			}
		}
		out, err := cmd.CombinedOutput()
		if cmd.ProcessState.ExitCode() != 1 || !strings.Contains(string(out), x.want) {
			t.Errorf("without %s: %v: %s", x.unset, err, out)
		}
	}
}
