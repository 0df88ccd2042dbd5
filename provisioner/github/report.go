package github

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// Notice is what is shown of a job beside its commit.
type Notice struct {
	State NoticeState
	// Text says why, in a sentence or two.
	Text string
}

// NoticeState is how it looks.
type NoticeState string

// The states.
const (
	NoticePending NoticeState = "pending" // it waits
	NoticeFailed  NoticeState = "error"   // it will get no machine
	NoticeOver    NoticeState = "success" // there is nothing to tell any more
)

// noticeName is what a notice is shown under: GitHub keeps the latest of each name.
func noticeName(j provisioner.Job) string {
	return "machine for " + shorten(strings.TrimPrefix(j.Workflow+" / "+j.Name, " / "), 100)
}

// longestDescription is GitHub's limit, in characters
// (https://docs.github.com/en/rest/commits/statuses#create-a-commit-status).
const longestDescription = 140

// SetStatus shows a notice as a commit status. The job has to know its HeadSHA.
func (c *Client) SetStatus(ctx context.Context, j provisioner.Job, n Notice) error {
	return c.report(ctx, j, "set commit status", "statuses/"+j.HeadSHA, map[string]any{
		"state": n.State, "context": noticeName(j), "description": shorten(n.Text, longestDescription), "target_url": j.URL,
	})
}

// SetCheck shows a notice as a check run, which only Apps may make. The job has to know its
// HeadSHA.
func (c *Client) SetCheck(ctx context.Context, j provisioner.Job, n Notice) error {
	body := map[string]any{
		"name": noticeName(j), "head_sha": j.HeadSHA, "details_url": j.URL, "external_id": j.Key(),
		"output": map[string]any{"title": shorten(n.Text, longestDescription), "summary": n.Text},
	}
	switch n.State {
	case NoticePending:
		body["status"] = "queued"
	case NoticeFailed:
		body["status"], body["conclusion"] = "completed", "failure"
	case NoticeOver:
		body["status"], body["conclusion"] = "completed", "success"
	}
	return c.report(ctx, j, "create check run", "check-runs", body)
}

func (c *Client) report(ctx context.Context, j provisioner.Job, operation, path string, body map[string]any) error {
	t := provisioner.Target{Owner: j.Repository.Owner, Repo: j.Repository.Name}
	if j.HeadSHA == "" {
		return &provisioner.GitHubError{Target: t, Err: fmt.Errorf("%s: the commit of job %d is not known: %w", operation, j.ID, provisioner.ErrRefused)}
	}
	a, err := c.account(ctx, t)
	if err != nil {
		return err
	}
	_, err = c.do(ctx, a, call{operation: operation, method: http.MethodPost, path: root(t) + "/" + path, body: body, target: t}, nil)
	return err
}

// shorten cuts a text to so many characters.
func shorten(text string, most int) string {
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most-1]) + "…"
}
