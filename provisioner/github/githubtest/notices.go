package githubtest

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// Notice is a commit status or a check run that somebody made.
type Notice struct {
	Repository provisioner.Repository
	SHA        string
	Check      bool // a check run
	Name       string
	State      string // of a check run its status, or its conclusion
	Text       string
	URL        string
}

// Notices returns all that were made, oldest first.
func (g *Server) Notices() []Notice {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.notices)
}

// createStatus knows the states and the limit of a description that GitHub documents
// (https://docs.github.com/en/rest/commits/statuses#create-a-commit-status).
func (g *Server) createStatus(w http.ResponseWriter, r *http.Request) {
	var in struct {
		State, Context, Description string
		TargetURL                   string `json:"target_url"`
	}
	sha := r.PathValue("sha")
	if json.NewDecoder(r.Body).Decode(&in) != nil || !slices.Contains([]string{"error", "failure", "pending", "success"}, in.State) ||
		utf8.RuneCountInString(in.Description) > 140 || sha != commit || in.TargetURL != "" && !strings.HasPrefix(in.TargetURL, "http") {
		refuse(w, http.StatusUnprocessableEntity, "Validation Failed")
		return
	}
	g.notices = append(g.notices, Notice{Repository: repositoryOf(r), SHA: sha, Name: in.Context, State: in.State, Text: in.Description, URL: in.TargetURL})
	now := stamp(time.Now())
	reply(w, http.StatusCreated, map[string]any{
		"url": "https://api.github.com/repos/" + repositoryOf(r).String() + "/statuses/" + sha, "avatar_url": nil, "id": g.next(), "node_id": "SC_1",
		"state": in.State, "description": in.Description, "target_url": orNull(in.TargetURL), "context": in.Context, "created_at": now, "updated_at": now,
		"creator": accountJSON("octocat", 1),
	})
}

// createCheckRun is for Apps alone, as at GitHub
// (https://docs.github.com/en/rest/checks/runs#create-a-check-run).
func (g *Server) createCheckRun(w http.ResponseWriter, r *http.Request) {
	if g.cfg.AppID == 0 {
		refuse(w, http.StatusForbidden, "You must authenticate via a GitHub App.")
		return
	}
	var in struct {
		Name, Status, Conclusion string
		HeadSHA                  string `json:"head_sha"`
		DetailsURL               string `json:"details_url"`
		ExternalID               string `json:"external_id"`
		Output                   struct{ Title, Summary string }
	}
	valid := json.NewDecoder(r.Body).Decode(&in) == nil && in.Name != "" && in.HeadSHA == commit && (in.Status == "completed" || in.Conclusion == "")
	if !valid {
		refuse(w, http.StatusUnprocessableEntity, "Invalid request.")
		return
	}
	g.notices = append(g.notices, Notice{
		Repository: repositoryOf(r), SHA: in.HeadSHA, Check: true, Name: in.Name, State: cmp.Or(in.Conclusion, in.Status), Text: in.Output.Summary, URL: in.DetailsURL,
	})
	api := "https://api.github.com/repos/" + repositoryOf(r).String()
	reply(w, http.StatusCreated, map[string]any{
		"id": g.next(), "head_sha": in.HeadSHA, "node_id": "CR_1", "external_id": in.ExternalID, "url": api + "/check-runs/1",
		"html_url": nil, "details_url": orNull(in.DetailsURL), "status": in.Status, "conclusion": orNull(in.Conclusion), "started_at": stamp(time.Now()), "completed_at": nil,
		"output": map[string]any{
			"title": in.Output.Title, "summary": in.Output.Summary, "text": nil, "annotations_count": 0, "annotations_url": api + "/check-runs/1/annotations",
		},
		"name": in.Name, "check_suite": map[string]any{"id": 1}, "app": nil, "pull_requests": []any{},
	})
}
