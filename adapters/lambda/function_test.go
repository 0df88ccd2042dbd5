package main

import (
	"bytes"
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
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/datawire/github-runner-provisioner/adapters/sqs/sqstest"
	"github.com/datawire/github-runner-provisioner/awsrunner/ec2test"
	"github.com/datawire/github-runner-provisioner/codemagic/codemagictest"
	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/github/githubtest"
	"github.com/datawire/github-runner-provisioner/provisioner/queue"
	"github.com/datawire/github-runner-provisioner/provisioner/webhook/webhooktest"
)

// binary is the built function.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "function")
	if err != nil {
		panic(err)
	}
	binary = filepath.Join(dir, "bootstrap")
	build := exec.Command("go", "build", "-tags", "lambda.norpc", "-ldflags", "-s -w -buildid=", "-o", binary, ".")
	if raced() {
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

// raced reports whether the race detector is in this test, and in the function.
func raced() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// The secrets that the function is given. None may ever be seen in what it writes.
var secrets = map[string]string{
	"GITHUB_TOKEN": "ghp_SECRETGITHUBTOKEN", "WEBHOOK_TOKEN": "SECRETWEBHOOKTOKEN", "CODEMAGIC_TOKEN": "SECRETCODEMAGICTOKEN",
	"AWS_ACCESS_KEY_ID": "AKIASECRETKEYID", "AWS_SECRET_ACCESS_KEY": "SECRETAWSKEY",
}

var app = provisioner.Repository{Owner: "octo-org", Name: "app"}

// clouds are the fake servers around the function.
type clouds struct {
	github    *githubtest.Server
	ec2       *ec2test.Server
	codemagic *codemagictest.Server
	sqs, dead *sqstest.Server
	env       map[string]string
}

func newClouds(t testing.TB) *clouds {
	t.Helper()
	listen := func(h http.Handler) string {
		s := httptest.NewServer(h)
		t.Cleanup(s.Close)
		return s.URL
	}
	c := &clouds{
		github:    githubtest.New(githubtest.Config{Token: secrets["GITHUB_TOKEN"]}),
		ec2:       ec2test.New(ec2test.Config{}),
		codemagic: codemagictest.New(codemagictest.Config{Token: secrets["CODEMAGIC_TOKEN"]}),
		sqs:       sqstest.New(),
		dead:      sqstest.New(),
	}
	queueURL := listen(http.HandlerFunc(c.serveSQS))
	c.env = map[string]string{
		"HOME": t.TempDir(), "LOG_LEVEL": "debug", "QUEUE_URL": queueURL + "/000000000000/jobs", "AWS_ENDPOINT_URL_SQS": queueURL,
		"GITHUB_API_URL": listen(c.github), "CODEMAGIC_API_URL": listen(c.codemagic), "CODEMAGIC_APP_ID": "app", "AWS_REGION": "us-east-1",
		"AWS_ENDPOINT_URL_EC2": listen(c.ec2), "AWS_EC2_METADATA_DISABLED": "true", "GORACE": "atexit_sleep_ms=0",
	}
	maps.Copy(c.env, secrets)
	return c
}

// serveSQS makes two queues of the fakes, which have one each: the queue, and the dead-letter
// queue.
func (c *clouds) serveSQS(w http.ResponseWriter, r *http.Request) {
	b, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(b))
	if regexp.MustCompile(`"QueueUrl":"[^"]*/dead(\.fifo)?"`).Match(b) {
		c.dead.ServeHTTP(w, r)
		return
	}
	c.sqs.ServeHTTP(w, r)
}

// message is an SQS message as Lambda hands it over.
func message(id, body string, receives int) events.SQSMessage {
	return events.SQSMessage{
		MessageId: id, ReceiptHandle: "receipt-" + id, Body: body, EventSource: "aws:sqs", EventSourceARN: "arn:aws:sqs:us-east-1:000000000000:jobs", AWSRegion: "us-east-1",
		Attributes: map[string]string{"ApproximateReceiveCount": fmt.Sprint(receives)},
	}
}

// body is a queued job as the webhook stores it.
func body(t testing.TB, j provisioner.Job, lane string) string {
	t.Helper()
	b, err := queue.Encode(lane, j, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func request(t testing.TB, payload []byte) []byte {
	t.Helper()
	return encode(t, events.APIGatewayV2HTTPRequest{
		Version: "2.0", RawPath: "/webhook", Body: string(payload),
		Headers: map[string]string{
			"content-type": "application/json", "user-agent": "GitHub-Hookshot/044aadd", "x-github-event": "workflow_job",
			"x-hub-signature-256": webhooktest.Sign(secrets["WEBHOOK_TOKEN"], payload),
		},
		RequestContext: events.APIGatewayV2HTTPRequestContext{HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{Method: http.MethodPost, Path: "/webhook"}},
	})
}

func (c *clouds) served() (out []string) {
	for _, i := range c.ec2.Instances() {
		if i.State == "pending" || i.State == "running" {
			out = append(out, i.Tags["runner-provisioner:job"])
		}
	}
	slices.Sort(out)
	return out
}

// checkNoSecret looks for every secret, for signatures, and for every runner's configuration, in
// what the function wrote.
func (c *clouds) checkNoSecret(t testing.TB, out string) {
	t.Helper()
	for name, v := range secrets {
		if strings.Contains(out, v) {
			t.Errorf("the value of %s is in the function's output", name)
		}
	}
	for _, i := range c.ec2.Instances() {
		_, after, _ := strings.Cut(i.UserData, "\nconfiguration='")
		if config, _, ok := strings.Cut(after, "'"); !ok || len(config) < 64 {
			t.Error("an instance has no configuration")
		} else if strings.Contains(out, config[:64]) {
			t.Error("a runner's configuration is in the function's output")
		}
	}
	if regexp.MustCompile("(?i)sha256=[0-9a-f]{64}").MatchString(out) {
		t.Error("a signature is in the function's output")
	}
}
