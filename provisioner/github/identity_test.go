package github_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/github"
	"github.com/datawire/github-runner-provisioner/provisioner/github/githubtest"
	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest/fakehttp"
)

var everything = github.Needs{
	Repositories: true, Organizations: true, Hooks: []github.Hook{{}, {Owner: "octo", Repo: "shop", ID: 1}, {Owner: "octo", Repo: "other", ID: 3}, {Owner: "octo", ID: 2}},
}

func TestATokenSaysWhoItIsAndWhatItLacks(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		scopes []string
		needs  github.Needs
		lacks  string
	}{
		"all that repositories take":       {[]string{"repo"}, github.Needs{Repositories: true}, ""},
		"all that is needed":               {[]string{"repo", "admin:org", "admin:org_hook"}, everything, ""},
		"nothing":                          {[]string{}, github.Needs{Repositories: true}, "the scope repo, for the states of jobs; the scope repo, for runners of repositories"},
		"no organisation":                  {[]string{"repo", "read:org"}, github.Needs{Organizations: true}, "the scope admin:org, for runners of organisations"},
		"no hooks":                         {[]string{"repo", "admin:org"}, everything, "the scope admin:org_hook, for the delivery log of an organisation's webhook"},
		"a token of which GitHub says nil": {nil, everything, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i, err := fake(t, githubtest.New(githubtest.Config{Scopes: c.scopes})).Identify(t.Context())
			if err != nil || i.Login != "octocat" || i.App || !slices.Equal(i.Scopes, c.scopes) || (i.Scopes == nil) != (c.scopes == nil) || i.String() != "the user octocat" {
				t.Errorf("%+v, %v", i, err)
			}
			if got := strings.Join(i.Lacks(c.needs), "; "); got != c.lacks {
				t.Errorf("it lacks %q, want %q", got, c.lacks)
			}
		})
	}
}

func TestATokensEndIsTold(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]http.HandlerFunc{"GET /user": func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("GitHub-Authentication-Token-Expiration", "2026-12-31 23:59:59 UTC")
		answer(w, r, object{"login": "octocat"})
	}})
	i, err := s.client(t, github.Config{}).Identify(t.Context())
	if err != nil || !i.Expires.Equal(time.Date(2026, 12, 31, 23, 59, 59, 0, time.UTC)) {
		t.Errorf("%+v, %v", i, err)
	}
}

func TestATokenThatIsNoUsersIsAccepted(t *testing.T) {
	t.Parallel()
	for _, status := range []int{403, 404} {
		s := serve(t, map[string]http.HandlerFunc{"GET /user": func(w http.ResponseWriter, _ *http.Request) {
			fail(w, status, "Resource not accessible by integration")
		}})
		i, err := s.client(t, github.Config{}).Identify(t.Context())
		if err != nil || i.Login != "" || i.String() != "somebody whom GitHub does not name" || i.Lacks(everything) != nil {
			t.Errorf("%d: %+v, %v", status, i, err)
		}
	}
}

func TestACredentialThatIsNotAcceptedIsToldAndNotTriedAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := githubtest.New(githubtest.Config{Token: "another"})
		g.AddRepository("octo", "shop")
		c := newClient(t, github.Config{BaseURL: "http://github.test", Transport: fakehttp.Loopback(g)})
		asked := func() (n int) {
			for _, calls := range g.Calls() {
				n += calls
			}
			return n
		}
		_, err := c.Identify(t.Context())
		if !errors.Is(err, provisioner.ErrBadCredential) || !errors.Is(err, provisioner.ErrRefused) || !strings.Contains(err.Error(), "GitHub answered 401: Bad credentials") {
			t.Errorf("error %v", err)
		}
		for range 20 {
			_, _, err := c.Register(t.Context(), registration(repo))
			outcome{is: provisioner.ErrRefused, message: "answered 401 a moment ago"}.check(t, err)
			_, err = c.Runner(t.Context(), repo, 7)
			outcome{is: provisioner.ErrRefused}.check(t, err)
			if !errors.Is(err, provisioner.ErrBadCredential) {
				t.Errorf("error %v", err)
			}
		}
		if n := asked(); n != 1 {
			t.Errorf("GitHub was asked %d times in a moment with a credential that it does not accept", n)
		}
		time.Sleep(10 * time.Second)
		_, _ = c.Runner(t.Context(), repo, 7)
		if n := asked(); n != 2 {
			t.Errorf("after ten seconds GitHub was asked %d times in all, want 2", n)
		}
	})
}

func TestAnAppSaysWhoItIsAndWhatItLacks(t *testing.T) {
	t.Parallel()
	a := serveApp(t, map[string]http.HandlerFunc{
		"GET /app": func(w http.ResponseWriter, r *http.Request) {
			answer(w, r, object{"slug": "runners", "permissions": object{"actions": "write", "administration": "read", "metadata": "read"}, "events": []string{"push"}})
		},
		"GET /app/installations": func(w http.ResponseWriter, r *http.Request) {
			answer(w, r, []object{
				{"id": 1, "account": object{"login": "octo"}, "target_type": "Organization", "permissions": object{
					"actions": "read", "administration": "write", "organization_self_hosted_runners": "write", "repository_hooks": "read", "organization_hooks": "write",
				}},
				{"id": 2, "account": object{"login": "hexa"}, "target_type": "Organization", "suspended_at": "2026-01-01T00:00:00Z", "permissions": object{"actions": "read"}},
				{"id": 3, "account": object{"login": "somebody"}, "target_type": "User", "permissions": object{"actions": "read", "administration": "write", "repository_hooks": "read"}},
			})
		},
	})
	c := a.client(t)
	i, err := c.Identify(t.Context())
	if err != nil || i.Login != "runners" || i.String() != "the App runners" {
		t.Errorf("%+v, %v", i, err)
	}
	want := []string{
		"the permission administration: write, for runners of repositories", "the permission organization_self_hosted_runners: write, for runners of organisations",
		"the permission repository_hooks: read, for the delivery log of a repository's webhook", "the permission organization_hooks: read, for the delivery log of an organisation's webhook",
		"the event Workflow jobs, without which GitHub tells it of no job",
	}
	if got := i.Lacks(everything); !slices.Equal(got, want) {
		t.Errorf("it lacks\n%q, want\n%q", got, want)
	}
	grants, err := c.Installations(t.Context(), everything)
	if err != nil || len(grants) != 3 || len(grants[0].Lacks) != 0 || len(grants[1].Lacks) != 4 || !grants[1].Suspended || grants[1].Account != "hexa" || len(grants[2].Lacks) != 0 {
		t.Errorf("%+v, %v", grants, err)
	}
	if grants, err := fake(t, githubtest.New(githubtest.Config{})).Installations(t.Context(), everything); grants != nil || err != nil {
		t.Errorf("a token's installations: %v, %v", grants, err)
	}
}

func TestWhatACredentialCanNotReadIsTold(t *testing.T) {
	t.Parallel()
	g := githubtest.New(githubtest.Config{})
	g.AddRepository("octo", "shop")
	c := fake(t, g)
	if err := c.Try(t.Context(), shop, everything); err != nil {
		t.Error(err)
	}
	g.SetAccess(org, githubtest.Forbidden)
	if err := c.Try(t.Context(), shop, everything); !errors.Is(err, provisioner.ErrRefused) || !strings.Contains(err.Error(), "octo: list runners") {
		t.Errorf("error %v", err)
	}
	if err := c.Try(t.Context(), shop, github.Needs{Repositories: true}); err != nil && !strings.Contains(err.Error(), "octo/shop") {
		t.Errorf("error %v", err)
	}
	g.SetAccess(org, githubtest.Granted)
	g.SetAccess(repo, githubtest.Hidden)
	if err := c.Try(t.Context(), shop, github.Needs{Repositories: true}); !errors.Is(err, provisioner.ErrRefused) || strings.Count(err.Error(), "octo/shop: list") != 2 {
		t.Errorf("error %v", err)
	}
}
