package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/datawire/github-runner-provisioner/adapters/statuspage"
	"github.com/datawire/github-runner-provisioner/awsrunner/ec2test"
	"github.com/datawire/github-runner-provisioner/provisioner/github/githubtest"
)

// invoke runs the binary with no settings but those.
func invoke(t *testing.T, env map[string]string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	cmd := exec.CommandContext(t.Context(), binary, args...)
	cmd.Stdout, cmd.Stderr, cmd.Dir = &out, &err, t.TempDir()
	cmd.Env = []string{"HOME=" + t.TempDir()}
	for k, v := range env {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	_ = cmd.Run()
	return cmd.ProcessState.ExitCode(), out.String(), err.String()
}

func TestCommandsThatNeedNoSettings(t *testing.T) {
	t.Parallel()
	version := fmt.Sprintf("github-runner-provisioner %s (%s %s/%s)\n", builtVersion, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	for args, want := range map[string]string{
		"version": version, "--version": version, "help": "explain JOB", "--help": "check    ", "-h": "status   ",
	} {
		if code, out, err := invoke(t, nil, args); code != 0 || !strings.Contains(out, want) || err != "" {
			t.Errorf("%s: exit code %d\n%s%s", args, code, out, err)
		}
	}
}

func TestArgumentsThatAreNotUnderstood(t *testing.T) {
	t.Parallel()
	for _, args := range []string{
		"version now", "help me", "explain", "explain 1 2", "explain build", "explain https://github.com/o/r/actions/runs/7", "explain 0", "explain --colour 1", "status all", "check online", "check --of",
	} {
		code, out, err := invoke(t, nil, strings.Fields(args)...)
		if code != 2 || out != "" || strings.Count(err, "\n") != 1 || !strings.Contains(err, "explain JOB") {
			t.Errorf("%s: exit code %d, and not one line that says what there is:\n%s%s", args, code, out, err)
		}
	}
}

func TestTheServerIsAskedWhereItIs(t *testing.T) {
	t.Parallel()
	c := newClouds(t)
	c.withPage()
	c.catalogue(t, "    max: 7\n")
	s := start(t, c.env)
	j := deliverOne(t, c, s)
	eventually(t, "a machine", func() bool { return s.explained(t, j.ID).State == "booting" })

	right := map[string]string{"ADMIN_ADDR": s.pageAddr(t), "ADMIN_TOKEN": adminToken}
	code, out, err := invoke(t, right, "status")
	if code != 0 || !strings.Contains(out, builtVersion) || !strings.Contains(out, "ubuntu-arm64  aws       0        -      1") || err != "" {
		t.Errorf("status: exit code %d\n%s%s", code, out, err)
	}
	code, out, _ = invoke(t, right, "status", "--json")
	var o statuspage.Overview
	if json.Unmarshal([]byte(out), &o) != nil || code != 0 || len(o.Types) != 1 || o.Types[0].Max != 7 || o.Types[0].Booting != 1 {
		t.Errorf("status --json: exit code %d\n%s", code, out)
	}
	code, out, _ = invoke(t, right, "explain", fmt.Sprintf("https://github.com/octo-org/app/actions/runs/1/job/%d", j.ID), "--json")
	var x statuspage.Job
	if json.Unmarshal([]byte(out), &x) != nil || code != 0 || x.ID != j.ID || x.State != "booting" || len(x.Timeline) == 0 {
		t.Errorf("explain --json: exit code %d\n%s", code, out)
	}
	code, out, _ = invoke(t, right, "explain", fmt.Sprint(j.ID))
	for _, want := range []string{"starts; without an online runner it is replaced", fmt.Sprintf("job %d of octo-org/app, type ubuntu-arm64: booting for ", j.ID), "accepted", "registered", "launched", "t4g.xlarge in subnet-a"} {
		if code != 0 || !strings.Contains(out, want) {
			t.Errorf("explain: exit code %d, without %q:\n%s", code, want, out)
		}
	}
	code, out, err = invoke(t, right, "explain", "4711")
	if code != 1 || out != "" || !strings.Contains(err, "4711") {
		t.Errorf("an unknown job: exit code %d\n%s%s", code, out, err)
	}
	code, _, err = invoke(t, map[string]string{"ADMIN_ADDR": s.pageAddr(t), "ADMIN_TOKEN": "wrong"}, "status")
	if code != 1 || !strings.Contains(err, "does not accept ADMIN_TOKEN") || strings.Contains(err, "wrong") {
		t.Errorf("a wrong token: exit code %d\n%s", code, err)
	}
	code, out, _ = invoke(t, map[string]string{"ADMIN_TOKEN": adminToken}, "status", "--admin-addr", s.pageAddr(t))
	if code != 0 || !strings.Contains(out, "ubuntu-arm64") {
		t.Errorf("the flag: exit code %d\n%s", code, out)
	}
}

func TestWhereNoServerIs(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nowhere := l.Addr().String()
	_ = l.Close()
	if code, _, err := invoke(t, map[string]string{"ADMIN_ADDR": nowhere}, "status"); code != 1 || !strings.Contains(err, "does not answer") || strings.Count(err, "\n") != 1 {
		t.Errorf("a server that is down: exit code %d\n%s", code, err)
	}
	if code, _, err := invoke(t, nil, "status"); code != 1 || !strings.Contains(err, "set ADMIN_ADDR") {
		t.Errorf("no server named: exit code %d\n%s", code, err)
	}
	if code, _, err := invoke(t, nil, "explain", "1"); code != 1 || !strings.Contains(err, "set ADMIN_ADDR") || !strings.Contains(err, "GITHUB_TOKEN: ") {
		t.Errorf("neither server nor settings: exit code %d\n%s", code, err)
	}
}

// Where there is no server, as on Lambda, GitHub and the clouds are asked.
func TestExplainAsksGitHubAndTheCloudsWhereThereIsNoServer(t *testing.T) {
	t.Parallel()
	c := newClouds(t)
	c.catalogue(t, "")
	c.env["DEPLOYMENT"], c.env["REPOSITORIES"] = "prod", "octo-org/*"
	s := start(t, c.env)
	ended := deliverOne(t, c, s)
	eventually(t, "a machine", func() bool { return len(c.alive()) == 1 })
	if _, err := c.github.Connect(configurationOf(c.alive()[0].UserData)); err != nil {
		t.Fatal(err)
	}
	c.github.Assign()
	c.github.FinishJob(ended.ID, "success")
	booting := deliverOne(t, c, s)
	eventually(t, "another machine", func() bool { return len(c.ec2.Instances()) == 2 })
	s.kill()
	waiting, labels := c.github.QueueJob(app, "ubuntu-arm64"), c.github.QueueJob(app, "ubuntu-arm64", "gpu")
	for name, x := range map[string]struct {
		id       int64
		sentence string
		state    string
	}{
		"a job that has ended":    {ended.ID, "", "ended"},
		"one whose machine boots": {booting.ID, "starts; without an online runner it is replaced at", "booting"},
		"one without a machine":   {waiting.ID, "It waits at GitHub and has no machine. Why only the service knows", "waiting"},
		"one that no type serves": {labels.ID, "ubuntu-arm64 lacks gpu", "ignored"},
	} {
		code, out, err := invoke(t, c.env, "explain", fmt.Sprintf("https://github.com/octo-org/app/actions/runs/1/job/%d", x.id))
		if code != 0 || !strings.Contains(out, x.sentence) || !strings.Contains(out, ": "+x.state+" for ") || !strings.Contains(err, "note: no server was asked") {
			t.Errorf("%s: exit code %d\n%s%s", name, code, out, err)
		}
	}
	if code, _, err := invoke(t, c.env, "explain", fmt.Sprint(waiting.ID)); code != 1 || !strings.Contains(err, "give its address at GitHub") {
		t.Errorf("an id alone: exit code %d\n%s", code, err)
	}
	c.env["REPOSITORIES"] = "octo-org/app"
	if code, out, err := invoke(t, c.env, "explain", fmt.Sprint(waiting.ID)); code != 0 || !strings.Contains(out, "octo-org/app") {
		t.Errorf("an id, and one repository: exit code %d\n%s%s", code, out, err)
	}
	if code, _, err := invoke(t, c.env, "explain", "4711"); code != 1 || !strings.Contains(err, "GitHub shows no job 4711 in octo-org/app") {
		t.Errorf("no such job: exit code %d\n%s", code, err)
	}
	c.env["REPOSITORIES"] = "octo-org/other"
	if code, out, _ := invoke(t, c.env, "explain", fmt.Sprintf("https://github.com/octo-org/app/actions/runs/1/job/%d", waiting.ID)); code != 0 || !strings.Contains(out, "It is denied: ") {
		t.Errorf("a repository that is not allowed: exit code %d\n%s", code, out)
	}
}

func TestCheckTriesWhatTheSettingsPromise(t *testing.T) {
	t.Parallel()
	c := newClouds(t)
	c.env["REPOSITORIES"], c.env["WEBHOOK_HOOK"] = "octo-org/app", "octo-org/app/7"
	c.ec2.SetImage("ami-0123456789abcdef0", ec2test.Image{})
	c.env["AWS_ENDPOINT_URL_SSM"] = listen(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"Parameter":{"Value":"ami-0123456789abcdef0"}}`) // Ubuntu's newest
	}))
	c.github.AddRepository("octo-org", "app")
	c.github.SetHook("octo-org/app/7", githubtest.Hook{Events: []string{"workflow_job"}})
	code, out, err := invoke(t, c.env, "check")
	for _, want := range []string{
		"ok      runner type ubuntu-arm64: [self-hosted, linux, arm64, ubuntu-arm64] on aws, no max\n", "ok      repositories: octo-org/app\n",
		"ok      at AWS the service is arn:aws:iam::123456789012:user/runners: account 123456789012, region us-east-1\n", "ok      at GitHub the service is the user octocat\n",
		"ok      the webhook octo-org/app/7: it is active, and sends Workflow jobs to https://runners.example/webhook\n", "note    the webhook octo-org/app/7: whether its secret is WEBHOOK_TOKEN nobody can read",
		"ok      ubuntu-arm64: a launch at t4g.xlarge: EC2 would make it", "ok      ubuntu-arm64: a launch at m7g.xlarge: EC2 would make it", "ami-id: ami-0123456789abcdef0, arm64, root device /dev/sda1 of 8 GiB\n",
		"ok      macOS-arm64: Codemagic's app app: the token can see it\n",
		"is made at the first start",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("check does not say %q", want)
		}
	}
	if code != 0 || err != "" || strings.Contains(out, "failed") {
		t.Errorf("exit code %d\n%s%s", code, out, err)
	}
	c.checkNoSecret(t, out)
	if n := len(c.ec2.Instances()) + len(c.codemagic.Builds()) + len(c.github.Runners()); n != 0 {
		t.Errorf("%d things were made", n)
	}

	c.github.SetHook("octo-org/app/7", githubtest.Hook{Events: []string{"push"}})
	ec2Answers("UnauthorizedOperation")(t, c)
	code, out, _ = invoke(t, c.env, "check")
	for _, want := range []string{
		"failed  the webhook octo-org/app/7: it is not subscribed to Workflow jobs, but to push\n", "failed  ubuntu-arm64: a launch at t4g.xlarge: EC2 refuses: UnauthorizedOperation",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("check does not say %q", want)
		}
	}
	if code != 1 {
		t.Errorf("exit code %d\n%s", code, out)
	}
}

func TestCheckOfflineAsksNobody(t *testing.T) {
	t.Parallel()
	c := newClouds(t)
	for _, k := range []string{"GITHUB_API_URL", "CODEMAGIC_API_URL", "AWS_ENDPOINT_URL_EC2", "AWS_ENDPOINT_URL_STS"} {
		c.env[k] = "http://127.0.0.1:1"
	}
	c.env["GITHUB_TOKEN"], c.env["WEBHOOK_TOKEN"] = "ssm:/github/token", "secretsmanager:webhook"
	code, out, err := invoke(t, c.env, "check", "--offline")
	if code != 0 || !strings.Contains(out, "ok      runner type ubuntu-arm64: ") || strings.Contains(out, "failed") {
		t.Errorf("exit code %d\n%s%s", code, out, err)
	}
	c.env["LISTEN_ADDR"] = "8080"
	if code, _, err := invoke(t, c.env, "check", "--offline"); code != 1 || !strings.Contains(err, "LISTEN_ADDR: ") {
		t.Errorf("settings that are not valid: exit code %d\n%s", code, err)
	}
}
