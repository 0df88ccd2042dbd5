package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	gh "github.com/google/go-github/v57/github"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// Repositories returns the repositories that the App's installations give access to, except
// archived and disabled ones, or nil for a token, which does not say where it is meant to be used.
// When an installation can't be read, the error comes with the repositories of the others.
func (c *Client) Repositories(ctx context.Context) ([]provisioner.Repository, error) {
	if c.app == nil {
		return nil, nil
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

type installation struct {
	id    int64
	owner string
}

type repositoriesPage struct {
	Repositories []struct {
		Name  string
		Owner struct{ Login string }
		// Archived and disabled repositories run no workflows.
		Archived, Disabled bool
	}
}

func (c *Client) installed(ctx context.Context, i installation) ([]provisioner.Repository, error) {
	a, err := c.app.account(i.id)
	if err != nil {
		return nil, err
	}
	all, _, err := pages(ctx, c, a, call{
		operation: "list an installation's repositories", method: http.MethodGet, path: "installation/repositories", target: provisioner.Target{Owner: i.owner},
	}, func(p *repositoriesPage) []provisioner.Repository {
		var live []provisioner.Repository
		for _, r := range p.Repositories {
			if !r.Archived && !r.Disabled {
				live = append(live, provisioner.Repository{Owner: r.Owner.Login, Name: r.Name})
			}
		}
		return live
	})
	for _, r := range all {
		c.app.where.put(provisioner.Target{Owner: r.Owner, Repo: r.Name}, i.id) // saves asking for each
	}
	return all, err
}
