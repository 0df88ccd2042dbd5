package main

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/github/githubtest"
)

func TestAJobQueuedWhileTheServiceWasDownIsServedAfterItsRestart(t *testing.T) {
	t.Parallel()
	c := newClouds(t)
	s := start(t, c.env)
	first := c.github.QueueJob(app, "ubuntu-arm64") // makes the repository known
	if code, _, err := s.deliver(t.Context(), c.github.Payload("queued", first)); err != nil || code != http.StatusAccepted {
		t.Fatalf("%d, %v", code, err)
	}
	eventually(t, "the first job has a machine", func() bool { return len(c.ec2.Instances()) == 1 })
	s.awaitSweeps(t, 1) // which writes the repository down
	if code := s.stop(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	missed := c.github.QueueJob(app, "ubuntu-arm64")
	s = start(t, c.env)
	eventually(t, "the missed job has a machine", func() bool {
		return slices.Contains(jobsOf(c.ec2.Instances()), fmt.Sprint(missed.ID))
	})
	s.awaitSweeps(t, 2)
	if got := jobsOf(c.ec2.Instances()); len(got) != 2 {
		t.Errorf("machines for the jobs %v\n%s", got, tail(s.out.String()))
	}
}

func TestAFailedDeliveryIsTakenFromGitHubsLog(t *testing.T) {
	t.Parallel()
	c := newClouds(t)
	c.env["WEBHOOK_HOOK"] = "octo-org/app/7"
	j := c.github.QueueJob(app, "ubuntu-arm64")
	c.github.AddDelivery("octo-org/app/7", githubtest.Delivery{
		GUID: "guid", Event: "workflow_job", Action: "queued", StatusCode: 502, Header: map[string]string{"X-GitHub-Event": "workflow_job"},
		Payload: c.github.Payload("queued", j), DeliveredAt: time.Now().Add(-time.Hour),
	})
	start(t, c.env)
	eventually(t, "the job has a machine", func() bool { return len(c.ec2.Instances()) == 1 })
}

func TestACancelledJobsMachineGoesAndABusyOneStays(t *testing.T) {
	t.Parallel()
	c := newClouds(t)
	s := start(t, c.env)
	jobs := []provisioner.Job{c.github.QueueJob(app, "ubuntu-arm64"), c.github.QueueJob(app, "ubuntu-arm64")}
	for _, j := range jobs {
		if code, _, err := s.deliver(t.Context(), c.github.Payload("queued", j)); err != nil || code != http.StatusAccepted {
			t.Fatalf("%d, %v", code, err)
		}
	}
	eventually(t, "both jobs have machines", func() bool { return len(c.ec2.Instances()) == 2 })
	busy := c.ec2.Instances()[0]
	if _, err := c.github.Connect(configurationOf(busy.UserData)); err != nil {
		t.Fatal(err)
	}
	assigned := c.github.Assign()
	if len(assigned) != 1 {
		t.Fatalf("assigned %+v", assigned)
	}
	for _, j := range jobs {
		if j.ID != assigned[0].Job && !c.github.CancelJob(j.ID) {
			t.Fatal("the job can't be cancelled")
		}
	}
	before := s.sweeps()
	eventually(t, "the cancelled job's machine is gone", func() bool { return len(c.alive()) == 1 })
	if took := s.sweeps() - before; took > 4 {
		t.Errorf("it took %d sweeps", took)
	}
	s.awaitSweeps(t, 3)
	if left := c.alive(); len(left) != 1 || left[0].ID != busy.ID {
		t.Errorf("left are %v, want the busy one", jobsOf(left))
	}
	for _, r := range c.github.Runners() {
		if !r.Busy {
			t.Errorf("the runner %s is left over", r.Name)
		}
	}
}

func TestLeftoversGo(t *testing.T) {
	t.Parallel()
	c := newClouds(t)
	c.env["REPOSITORIES"] = app.String()
	c.github.AddRepository(app.Owner, app.Name)
	s := start(t, c.env)
	j := c.github.QueueJob(app, "ubuntu-arm64")
	if code, _, err := s.deliver(t.Context(), c.github.Payload("queued", j)); err != nil || code != http.StatusAccepted {
		t.Fatalf("%d, %v", code, err)
	}
	eventually(t, "the job has a machine", func() bool { return len(c.ec2.Instances()) == 1 })
	// Its job ends elsewhere, and the machine dies without a word: the registration is left.
	c.github.CancelJob(j.ID)
	c.ec2.Shutdown(c.ec2.Instances()[0].ID)
	eventually(t, "the registration is gone", func() bool { return len(c.github.Runners()) == 0 })
}
