package github_test

import (
	"errors"
	"testing"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/github/githubtest"
)

func TestAJobIsReadAsItIs(t *testing.T) {
	g := githubtest.New(githubtest.Config{})
	app := provisioner.Repository{Owner: "octo-org", Name: "app"}
	c := fake(t, g)
	queued := g.QueueJob(app, "linux")
	got, err := c.Job(t.Context(), app, queued.ID)
	if err != nil || got.State != provisioner.JobWaiting || got.ID != queued.ID || got.Labels[0] != "linux" || !got.StartedAt.IsZero() || got.CreatedAt.IsZero() {
		t.Errorf("a job that waits: %+v, %v", got, err)
	}
	_, jit, err := c.Register(t.Context(), provisioner.Registration{Target: provisioner.Target{Owner: "octo-org", Repo: "app"}, Name: "grp-linux-1-1", Labels: []string{"linux"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.Connect(jit.Reveal()); err != nil {
		t.Fatal(err)
	}
	g.Assign()
	got, err = c.Job(t.Context(), app, queued.ID)
	if err != nil || got.State != provisioner.JobRunning || got.Runner.Name != "grp-linux-1-1" || got.StartedAt.IsZero() || !got.EndedAt.IsZero() {
		t.Errorf("a job that runs: %+v, %v", got, err)
	}
	g.FinishJob(queued.ID, "failure")
	got, err = c.Job(t.Context(), app, queued.ID)
	if err != nil || got.State != provisioner.JobEnded || got.Conclusion != "failure" || got.EndedAt.IsZero() || got.Runner.ID == 0 {
		t.Errorf("a job that has ended: %+v, %v", got, err)
	}
	if _, err := c.Job(t.Context(), app, queued.ID+1000); !errors.Is(err, provisioner.ErrNotFound) {
		t.Errorf("no job: %v", err)
	}
}
