package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	gh "github.com/google/go-github/v57/github"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// Repositories returns the repositories that the credential is for, except archived and disabled
// ones: those of the App's installations, or those that the token's owner administers, of which the
// 300 are taken that were pushed to last. When an installation can't be read, the error comes with
// the repositories of the others.
func (c *Client) Repositories(ctx context.Context) ([]provisioner.Repository, error) {
	if c.app == nil {
		return c.administered(ctx)
	}
	installations, _, err := pages(ctx, c, c.app.self, call{operation: "list the App's installations", method: http.MethodGet, path: "app/installations"},
		func(p *[]*gh.Installation) []installation {
			var active []installation
			for _, i := range *p {
				if i.SuspendedAt == nil {
					active = append(active, installation{i.GetID(), i.GetAccount().GetLogin()})
				}
			}
			return active
		})
	if err != nil {
		return nil, err
	}
	var all []provisioner.Repository
	var faults []error
	for _, i := range installations {
		repositories, err := c.installed(ctx, i)
		if err != nil {
			faults = append(faults, fmt.Errorf("the App's installation at %s: %w", i.owner, err))
			continue
		}
		all = append(all, repositories...)
	}
	return all, errors.Join(faults...)
}

// administeredPages of a hundred are read: each repository costs a request a sweep.
const administeredPages = 3

func (c *Client) administered(ctx context.Context) ([]provisioner.Repository, error) {
	k := call{
		operation: "list the token's repositories", method: http.MethodGet, path: "user/repos",
		query: url.Values{"affiliation": {"owner,collaborator,organization_member"}, "sort": {"pushed"}, "per_page": {strconv.Itoa(perPage)}},
	}
	var all []provisioner.Repository
	for range administeredPages {
		found, next, _, err := page(ctx, c, c.token, k, func(p *[]repository) []provisioner.Repository { return live(*p) })
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
		if next == "" {
			return all, nil
		}
		k.query = with(k.query, "page", next)
	}
	c.log.InfoContext(ctx, "the token's owner administers more repositories than are looked at without their webhooks; name those that matter", "looked_at", len(all))
	return all, nil
}

type installation struct {
	id    int64
	owner string
}

type repositoriesPage struct {
	Repositories []repository
}

type repository struct {
	Name  string
	Owner struct{ Login string }
	// Archived and disabled repositories run no workflows.
	Archived, Disabled bool
	// Permissions are the user's; an installation has none.
	Permissions *struct{ Admin bool }
}

// live leaves out where no runner of ours can be.
func live(all []repository) (out []provisioner.Repository) {
	for _, r := range all {
		if !r.Archived && !r.Disabled && (r.Permissions == nil || r.Permissions.Admin) {
			out = append(out, provisioner.Repository{Owner: r.Owner.Login, Name: r.Name})
		}
	}
	return out
}

func (c *Client) installed(ctx context.Context, i installation) ([]provisioner.Repository, error) {
	a, err := c.app.account(i.id)
	if err != nil {
		return nil, err
	}
	all, _, err := pages(ctx, c, a, call{
		operation: "list an installation's repositories", method: http.MethodGet, path: "installation/repositories", target: provisioner.Target{Owner: i.owner},
	}, func(p *repositoriesPage) []provisioner.Repository {
		for i := range p.Repositories {
			p.Repositories[i].Permissions = nil // an App's have "admin": false, whatever it may do with runners
		}
		return live(p.Repositories)
	})
	for _, r := range all {
		c.app.where.put(provisioner.Target{Owner: r.Owner, Repo: r.Name}, i.id) // saves asking for each
	}
	return all, err
}
