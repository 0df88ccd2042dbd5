package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	gh "github.com/google/go-github/v57/github"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// Identity is who GitHub takes the client for, and what it lets it do as far as GitHub tells. The
// zero value means that GitHub does not tell.
type Identity struct {
	// Login is the user's login, or the App's slug.
	Login string
	// App says that it is an App.
	App bool
	// Scopes are those of a classic token; nil for one of another kind, of which GitHub does not
	// tell what it may do.
	Scopes []string
	// Permissions, as "write" by "administration", and Events are those of the App itself. An
	// installation may have been granted fewer.
	Permissions map[string]string
	Events      []string
	// Expires is when the token ends; zero if never, or unknown.
	Expires time.Time
}

// String names the identity.
func (i Identity) String() string {
	switch {
	case i.Login == "":
		return "somebody whom GitHub does not name"
	case i.App:
		return "the App " + i.Login
	default:
		return "the user " + i.Login
	}
}

// Needs is what a credential is to be used for.
type Needs struct {
	// Repositories and Organizations say where runners are registered.
	Repositories, Organizations bool
	// Statuses and Checks say whether notices are shown, as commit statuses or as check runs.
	Statuses, Checks bool
	// Hooks are those whose delivery log is read, but for an App's own.
	Hooks []Hook
}

// Identify asks GitHub who the credential is. provisioner.ErrBadCredential says that it is
// nobody's.
func (c *Client) Identify(ctx context.Context) (Identity, error) {
	if c.app != nil {
		return c.identifyApp(ctx)
	}
	var user gh.User
	resp, err := c.do(ctx, c.token, call{
		operation: "get the token's user", method: http.MethodGet, path: "user",
		means: map[int]error{http.StatusForbidden: provisioner.ErrNotFound, http.StatusNotFound: provisioner.ErrNotFound}, // of tokens that are no user's
	}, &user)
	if errors.Is(err, provisioner.ErrNotFound) {
		return Identity{}, nil
	}
	if err != nil {
		return Identity{}, err
	}
	i := Identity{Login: user.GetLogin(), Expires: resp.TokenExpiration.Time}
	if told, classic := resp.Header["X-Oauth-Scopes"]; classic {
		i.Scopes = []string{}
		for scope := range strings.SplitSeq(strings.Join(told, ","), ",") {
			if scope = strings.TrimSpace(scope); scope != "" {
				i.Scopes = append(i.Scopes, scope)
			}
		}
	}
	return i, nil
}

// appIdentity is the part of GitHub's answer that matters; go-github's has not all permissions.
type appIdentity struct {
	Slug        string            `json:"slug"`
	Permissions map[string]string `json:"permissions"`
	Events      []string          `json:"events"`
}

func (c *Client) identifyApp(ctx context.Context) (Identity, error) {
	var app appIdentity
	_, err := c.do(ctx, c.app.self, call{operation: "get the App", method: http.MethodGet, path: "app"}, &app)
	if err != nil {
		return Identity{}, err
	}
	return Identity{Login: app.Slug, App: true, Permissions: app.Permissions, Events: app.Events}, nil
}

// right is something that a credential may lack.
type right struct {
	what, access string   // an App's permission
	scopes       []string // of a classic token; any of them will do
	needed       string   // for
}

var (
	readsJobs          = right{"actions", "read", []string{"repo"}, "the states of jobs"}
	repositoryRunners  = right{"administration", "write", []string{"repo"}, "runners of repositories"}
	organizationRunner = right{"organization_self_hosted_runners", "write", []string{"admin:org"}, "runners of organisations"}
	repositoryHooks    = right{"repository_hooks", "read", []string{"repo", "admin:repo_hook", "write:repo_hook", "read:repo_hook"}, "the delivery log of a repository's webhook"}
	commitStatuses     = right{"statuses", "write", []string{"repo", "repo:status"}, "commit statuses about jobs that wait"}
	checkRuns          = right{"checks", "write", []string{"an App's, as only Apps may make check runs"}, "check runs about jobs that wait"}
	organizationHooks  = right{"organization_hooks", "read", []string{"admin:org_hook"}, "the delivery log of an organisation's webhook"}
)

func (n Needs) rights() []right {
	rights := []right{readsJobs}
	if n.Repositories {
		rights = append(rights, repositoryRunners)
	}
	if n.Statuses {
		rights = append(rights, commitStatuses)
	}
	if n.Checks {
		rights = append(rights, checkRuns)
	}
	if n.Organizations {
		rights = append(rights, organizationRunner)
	}
	for _, h := range n.Hooks {
		r := organizationHooks
		if h.target().Repo != "" {
			r = repositoryHooks
		}
		if h != (Hook{}) && !slices.ContainsFunc(rights, func(x right) bool { return x.what == r.what }) {
			rights = append(rights, r)
		}
	}
	return rights
}

// Lacks says in words what the identity may not do of what it is needed for, as far as GitHub
// tells.
func (i Identity) Lacks(n Needs) (lacks []string) {
	for _, r := range n.rights() {
		switch {
		case i.App:
			lacks = append(lacks, r.lackedBy(i.Permissions)...)
		case i.Scopes != nil && !slices.ContainsFunc(r.scopes, func(s string) bool { return slices.Contains(i.Scopes, s) }):
			lacks = append(lacks, fmt.Sprintf("the scope %s, for %s", r.scopes[0], r.needed))
		}
	}
	if i.App && !slices.Contains(i.Events, "workflow_job") {
		lacks = append(lacks, "the event Workflow jobs, without which GitHub tells it of no job")
	}
	return lacks
}

func (r right) lackedBy(granted map[string]string) []string {
	if has := granted[r.what]; has == r.access || has == "write" || has == "admin" {
		return nil
	}
	return []string{fmt.Sprintf("the permission %s: %s, for %s", r.what, r.access, r.needed)}
}

// Grant is what an App's installation may not do of what it is needed for.
type Grant struct {
	Account string
	Lacks   []string
	// Suspended says that the account's owner has suspended the installation.
	Suspended bool
}

// Installations tells what each installation of the App lacks: one keeps the permissions that it
// was made with until its owner accepts new ones. Without an App there are none.
func (c *Client) Installations(ctx context.Context, n Needs) ([]Grant, error) {
	if c.app == nil {
		return nil, nil
	}
	type granted struct {
		Account     struct{ Login string }
		Permissions map[string]string
		SuspendedAt *time.Time `json:"suspended_at"`
		TargetType  string     `json:"target_type"`
	}
	all, _, err := pages(ctx, c, c.app.self, call{operation: "list the App's installations", method: http.MethodGet, path: "app/installations"},
		func(p *[]granted) (out []Grant) {
			for _, x := range *p {
				g := Grant{Account: x.Account.Login, Suspended: x.SuspendedAt != nil}
				for _, r := range n.rights() {
					if x.TargetType == "Organization" || !strings.HasPrefix(r.what, "organization_") { // a user has no such things
						g.Lacks = append(g.Lacks, r.lackedBy(x.Permissions)...)
					}
				}
				out = append(out, g)
			}
			return out
		})
	return all, err
}

// Try looks whether the credential can read what serving a repository takes: its workflow runs, and
// the runners where they are registered. What it may change is not tried.
func (c *Client) Try(ctx context.Context, r provisioner.Repository, n Needs) error {
	t := provisioner.Target{Owner: r.Owner, Repo: r.Name}
	a, err := c.account(ctx, t)
	if err != nil {
		return err
	}
	_, err = c.repositoryID(ctx, a, t)
	faults := []error{err}
	if n.Repositories {
		faults = append(faults, c.seeRunners(ctx, a, t))
	}
	if n.Organizations {
		faults = append(faults, c.seeRunners(ctx, a, provisioner.Target{Owner: r.Owner}))
	}
	return errors.Join(faults...)
}
