package main

import (
	"net/http"
	"testing"
	"time"
)

// A queue that forgets what it has accepted may hold a job twice: GitHub is asked before anything
// is made. One that remembers spares the question.
func TestGitHubIsAskedFirstWhereTheQueueForgets(t *testing.T) {
	t.Parallel()
	for url, asked := range map[string]bool{"memory:": true, "": false} {
		c := newClouds(t)
		if url != "" {
			c.env["QUEUE_URL"] = url
		}
		c.env["RECONCILE_INTERVAL"] = "0"
		s := start(t, c.env)
		time.Sleep(1100 * time.Millisecond) // GitHub tells in whole seconds when a job was made: after the start
		j := c.github.QueueJob(app, "ubuntu-arm64")
		if code, status, err := s.deliver(t.Context(), c.github.Payload("queued", j)); err != nil || code != http.StatusAccepted {
			t.Fatalf("%d %s %v", code, status, err)
		}
		eventually(t, "the job's machine", func() bool { return len(c.alive()) == 1 })
		if n := c.github.Calls()["GET /repos/{owner}/{repo}/actions/jobs/{job_id}"]; (n > 0) != asked {
			t.Errorf("with QUEUE_URL=%s GitHub was asked for the job %d times", c.env["QUEUE_URL"], n)
		}
	}
}
