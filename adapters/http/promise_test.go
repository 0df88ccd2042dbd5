package main

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/datawire/github-runner-provisioner/awsrunner/ec2test"
	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/github/githubtest"
	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest/fakehttp"
)

// GitHub answers 404 while the token may not see the repository. Nothing is lost by that, with and
// without the reconciler.
func TestAccessThatIsTakenAwayForAWhileLosesNoJob(t *testing.T) {
	t.Parallel()
	for _, interval := range []string{"0", "1s"} {
		t.Run("reconcile every "+interval, func(t *testing.T) {
			t.Parallel()
			c := newClouds(t)
			c.env["RECONCILE_INTERVAL"] = interval
			target := provisioner.Target{Owner: app.Owner, Repo: app.Name}
			jobs := c.github.QueueJobs(app, 5, "ubuntu-arm64")
			c.github.SetAccess(target, githubtest.Hidden)
			s := start(t, c.env)
			for _, j := range jobs {
				if code, _, err := s.deliver(t.Context(), c.github.Payload("queued", j)); err != nil || code != http.StatusAccepted {
					t.Fatalf("%d, %v", code, err)
				}
			}
			eventually(t, "a job was tried twice", func() bool { return strings.Count(s.out.String(), "an attempt left the job waiting") >= 2 })
			c.github.SetAccess(target, githubtest.Granted)
			c.checkEachServedOnce(t, jobs, s.out.String)
			if strings.Contains(s.out.String(), `"status":"gone"`) {
				t.Errorf("a job was settled as gone:\n%s", tail(s.out.String()))
			}
		})
	}
}

// The middle of a migration: two installations, each with a GitHub of its own that has a repository
// of the same name, share an AWS account. The second gives machines less time.
func TestTwoInstallationsInOneAccountLeaveEachOthersMachinesAlone(t *testing.T) {
	t.Parallel()
	old, next := newClouds(t), newClouds(t)
	next.ec2, next.env["AWS_ENDPOINT_URL_EC2"] = old.ec2, old.env["AWS_ENDPOINT_URL_EC2"]
	catalogue := filepath.Join(t.TempDir(), "runners.yaml")
	if err := os.WriteFile(catalogue, []byte(`runners:
  - name: ubuntu-arm64
    labels: [ubuntu-arm64]
    provider: aws
    max: 1
    max_lifetime: 1s
    aws: {image: ami-1, instance_types: [t4g.small]}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	next.env["RUNNERS_FILE"] = catalogue
	running := make(map[*clouds]ec2test.Instance)
	a := start(t, old.env)
	j := old.github.QueueJob(app, "ubuntu-arm64")
	if code, _, err := a.deliver(t.Context(), old.github.Payload("queued", j)); err != nil || code != http.StatusAccepted {
		t.Fatalf("%d, %v", code, err)
	}
	eventually(t, "the first job has a machine", func() bool { return len(old.ec2.Instances()) == 1 })
	running[old] = old.ec2.Instances()[0]
	if _, err := old.github.Connect(configurationOf(running[old].UserData)); err != nil || len(old.github.Assign()) != 1 {
		t.Fatal("the job does not start", err)
	}

	b := start(t, next.env)
	next.github.AddRepository(app.Owner, app.Name)
	other := next.github.QueueJob(app, "ubuntu-arm64")
	if code, _, err := b.deliver(t.Context(), next.github.Payload("queued", other)); err != nil || code != http.StatusAccepted {
		t.Fatalf("%d, %v", code, err)
	}
	// The first installation's machine counts against no limit of the second, which ends its own
	// after a second.
	eventually(t, "the second installation has launched its machine, and ended it", func() bool {
		for _, i := range old.ec2.Instances() {
			if i.ID != running[old].ID && !i.Alive() {
				return true
			}
		}
		return false
	})
	b.awaitSweeps(t, 4)
	for _, i := range old.ec2.Instances() {
		if i.ID == running[old].ID && !i.Alive() {
			t.Errorf("the second installation ended the first one's busy machine\n%s", tail(b.out.String()))
		}
	}
	deployments := map[string]bool{}
	for _, i := range old.ec2.Instances() {
		deployments[i.Tags["runner-provisioner:deployment"]] = true
	}
	if len(deployments) != 2 {
		t.Errorf("the machines are of the deployments %v", deployments)
	}
}

// Whoever loses the queue's file, or moves a broken one away, loses no job: GitHub has them. Some
// were in the middle of their launch, under the lost file's deployment.
func TestALostQueueFileLosesNoJob(t *testing.T) {
	t.Parallel()
	c := newClouds(t)
	s := start(t, c.env)
	var left atomic.Int64
	left.Store(4)
	c.ec2.SetFaults(func(operation string, _ *http.Request) *fakehttp.Fault {
		if operation == "RunInstances" && left.Add(-1) < 0 {
			_ = s.cmd.Process.Kill()
			return &fakehttp.Fault{Drop: true}
		}
		return nil
	})
	accepted := c.burst(t, s, 12, func() {})
	eventually(t, "the kill", func() bool {
		select {
		case <-s.done:
			return true
		default:
			return false
		}
	})
	unheard := c.github.QueueJobs(provisioner.Repository{Owner: "octo-org", Name: "quiet"}, 2, "ubuntu-arm64")
	c.ec2.SetFaults(nil)
	env := maps.Clone(c.env)
	env["QUEUE_URL"] = "sqlite://" + filepath.Join(t.TempDir(), "new.db")
	s = start(t, env)
	eventually(t, "every job has a machine", func() bool {
		valid := c.validMachines()
		for _, j := range append(accepted, unheard...) {
			if valid[fmt.Sprint(j.ID)] == 0 {
				return false
			}
		}
		return true
	})
	t.Logf("%d jobs, %d machines", len(accepted)+len(unheard), len(c.ec2.Instances()))
}
