package main

import (
	"encoding/json"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// deployment is the id that the start line shows.
func (s *service) deployment(t *testing.T) (id string) {
	t.Helper()
	eventually(t, "it says what it serves", func() bool {
		for line := range strings.Lines(s.out.String()) {
			var l struct{ Msg, Deployment string }
			if json.Unmarshal([]byte(line), &l) == nil && l.Msg == "serving" {
				id = l.Deployment
			}
		}
		return id != ""
	})
	return id
}

// A machine whose job is cancelled while the service is down is left to the deployment that made
// it, and the queue's file was its id.
func TestWhatALostFileLaunchedIsLeftAloneUnlessItsDeploymentIsNamed(t *testing.T) {
	t.Parallel()
	c := newClouds(t)
	s := start(t, c.env)
	j := c.github.QueueJob(app, "ubuntu-arm64")
	if code, _, err := s.deliver(t.Context(), c.github.Payload("queued", j)); err != nil || code != http.StatusAccepted {
		t.Fatalf("%d, %v", code, err)
	}
	eventually(t, "the job has a machine", func() bool { return len(c.alive()) == 1 })
	id := s.deployment(t)
	if r := c.github.Runners(); len(r) != 1 || !slices.Contains(r[0].Labels, "grp-deployment-"+id) {
		t.Errorf("the start line shows the deployment %s, and the runners are %+v", id, r)
	}
	s.kill()
	c.github.CancelJob(j.ID)

	begun := func(change map[string]string) *service {
		env := maps.Clone(c.env)
		env["QUEUE_URL"] = "sqlite://" + filepath.Join(t.TempDir(), "new.db")
		maps.Copy(env, change)
		return start(t, env)
	}
	s = begun(nil)
	if s.deployment(t) == id {
		t.Errorf("the new file has the old id %s", id)
	}
	s.awaitSweeps(t, 5)
	if len(c.alive()) != 1 {
		t.Error("the new file's deployment ended the old one's machine")
	}
	s.kill()
	begun(map[string]string{"DEPLOYMENT": id})
	eventually(t, "the machine that nobody needs is gone", func() bool { return len(c.alive()) == 0 })
}
