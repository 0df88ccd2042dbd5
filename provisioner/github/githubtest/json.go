package githubtest

import (
	"fmt"
	"slices"
	"time"
)

// What GitHub tells of jobs and runs, and this fake does not have.
const (
	jobName      = "build"
	workflowName = "CI"
	branch       = "main"
	commit       = "3484a3fb816e0859fd6e1cea078d76385ff50625"
)

// permissions are those that the App asked for.
var permissions = map[string]string{"actions": "read", "administration": "write", "metadata": "read", "organization_self_hosted_runners": "write"}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// orNull is what GitHub writes for what there is not yet.
func orNull[T comparable](v T) any {
	var zero T
	if v == zero {
		return nil
	}
	return v
}

func stampOrNull(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return stamp(t)
}

func (r *Runner) json() map[string]any {
	labels := make([]map[string]any, 0, len(r.Labels))
	for i, l := range r.Labels {
		labels = append(labels, map[string]any{"id": i + 1, "name": l, "type": "custom"})
	}
	status := "offline"
	if r.Online {
		status = "online"
	}
	return map[string]any{
		"id": r.ID, "name": r.Name, "runner_group_id": r.Group, "os": r.os, "status": status, "busy": r.Busy, "labels": labels, "ephemeral": true,
	}
}

func (x group) json(org string) map[string]any {
	at := fmt.Sprintf("https://api.github.com/orgs/%s/actions/runner-groups/%d", org, x.id)
	return map[string]any{
		"id": x.id, "name": x.name, "visibility": "all", "default": x.id == defaultGroup, "inherited": false, "allows_public_repositories": false,
		"runners_url": at + "/runners", "hosted_runners_url": at + "/hosted-runners", "restricted_to_workflows": false, "selected_workflows": []string{},
	}
}

func (j *Job) json() map[string]any {
	api := "https://api.github.com/repos/" + j.Repository.String()
	started := j.StartedAt
	if started.IsZero() {
		started = j.CreatedAt // so does GitHub
	}
	var groupName any
	if j.group == defaultGroup {
		groupName = "Default"
	}
	return map[string]any{
		"id": j.ID, "run_id": j.RunID, "run_attempt": 1, "run_url": fmt.Sprintf("%s/actions/runs/%d", api, j.RunID), "url": fmt.Sprintf("%s/actions/jobs/%d", api, j.ID),
		"html_url": j.page(), "check_run_url": fmt.Sprintf("%s/check-runs/%d", api, j.ID), "node_id": fmt.Sprintf("CR_kwDO%d", j.ID),
		"head_sha": commit, "head_branch": branch, "name": jobName, "workflow_name": workflowName, "labels": append([]string{}, j.Labels...), "steps": []any{},
		"status": j.Status, "conclusion": orNull(j.Conclusion),
		"created_at": stamp(j.CreatedAt), "started_at": stamp(started), "completed_at": stampOrNull(j.CompletedAt),
		"runner_id": orNull(j.RunnerID), "runner_name": orNull(j.RunnerName), "runner_group_id": orNull(j.group), "runner_group_name": groupName,
	}
}

func (g *Server) runJSON(x *run) map[string]any {
	api := "https://api.github.com/repos/" + x.repository.String() + "/actions"
	url := fmt.Sprintf("%s/runs/%d", api, x.id)
	status, conclusion := x.state()
	changed := x.created
	for _, j := range x.jobs {
		for _, t := range []time.Time{j.StartedAt, j.CompletedAt} {
			if t.After(changed) {
				changed = t
			}
		}
	}
	author := map[string]any{"name": "Mona", "email": "mona@example.com"}
	repository := g.repositoryJSON(x.repository)
	return map[string]any{
		"id": x.id, "name": workflowName, "display_title": workflowName, "node_id": fmt.Sprintf("WFR_kwLO%d", x.id), "workflow_id": 1, "path": ".github/workflows/ci.yml",
		"head_branch": branch, "head_sha": commit, "run_number": x.id, "run_attempt": 1, "event": "push", "status": status, "conclusion": orNull(conclusion),
		"created_at": stamp(x.created), "updated_at": stamp(changed), "run_started_at": stamp(x.created), "pull_requests": []any{},
		"url": url, "jobs_url": url + "/jobs", "logs_url": url + "/logs", "cancel_url": url + "/cancel", "rerun_url": url + "/rerun",
		"artifacts_url":   url + "/artifacts", //nolint:misspell // GitHub's word
		"html_url":        fmt.Sprintf("https://github.com/%s/actions/runs/%d", x.repository, x.id),
		"check_suite_url": fmt.Sprintf("https://api.github.com/repos/%s/check-suites/%d", x.repository, x.id), "workflow_url": api + "/workflows/1",
		"repository": repository, "head_repository": repository,
		"head_commit": map[string]any{"id": commit, "tree_id": commit, "message": "change", "timestamp": stamp(x.created), "author": author, "committer": author},
	}
}

func (g *Server) installationJSON(account string) map[string]any {
	id := slices.Index(g.accounts, account) + 1
	return map[string]any{
		"id": id, "app_id": g.cfg.AppID, "app_slug": "runner-provisioner", "target_id": accountID(id), "account": accountJSON(account, id),
		"target_type":          "Organization",
		"repository_selection": "all", "permissions": permissions, "events": []string{"workflow_job"}, "single_file_name": nil,
		"access_tokens_url": fmt.Sprintf("https://api.github.com/app/installations/%d/access_tokens", id),
		"repositories_url":  "https://api.github.com/installation/repositories",
		"html_url":          fmt.Sprintf("https://github.com/organizations/%s/settings/installations/%d", account, id),
		"created_at":        "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z", "suspended_by": nil, "suspended_at": nil,
	}
}

func (g *Server) appJSON() map[string]any {
	return map[string]any{
		"id": g.cfg.AppID, "slug": "runner-provisioner", "name": "runner-provisioner", "node_id": fmt.Sprintf("A_kwDO%d", g.cfg.AppID), "description": nil,
		"owner": accountJSON("octocat", 1), "external_url": "https://example.com", "html_url": "https://github.com/apps/runner-provisioner",
		"created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z", "permissions": permissions, "events": []string{"workflow_job"},
	}
}
