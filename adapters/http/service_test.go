package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/datawire/github-runner-provisioner/awsrunner/ec2test"
	"github.com/datawire/github-runner-provisioner/codemagic/codemagictest"
	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/github/githubtest"
	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest"
	"github.com/datawire/github-runner-provisioner/provisioner/webhook/webhooktest"
)

// binary is the built service.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "service")
	if err != nil {
		panic(err)
	}
	binary = filepath.Join(dir, "service")
	build := exec.Command("go", "build", "-ldflags", "-X "+versionVariable+"="+builtVersion, "-o", binary, ".")
	if info, ok := debug.ReadBuildInfo(); ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		build.Args = slices.Insert(build.Args, 2, "-race") // as this test, so that all packages are compiled already
	}
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%s\n", out)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// The secrets that the service is given. None may ever be seen in what it writes.
var secrets = map[string]string{
	"GITHUB_TOKEN": "ghp_SECRETGITHUBTOKEN", "WEBHOOK_TOKEN": "SECRETWEBHOOKTOKEN", "WEBHOOK_TOKEN_PREVIOUS": "SECRETPREVIOUSTOKEN", "CODEMAGIC_TOKEN": "SECRETCODEMAGICTOKEN",
	"AWS_ACCESS_KEY_ID": "AKIASECRETKEYID", "AWS_SECRET_ACCESS_KEY": "SECRETAWSKEY",
}

// clouds are the fake servers around the service.
type clouds struct {
	github    *githubtest.Server
	ec2       *ec2test.Server
	codemagic *codemagictest.Server
	env       map[string]string
}

func newClouds(t testing.TB) *clouds {
	t.Helper()
	c := &clouds{
		github:    githubtest.New(githubtest.Config{Token: secrets["GITHUB_TOKEN"]}),
		ec2:       ec2test.New(ec2test.Config{}),
		codemagic: codemagictest.New(codemagictest.Config{Token: secrets["CODEMAGIC_TOKEN"]}),
	}
	c.env = map[string]string{
		"PATH": os.Getenv("PATH"), "HOME": t.TempDir(), "LISTEN_ADDR": "127.0.0.1:0", "LOG_LEVEL": "debug", "QUEUE_URL": "sqlite://" + filepath.Join(t.TempDir(), "queue.db"),
		"GITHUB_API_URL": listen(t, c.github), "CODEMAGIC_API_URL": listen(t, c.codemagic), "CODEMAGIC_APP_ID": "app", "AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL_EC2": listen(t, c.ec2),
		"AWS_ENDPOINT_URL_STS":      listen(t, http.HandlerFunc(getCallerIdentity)),
		"AWS_EC2_METADATA_DISABLED": "true", "RECONCILE_INTERVAL": "1s", "GORACE": "atexit_sleep_ms=0",
	}
	maps.Copy(c.env, secrets)
	return c
}

// getCallerIdentity is AWS's word for who its caller is.
func getCallerIdentity(w http.ResponseWriter, _ *http.Request) {
	_, _ = io.WriteString(w, `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>`+
		`<Arn>arn:aws:iam::123456789012:user/runners</Arn><UserId>AIDA</UserId><Account>123456789012</Account>`+
		`</GetCallerIdentityResult></GetCallerIdentityResponse>`)
}

func listen(t testing.TB, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// service is a running binary.
type service struct {
	cmd  *exec.Cmd
	url  string
	out  *output
	done chan struct{}
}

// output is everything that the service wrote.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) add(line string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.b.WriteString(line + "\n")
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// start starts the service and waits until it listens.
func start(t testing.TB, env map[string]string) *service {
	t.Helper()
	s := &service{cmd: exec.Command(binary), out: &output{}, done: make(chan struct{})}
	for k, v := range env {
		s.cmd.Env = append(s.cmd.Env, k+"="+v)
	}
	s.cmd.Dir = t.TempDir()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	s.cmd.Stdout, s.cmd.Stderr = w, w
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	listening := make(chan string, 1)
	go func() {
		defer close(s.done)
		lines := bufio.NewScanner(r)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			s.out.add(lines.Text())
			var l struct{ Msg, Address string }
			if json.Unmarshal(lines.Bytes(), &l) == nil && l.Msg == "listening" {
				listening <- l.Address
			}
		}
		_ = s.cmd.Wait()
		_ = r.Close()
	}()
	t.Cleanup(func() {
		s.kill()
		if out := s.out.String(); strings.Contains(out, "DATA RACE") {
			t.Errorf("the service has a data race:\n%s", out)
		}
	})
	select {
	case a := <-listening:
		s.url = "http://" + a
	case <-s.done:
		t.Fatalf("the service ended:\n%s", s.out)
	case <-time.After(patience):
		t.Fatalf("the service does not listen:\n%s", s.out)
	}
	return s
}

// kill ends the service as a power cut would.
func (s *service) kill() {
	_ = s.cmd.Process.Kill()
	<-s.done
}

// stop asks the service to end, and returns its exit code.
func (s *service) stop(t testing.TB) int {
	t.Helper()
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.done:
		return s.cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		t.Fatal("the service does not stop")
		return -1
	}
}

var client = &http.Client{Timeout: 20 * time.Second}

// deliver sends a delivery as GitHub does.
func (s *service) deliver(ctx context.Context, payload []byte) (code int, status string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/webhook", bytes.NewReader(payload))
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "GitHub-Hookshot/044aadd")
	req.Header.Set("X-GitHub-Event", "workflow_job")
	req.Header.Set("X-Hub-Signature-256", webhooktest.Sign(secrets["WEBHOOK_TOKEN"], payload))
	resp, err := client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	var answer struct{ Status string }
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil && !errors.Is(err, io.EOF) {
		return 0, "", err
	}
	return resp.StatusCode, answer.Status, nil
}

func (s *service) get(t testing.TB, path string) (int, string) {
	t.Helper()
	resp, err := client.Get(s.url + path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b)
}

// patience ends a test that hangs. No test depends on how fast the machine is.
const patience = 150 * time.Second

// eventually waits for something that happens in another process, where there is nothing to wait
// on.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", patience, what)
		}
	}
}

// sweeps counts the sweeps that have ended, in the log.
func (s *service) sweeps() int { return strings.Count(s.out.String(), `"msg":"swept"`) }

// awaitSweeps waits until n whole sweeps have passed.
func (s *service) awaitSweeps(t testing.TB, n int) {
	t.Helper()
	want := s.sweeps() + 1 + n // one may be under way
	eventually(t, "sweeps", func() bool { return s.sweeps() >= want })
}

// alive are the instances that have not ended.
func (c *clouds) alive() (out []ec2test.Instance) {
	for _, i := range c.ec2.Instances() {
		if i.State == "pending" || i.State == "running" {
			out = append(out, i)
		}
	}
	return out
}

// checkNoSecret looks for every secret, and for every runner's configuration, in what the service
// wrote.
func (c *clouds) checkNoSecret(t testing.TB, out string) {
	t.Helper()
	for name, v := range secrets {
		if provisionertest.Shows(out, provisioner.NewSecret(v)) {
			t.Errorf("the value of %s is in the service's output", name)
		}
	}
	for _, i := range c.ec2.Instances() {
		if config := configurationOf(i.UserData); strings.Contains(out, config[:64]) {
			t.Error("a runner's configuration is in the service's output")
		}
	}
	for _, b := range c.codemagic.Builds() {
		if config := b.Variables["ACTIONS_RUNNER_INPUT_JITCONFIG"]; strings.Contains(out, config[:64]) {
			t.Error("a build's configuration is in the service's output")
		}
	}
	if regexp.MustCompile("(?i)sha256=[0-9a-f]{64}").MatchString(out) {
		t.Error("a signature is in the service's output")
	}
}

func configurationOf(userData string) string {
	_, after, _ := strings.Cut(userData, "\nconfiguration='")
	config, _, _ := strings.Cut(after, "'")
	return config
}

// jobsOf are the jobs that the instances were launched for, sorted.
func jobsOf(instances []ec2test.Instance) (out []string) {
	for _, i := range instances {
		out = append(out, i.Tags["runner-provisioner:job"])
	}
	slices.Sort(out)
	return out
}

var app = provisioner.Repository{Owner: "octo-org", Name: "app"}
