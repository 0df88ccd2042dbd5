package github

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	gh "github.com/google/go-github/v57/github"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// defaultGroup is the id of the group that every organisation has; repositories have no other.
const defaultGroup = 1

type groupKey struct{ org, name string }

// group returns the id of the runner group that a registration names.
func (c *Client) group(ctx context.Context, a *account, r provisioner.Registration) (int64, error) {
	if r.Target.Repo != "" || r.Group == "" || strings.EqualFold(r.Group, "Default") {
		return defaultGroup, nil
	}
	return c.groups.get(ctx, groupKey{r.Target.Owner, strings.ToLower(r.Group)}, func(ctx context.Context) (int64, error) {
		all, _, err := pages(ctx, c, a, call{
			operation: "list runner groups", method: http.MethodGet, path: root(r.Target) + "/actions/runner-groups", target: r.Target,
		}, func(p *gh.RunnerGroups) []*gh.RunnerGroup { return p.RunnerGroups })
		if err != nil {
			return 0, err
		}
		for _, g := range all {
			if strings.EqualFold(g.GetName(), r.Group) {
				return g.GetID(), nil
			}
		}
		return 0, &provisioner.GitHubError{Target: r.Target, Err: fmt.Errorf("there is no runner group %q: %w", r.Group, provisioner.ErrRefused)}
	})
}
