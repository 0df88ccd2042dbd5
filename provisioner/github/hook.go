package github

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// Hook is a webhook whose deliveries GitHub logs: a repository's, an organisation's when Repo is
// empty, or, when all is empty, the App's own.
type Hook struct {
	Owner, Repo string
	ID          int64
}

// ParseHook reads "owner/repo/ID" or "org/ID". The ID is the number at the end of the webhook's
// page in GitHub's settings.
func ParseHook(s string) (Hook, error) {
	parts := strings.Split(strings.TrimSpace(s), "/")
	if len(parts) == 2 || len(parts) == 3 {
		id, err := strconv.ParseInt(parts[len(parts)-1], 10, 64)
		h := Hook{Owner: parts[0], ID: id}
		if len(parts) == 3 {
			h.Repo = parts[1]
		}
		if err == nil && id > 0 && nameable(h.Owner) && (len(parts) == 2 || nameable(h.Repo)) {
			return h, nil
		}
	}
	return Hook{}, fmt.Errorf("%q is no webhook: it must look like owner/repo/ID or org/ID", s)
}

// String returns what [ParseHook] reads, or "app".
func (h Hook) String() string {
	if h == (Hook{}) {
		return "app"
	}
	return fmt.Sprintf("%s/%d", h.target(), h.ID)
}

func (h Hook) target() provisioner.Target { return provisioner.Target{Owner: h.Owner, Repo: h.Repo} }

// HookReport is what GitHub says of a webhook that matters here. Its secret nobody can read.
type HookReport struct {
	Active bool     `json:"active"`
	Events []string `json:"events"`
	Config struct {
		URL string `json:"url"`
	} `json:"config"`
}

// Faults says what keeps the hook from bringing jobs.
func (r HookReport) Faults() (faults []string) {
	if !r.Active {
		faults = append(faults, "it is not active")
	}
	if !slices.Contains(r.Events, "workflow_job") && !slices.Contains(r.Events, "*") {
		faults = append(faults, "it is not subscribed to Workflow jobs, but to "+cmp.Or(strings.Join(r.Events, ", "), "nothing"))
	}
	return faults
}

// ReadHook reads the settings of a repository's or an organisation's webhook.
func (c *Client) ReadHook(ctx context.Context, h Hook) (report HookReport, err error) {
	a, err := c.account(ctx, h.target())
	if err != nil {
		return report, err
	}
	_, err = c.do(ctx, a, call{operation: "get hook", method: http.MethodGet, path: fmt.Sprintf("%s/hooks/%d", root(h.target()), h.ID), target: h.target()}, &report)
	return report, err
}

func (h Hook) path() string {
	if h == (Hook{}) {
		return "app/hook/deliveries"
	}
	return fmt.Sprintf("%s/hooks/%d/deliveries", root(h.target()), h.ID)
}
