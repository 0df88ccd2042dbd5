package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/datawire/github-runner-provisioner/adapters/statuspage"
	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/github/githubtest"
	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest/fakehttp"
)

const adminToken = "SECRETADMINTOKEN"

// withPage has the service serve the status page, to those who know the token.
func (c *clouds) withPage() { c.env["ADMIN_ADDR"], c.env["ADMIN_TOKEN"] = "127.0.0.1:0", adminToken }

var pageAddress = regexp.MustCompile(`"msg":"the status page is served","address":"([^"]+)"`)

func (s *service) pageAddr(t testing.TB) string {
	t.Helper()
	m := pageAddress.FindStringSubmatch(s.out.String())
	if m == nil {
		t.Fatalf("the log does not say where the status page is:\n%s", s.out)
	}
	return m[1]
}

// page gets something from the status page.
func (s *service) page(t testing.TB, path, accept string) (code int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.pageAddr(t)+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", accept)
	req.SetBasicAuth("anybody", adminToken)
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b)
}

// explained asks for a job.
func (s *service) explained(t testing.TB, id int64) (j statuspage.Job) {
	t.Helper()
	code, body := s.page(t, fmt.Sprintf("/jobs/%d", id), "application/json")
	if code == http.StatusNotFound {
		return j
	}
	if err := json.Unmarshal([]byte(body), &j); err != nil || code != http.StatusOK {
		t.Fatalf("%d %s: %v", code, body, err)
	}
	return j
}

// command runs another command of the binary, which asks this service.
func (s *service) command(t testing.TB, args ...string) (code int, out string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary, args...)
	cmd.Env = []string{"HOME=" + t.TempDir(), "ADMIN_ADDR=" + s.pageAddr(t), "ADMIN_TOKEN=" + adminToken}
	b, _ := cmd.CombinedOutput()
	return cmd.ProcessState.ExitCode(), string(b)
}

// catalogue makes the service serve one type, with further keys.
func (c *clouds) catalogue(t testing.TB, keys string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "runners.yaml")
	text := "runners:\n  - name: ubuntu-arm64\n    labels: [ubuntu-arm64]\n    provider: aws\n" + keys +
		"    aws: {image: ami-1, instance_types: [t4g.xlarge], subnets: [subnet-a]}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c.env["RUNNERS_FILE"] = file
}

// send queues jobs at GitHub and delivers their webhooks.
func (c *clouds) send(t testing.TB, s *service, n int, labels ...string) (jobs []provisioner.Job) {
	t.Helper()
	jobs = c.github.QueueJobs(app, n, labels...)
	for _, j := range jobs {
		if _, _, err := s.deliver(t.Context(), c.github.Payload("queued", j)); err != nil {
			t.Fatal(err)
		}
	}
	return jobs
}

// situation is one in which somebody asks why a job waits.
type situation struct {
	// keys of the runner type, and further settings.
	keys string
	env  map[string]string
	// prepare is done before the service starts, and do after it: it returns the job.
	prepare func(t *testing.T, c *clouds)
	do      func(t *testing.T, c *clouds, s *service) provisioner.Job
	state   string
	// sentence is a part of what is said.
	sentence string
	// logged is a part of the log's line about the job.
	logged string
}

func deliverOne(t *testing.T, c *clouds, s *service) provisioner.Job {
	return c.send(t, s, 1, "ubuntu-arm64")[0]
}

func ec2Answers(code string) func(*testing.T, *clouds) {
	return func(_ *testing.T, c *clouds) {
		c.ec2.SetFaults(func(operation string, _ *http.Request) *fakehttp.Fault {
			if operation != "RunInstances" {
				return nil
			}
			return &fakehttp.Fault{Status: http.StatusInternalServerError, Body: "<Response><Errors><Error><Code>" + code + "</Code><Message>words of EC2</Message></Error></Errors></Response>"}
		})
	}
}

var situations = map[string]situation{
	"a bad token": {
		prepare: func(_ *testing.T, c *clouds) {
			c.github.SetFaults(func(string, *http.Request) *fakehttp.Fault {
				return &fakehttp.Fault{Status: http.StatusUnauthorized, Body: `{"message":"Bad credentials"}`}
			})
		},
		do: deliverOne, state: "waiting", sentence: "GitHub does not accept the service's credential", logged: `"because":"credential","system":"github"`,
	},
	"no capacity": {
		prepare: ec2Answers("InsufficientInstanceCapacity"),
		do:      deliverOne, state: "waiting", sentence: "EC2 has no capacity for ubuntu-arm64", logged: `"because":"capacity","system":"aws"`,
	},
	"wrong labels": {
		do: func(t *testing.T, c *clouds, s *service) provisioner.Job {
			return c.send(t, s, 1, "ubuntu-arm64", "gpu")[0]
		},
		state: "ignored", sentence: "No runner type serves its labels: no runner type serves the labels [ubuntu-arm64, gpu]: ubuntu-arm64 lacks gpu.", logged: `ubuntu-arm64 lacks gpu`,
	},
	"max reached": {
		keys: "    max: 1\n",
		do: func(t *testing.T, c *clouds, s *service) provisioner.Job {
			c.send(t, s, 1, "ubuntu-arm64")
			eventually(t, "the first machine", func() bool { return len(c.alive()) == 1 })
			return deliverOne(t, c, s)
		},
		state: "waiting", sentence: "ubuntu-arm64 has its 1 machine, which is its max", logged: `"because":"max"`,
	},
	"a machine that never boots": {
		do: deliverOne, state: "booting", sentence: "without an online runner it is replaced at", logged: `"msg":"job settled"`,
	},
	"machines that never boot": {
		keys: "    boot_deadline: 1s\n",
		do:   deliverOne, state: "given_up", sentence: "none of its 4 machines came up", logged: `"msg":"job given up`,
	},
	"a denied repository": {
		env: map[string]string{"REPOSITORIES": "octo-org/other"},
		do:  deliverOne, state: "denied", sentence: "It is denied: the repository octo-org/app is not allowed to use runners", logged: `"status":"denied"`,
	},
	"a rate limit": {
		prepare: func(_ *testing.T, c *clouds) { c.github.SetRateLimit(&githubtest.RateLimit{For: time.Hour}) },
		do:      deliverOne, state: "waiting", sentence: "GitHub's rate limit is used up: it is tried again at", logged: `"because":"rate_limit","system":"github"`,
	},
	"behind others": {
		do: func(t *testing.T, c *clouds, s *service) provisioner.Job {
			registering, release := c.holdRegistrations()
			t.Cleanup(release)
			jobs := c.send(t, s, 12, "ubuntu-arm64")
			eventually(t, "eight attempts", func() bool { return registering.Load() == 8 })
			return jobs[11]
		},
		state: "waiting", sentence: "jobs of ubuntu-arm64 come first. It is tried in its turn.", logged: `"because":"behind"`,
	},
	"the circuit breaker": {
		keys: "    boot_deadline: 1s\n",
		do: func(t *testing.T, c *clouds, s *service) provisioner.Job {
			c.send(t, s, 6, "ubuntu-arm64")
			eventually(t, "the breaker", func() bool { return strings.Contains(s.out.String(), "machines boot and never register") })
			return deliverOne(t, c, s)
		},
		state: "waiting", sentence: "Machines of ubuntu-arm64 boot and never register", logged: `"because":"boot_failures"`,
	},
}

// TestWhyAJobWaitsIsSaidEverywhere has a job in each situation, and looks for the sentence on the
// page, in its JSON, at the command line and in the log.
func TestWhyAJobWaitsIsSaidEverywhere(t *testing.T) {
	t.Parallel()
	for name, x := range situations {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newClouds(t)
			c.withPage()
			c.catalogue(t, x.keys)
			maps.Copy(c.env, x.env)
			if x.prepare != nil {
				x.prepare(t, c)
			}
			s := start(t, c.env)
			j := x.do(t, c, s)
			x.check(t, c, s, j.ID)
		})
	}
}

func (x situation) check(t *testing.T, c *clouds, s *service, id int64) {
	t.Helper()
	eventually(t, x.sentence, func() bool {
		j := s.explained(t, id)
		return string(j.State) == x.state && strings.Contains(j.Because, x.sentence)
	})
	said := func(text string) bool { return strings.Contains(strings.ReplaceAll(text, "&#39;", "'"), x.sentence) }
	if code, body := s.page(t, fmt.Sprintf("/jobs/%d", id), "text/html"); code != http.StatusOK || !said(body) {
		t.Errorf("the page does not say it: %d\n%s", code, body)
	}
	if code, out := s.command(t, "explain", fmt.Sprint(id)); code != 0 || !said(out) {
		t.Errorf("explain does not say it: exit code %d\n%s", code, out)
	}
	eventually(t, "the log's line with "+x.logged, func() bool {
		for line := range strings.Lines(s.out.String()) {
			if strings.Contains(line, fmt.Sprintf(`"job":%d`, id)) && strings.Contains(line, x.logged) {
				return true
			}
		}
		return false
	})
	c.checkNoSecret(t, s.out.String())
	if strings.Contains(s.out.String(), adminToken) {
		t.Error("the token is in the log")
	}
}

func TestAJobThatGetsNoMachineIsShownAtGitHub(t *testing.T) {
	t.Parallel()
	c := newClouds(t)
	c.catalogue(t, "")
	c.env["REPORT"], c.env["REPOSITORIES"] = "status", "octo-org/other"
	s := start(t, c.env)
	j := deliverOne(t, c, s)
	eventually(t, "a commit status", func() bool { return len(c.github.Notices()) > 0 })
	s.awaitSweeps(t, 8) // and a look or two for others, which must not come
	n := c.github.Notices()
	if len(n) != 1 || n[0].Repository != app || n[0].State != "error" || n[0].URL != j.URL || !strings.HasPrefix(n[0].Text, "It is denied: the repository octo-org/app is not allowed") {
		t.Errorf("%+v", n)
	}
}

// Check runs are for Apps alone.
func TestAnAppShowsItAsACheckRun(t *testing.T) {
	t.Parallel()
	c := newClouds(t)
	c.catalogue(t, "")
	c.github = githubtest.New(githubtest.Config{AppID: 7})
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	delete(c.env, "GITHUB_TOKEN")
	c.env["GITHUB_API_URL"], c.env["GITHUB_APP_ID"], c.env["GITHUB_APP_PRIVATE_KEY"] = listen(t, c.github), "7", string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
	c.env["REPORT"], c.env["REPOSITORIES"] = "check", "octo-org/other"
	s := start(t, c.env)
	j := deliverOne(t, c, s)
	eventually(t, "a check run", func() bool { return len(c.github.Notices()) > 0 })
	if n := c.github.Notices()[0]; !n.Check || n.State != "failure" || n.URL != j.URL || !strings.HasPrefix(n.Text, "It is denied: ") {
		t.Errorf("%+v", n)
	}
}

// A lost queue file takes the history with it, and not the jobs.
func TestAfterALostQueueFileAJobIsExplainedAgain(t *testing.T) {
	t.Parallel()
	c := newClouds(t)
	c.withPage()
	c.catalogue(t, "")
	c.env["REPOSITORIES"] = app.String()
	ec2Answers("InsufficientInstanceCapacity")(t, c)
	s := start(t, c.env)
	id := deliverOne(t, c, s).ID
	eventually(t, "it waits", func() bool { return s.explained(t, id).State == "waiting" })
	s.kill()
	for _, suffix := range []string{"", "-wal", "-shm"} {
		_ = os.Remove(strings.TrimPrefix(c.env["QUEUE_URL"], "sqlite://") + suffix)
	}
	s = start(t, c.env)
	x := situation{state: "waiting", sentence: "EC2 has no capacity for ubuntu-arm64", logged: `"because":"capacity"`}
	x.check(t, c, s, id)
	var steps []string
	for _, step := range s.explained(t, id).Timeline {
		steps = append(steps, string(step.Step))
	}
	if !strings.HasPrefix(strings.Join(steps, " "), "created requeued ") {
		t.Errorf("its timeline begins with %v", steps)
	}
}

func TestTheHistoryOfAJobOutlivesTheProcess(t *testing.T) {
	t.Parallel()
	c := newClouds(t)
	c.withPage()
	c.catalogue(t, "")
	s := start(t, c.env)
	j := deliverOne(t, c, s)
	eventually(t, "a machine", func() bool { return len(c.alive()) == 1 })
	if _, err := c.github.Connect(configurationOf(c.alive()[0].UserData)); err != nil {
		t.Fatal(err)
	}
	c.github.Assign()
	if _, _, err := s.deliver(t.Context(), c.github.Payload("in_progress", j)); err != nil {
		t.Fatal(err)
	}
	c.github.FinishJob(j.ID, "success")
	if _, _, err := s.deliver(t.Context(), c.github.Payload("completed", j)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it has ended", func() bool { return s.explained(t, j.ID).State == "ended" })
	before := s.explained(t, j.ID)
	if code := s.stop(t); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	s = start(t, c.env)
	after := s.explained(t, j.ID)
	if after.State != "ended" || len(after.Timeline) != len(before.Timeline) || after.Because != "" {
		t.Errorf("after the restart %+v, before it %+v", after, before)
	}
	var steps []string
	for _, step := range after.Timeline {
		steps = append(steps, string(step.Step))
	}
	for _, want := range []string{"created", "accepted", "registered", "launched", "started", "ended"} {
		if !strings.Contains(strings.Join(steps, " "), want) {
			t.Errorf("its timeline is %v, without %s", steps, want)
		}
	}
}
