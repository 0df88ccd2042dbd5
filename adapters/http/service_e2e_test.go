package main

import (
	"database/sql"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/datawire/github-runner-provisioner/provisioner/github/githubtest"
	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest/fakehttp"
	"github.com/datawire/github-runner-provisioner/provisioner/webhook/webhooktest"
)

func TestOneJobMakesOneMachineWithEveryPromisedAttribute(t *testing.T) {
	t.Parallel()
	c := newClouds(t)
	s := start(t, c.env)
	ubuntu, mac := c.github.QueueJob(app, "self-hosted", "ubuntu-arm64"), c.github.QueueJob(app, "macOS-arm64")
	for range 3 { // GitHub delivers at least once
		for _, j := range []struct{ payload []byte }{{c.github.Payload("queued", ubuntu)}, {c.github.Payload("queued", mac)}} {
			if code, status, err := s.deliver(t.Context(), j.payload); err != nil || code != http.StatusAccepted {
				t.Fatalf("%d %s, %v", code, status, err)
			}
		}
	}
	eventually(t, "an instance and a build", func() bool { return len(c.ec2.Instances()) > 0 && len(c.codemagic.Builds()) > 0 })
	s.awaitSweeps(t, 2) // for what must not come
	instances, builds := c.ec2.Instances(), c.codemagic.Builds()
	if len(instances) != 1 || len(builds) != 1 {
		t.Fatalf("%d instances and %d builds\n%s", len(instances), len(builds), s.out)
	}
	i := instances[0]
	name := fmt.Sprintf("grp-ubuntu-arm64-%d-1", ubuntu.ID)
	for k, want := range map[string]string{
		"ImageId":                           "resolve:ssm:/aws/service/canonical/ubuntu/server/24.04/stable/current/arm64/hvm/ebs-gp3/ami-id",
		"InstanceInitiatedShutdownBehavior": "terminate", "MetadataOptions.HttpTokens": "required", "MetadataOptions.HttpPutResponseHopLimit": "1",
		"BlockDeviceMapping.1.Ebs.Encrypted": "true", "BlockDeviceMapping.1.Ebs.VolumeType": "gp3", "BlockDeviceMapping.1.Ebs.VolumeSize": "50", "InstanceType": "t4g.xlarge",
	} {
		if got := i.Params.Get(k); got != want {
			t.Errorf("%s is %q, want %q", k, got, want)
		}
	}
	runner := registered(t, c.github, name)
	for k, want := range map[string]string{
		"runner-provisioner:managed": "true", "runner-provisioner:name": name, "runner-provisioner:runner": fmt.Sprint(runner.ID), "runner-provisioner:type": "ubuntu-arm64",
		"runner-provisioner:repository": "octo-org/app", "runner-provisioner:job": fmt.Sprint(ubuntu.ID),
	} {
		if i.Tags[k] != want || i.VolumeTags[k] != want {
			t.Errorf("the tag %s is %q on the instance and %q on its volume, want %q", k, i.Tags[k], i.VolumeTags[k], want)
		}
	}
	if len(i.ClientToken) != 64 {
		t.Errorf("client token %q", i.ClientToken)
	}
	if id, err := c.github.Connect(configurationOf(i.UserData)); err != nil || id != runner.ID {
		t.Errorf("the instance's configuration is not its runner's: %d, %v", id, err)
	}
	b := builds[0]
	macName := fmt.Sprintf("grp-macOS-arm64-%d-1", mac.ID)
	if joined := strings.Join(b.Labels, " "); !strings.Contains(joined, macName) || !strings.Contains(joined, fmt.Sprintf("runner-%d", registered(t, c.github, macName).ID)) {
		t.Errorf("the build's labels are %v", b.Labels)
	}
	for k, want := range map[string]string{"GITHUB_REPO_OWNER": "octo-org", "GITHUB_REPO_NAME": "app", "GITHUB_RUNNER_LABELS": "self-hosted,macOS,arm64,macOS-arm64", "RUNNER_NAME": macName} {
		if b.Variables[k] != want {
			t.Errorf("the build's %s is %q, want %q", k, b.Variables[k], want)
		}
	}
	if c.github.Calls()["POST /repos/{owner}/{repo}/actions/runners/generate-jitconfig"] != 2 || c.ec2.Calls()["RunInstances"] != 1 {
		t.Errorf("calls %v %v", c.github.Calls(), c.ec2.Calls())
	}
	_, metrics := s.get(t, "/metrics")
	for _, want := range []string{
		`runner_provisioner_deliveries_total{status="queued"} 2`, `runner_provisioner_deliveries_total{status="duplicate"} 4`,
		`runner_provisioner_jobs_total{outcome="launched",type="ubuntu-arm64"} 1`, `runner_provisioner_launch_duration_seconds_count{provider="aws",type="ubuntu-arm64"} 1`,
		"runner_provisioner_queue_jobs", "runner_provisioner_github_requests_remaining", "runner_provisioner_machines{",
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("the metrics lack %s", want)
		}
	}
	if code := s.stop(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	c.checkNoSecret(t, s.out.String()+metrics)
}

func registered(t *testing.T, g *githubtest.Server, name string) githubtest.Runner {
	t.Helper()
	for _, r := range g.Runners() {
		if r.Name == name {
			return r
		}
	}
	t.Fatalf("no runner %s is registered", name)
	return githubtest.Runner{}
}

// TestEveryRowOfTheContract sends the whole table of deliveries to the built binary.
func TestEveryRowOfTheContract(t *testing.T) {
	t.Parallel()
	c := newClouds(t)
	c.env["REPOSITORIES"] = strings.Join(webhooktest.Repositories(), ",")
	var catalogue strings.Builder
	catalogue.WriteString("runners:\n")
	for _, x := range webhooktest.Types() {
		fmt.Fprintf(&catalogue, "  - {name: %s, labels: [%s], provider: aws, aws: {image: ami-1, instance_types: [t4g.small]}}\n", x.Name, strings.Join(x.Labels, ", "))
	}
	c.env["RUNNERS_FILE"] = filepath.Join(t.TempDir(), "runners.yaml")
	if err := os.WriteFile(c.env["RUNNERS_FILE"], []byte(catalogue.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	c.env["RECONCILE_INTERVAL"] = "0"
	for _, x := range []string{"example-workflow", "Hello-World", "app"} {
		c.github.AddRepository("Octocoders", x)
		c.github.AddRepository("octo-org", x)
	}
	s := start(t, c.env)
	for _, x := range webhooktest.Cases(secrets["WEBHOOK_TOKEN"]) {
		if x.QueueFails {
			continue // TestAJobThatCantBeStoredIsRefused
		}
		t.Run(x.Name, func(t *testing.T) {
			for range x.Times {
				req, err := x.NewRequest(t.Context(), s.url+"/webhook")
				if err != nil {
					t.Fatal(err)
				}
				resp, err := client.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				answer, header := readAll(t, resp), resp.Header
				x.Check(t, resp.StatusCode, header, answer)
			}
		})
	}
	c.checkNoSecret(t, s.out.String())
}

func TestAJobThatCantBeStoredIsRefused(t *testing.T) {
	t.Parallel()
	c := newClouds(t)
	s := start(t, c.env)
	file, err := sql.Open("sqlite", strings.TrimPrefix(c.env["QUEUE_URL"], "sqlite://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	if _, err := file.ExecContext(t.Context(), "pragma busy_timeout = 60000; drop table messages"); err != nil {
		t.Fatal(err)
	}
	code, status, err := s.deliver(t.Context(), c.github.Payload("queued", c.github.QueueJob(app, "ubuntu-arm64")))
	if err != nil || code != http.StatusServiceUnavailable || status != "unavailable" {
		t.Errorf("%d %s, %v", code, status, err)
	}
	if code, _ := s.get(t, "/readyz"); code != http.StatusServiceUnavailable {
		t.Errorf("/readyz answers %d", code)
	}
	if code, _ := s.get(t, "/healthz"); code != http.StatusOK {
		t.Errorf("/healthz answers %d", code)
	}
}

func TestWithoutSettingsItSaysWhatIsMissing(t *testing.T) {
	cmd := exec.Command(binary)
	cmd.Env = []string{"HOME=" + t.TempDir()}
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != 1 {
		t.Errorf("exit code %d, %v", cmd.ProcessState.ExitCode(), err)
	}
	for _, name := range []string{"GITHUB_TOKEN", "WEBHOOK_TOKEN", "CODEMAGIC_TOKEN", "CODEMAGIC_APP_ID", "AWS_REGION"} {
		if !strings.Contains(string(out), name+": ") {
			t.Errorf("%s is not named:\n%s", name, out)
		}
	}
	if strings.Contains(string(out), "goroutine") {
		t.Error("a stack trace")
	}
}

func TestABrokenCatalogueIsReportedWithItsPlaces(t *testing.T) {
	c := newClouds(t)
	c.env["RUNNERS_FILE"] = filepath.Join(t.TempDir(), "runners.yaml")
	if err := os.WriteFile(c.env["RUNNERS_FILE"], []byte("runners:\n  - name: a\n    labels: []\n    provider: azure\n    colour: red\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary)
	for k, v := range c.env {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	out, _ := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != 1 {
		t.Errorf("exit code %d", cmd.ProcessState.ExitCode())
	}
	for _, want := range []string{"runners.yaml:3:", "runners.yaml:4:15: ", "runners.yaml:5:5: "} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the message lacks %q:\n%s", want, out)
		}
	}
	c.checkNoSecret(t, string(out))
}

func TestFailingCloudsShowNoSecret(t *testing.T) {
	t.Parallel()
	c := newClouds(t)
	inTurn := fakehttp.InTurn()
	quote := func(request string) string { // without the access key's id, which is no secret
		return inTurn(strings.ReplaceAll(request, secrets["AWS_ACCESS_KEY_ID"], "AKIA"))
	}
	broken := func(string, *http.Request) *fakehttp.Fault {
		return &fakehttp.Fault{Status: http.StatusForbidden, Quote: quote}
	}
	c.ec2.SetFaults(broken)
	c.codemagic.SetFaults(broken)
	s := start(t, c.env)
	for _, label := range []string{"ubuntu-arm64", "macOS-arm64"} {
		if _, _, err := s.deliver(t.Context(), c.github.Payload("queued", c.github.QueueJob(app, label))); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "both jobs wait", func() bool { return strings.Count(s.out.String(), "an attempt left the job waiting") >= 2 })
	c.github.SetFaults(broken)
	if _, _, err := s.deliver(t.Context(), c.github.Payload("queued", c.github.QueueJob(app, "ubuntu-arm64"))); err != nil {
		t.Fatal(err)
	}
	s.awaitSweeps(t, 2)
	_, metrics := s.get(t, "/metrics")
	s.kill()
	c.checkNoSecret(t, s.out.String()+metrics)
	if len(c.ec2.Instances())+len(c.codemagic.Builds()) != 0 {
		t.Error("machines were made")
	}
}

func readAll(t *testing.T, resp *http.Response) []byte {
	t.Helper()
	defer func() { _ = resp.Body.Close() }()
	var b strings.Builder
	buf := make([]byte, 4096)
	for {
		n, err := resp.Body.Read(buf)
		b.Write(buf[:n])
		if err != nil {
			return []byte(b.String())
		}
	}
}

func TestTheStartSaysThatItSendsNoTraces(t *testing.T) {
	t.Parallel()
	c := newClouds(t)
	c.env["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://localhost:4318"
	if out := start(t, c.env).out.String(); !strings.Contains(out, "no traces are sent by this binary") {
		t.Errorf("the log:\n%s", out)
	}
}

func TestTheStartSaysWhatItServesAndWhatIsMisspelt(t *testing.T) {
	t.Parallel()
	c := newClouds(t)
	c.env["REPOSITORY"], c.env["DEPLOYMENT"] = "SECRET/REPOSITORY", "blue"
	s := start(t, c.env)
	eventually(t, "it says what it serves", func() bool { return strings.Contains(s.out.String(), `"msg":"serving"`) })
	out := s.out.String()
	for _, want := range []string{
		"REPOSITORY is set, and nothing reads it: was REPOSITORIES meant?", "any repository that has the webhook may start machines",
		`"types":"ubuntu-arm64,macOS-arm64","repositories":"all","queue":"` + c.env["QUEUE_URL"] + `","reconcile_interval":"1s","deployment":"blue"`,
	} {
		if strings.Count(out, want) != 1 {
			t.Errorf("want %s once in\n%s", want, out)
		}
	}
	if strings.Contains(out, c.env["REPOSITORY"]) {
		t.Error("the value of REPOSITORY is shown")
	}
	c.checkNoSecret(t, out)
}

func TestALargerDeliveryThanTheSettingAllowsIsRefused(t *testing.T) {
	t.Parallel()
	c := newClouds(t)
	payload := c.github.Payload("queued", c.github.QueueJob(app, "ubuntu-arm64"))
	c.env["MAX_BODY_BYTES"] = strconv.Itoa(len(payload))
	s := start(t, c.env)
	for body, want := range map[string]int{string(payload): http.StatusAccepted, string(payload) + " ": http.StatusRequestEntityTooLarge} {
		if code, status, err := s.deliver(t.Context(), []byte(body)); err != nil || code != want {
			t.Errorf("%d bytes of %d: %d %s, %v", len(body), len(payload), code, status, err)
		}
	}
}
