package githubtest

import (
	"cmp"
	"encoding/json"
	"slices"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// Payload returns the body of a workflow_job delivery about a job, as complete and as long as
// GitHub's own (7 KB). The action is queued, in_progress, completed or waiting. Runner, times and
// conclusion are those that the fake knows of the job now; a completed delivery of a job that has
// not ended tells of success. The job need not be one of this fake's.
func (g *Server) Payload(action string, job provisioner.Job) []byte {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.catchUp()
	j := Job{ID: job.ID, RunID: job.ID, Repository: job.Repository, CreatedAt: job.CreatedAt}
	if known := g.jobs[job.ID]; known != nil {
		j = *known
	}
	if j.CreatedAt.IsZero() {
		j.CreatedAt = time.Now()
	}
	j.Status, j.Labels = action, job.Labels
	switch action {
	case "queued", "waiting":
		j.RunnerID, j.RunnerName, j.group, j.StartedAt, j.CompletedAt, j.Conclusion = 0, "", 0, time.Time{}, time.Time{}, ""
	case "in_progress":
		j.CompletedAt, j.Conclusion = time.Time{}, ""
	case "completed":
		j.Conclusion = cmp.Or(j.Conclusion, "success")
		if j.CompletedAt.IsZero() {
			j.CompletedAt = time.Now()
		}
	}
	w := j.json()
	w["run_attempt"] = max(job.RunAttempt, 1)
	w["name"], w["workflow_name"] = cmp.Or(job.Name, jobName), cmp.Or(job.Workflow, workflowName)
	w["html_url"] = cmp.Or(job.URL, j.page())
	p := map[string]any{
		"action": action, "workflow_job": w, "sender": example().sender,
		"repository": g.repositoryJSON(j.Repository),
	}
	if at := slices.Index(g.accounts, j.Repository.Owner); g.cfg.AppID != 0 && at >= 0 {
		p["installation"] = map[string]any{"id": at + 1, "node_id": "MDIzOkludGVncmF0aW9uSW5zdGFsbGF0aW9uMQ=="}
	}
	b, err := json.Marshal(p)
	if err != nil {
		panic(err) // of strings, numbers and what was JSON before
	}
	return b
}
