package githubtest_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner/github/githubtest"
)

var asApp = []string{"Authorization", "Bearer head.claims.signature"}

// as returns the header of the App's installation of an id, with a token of its own.
func as(t *testing.T, h http.Handler, installation int) []string {
	t.Helper()
	made := ask(t, h, fmt.Sprintf("POST /app/installations/%d/access_tokens", installation), `{}`, asApp...)
	return []string{"Authorization", "Bearer " + made.decode(t)["token"].(string)}
}

// newTenants returns a fake with an App that is installed at octo and at acme, and a call of each
// credential.
func newTenants(t *testing.T, cfg githubtest.Config) (g *githubtest.Server, call map[string]func() answer) {
	t.Helper()
	cfg.AppID, cfg.Token = 42, "token"
	g, h := newGitHub(t, cfg)
	g.AddRepository("acme", "site")
	octo, renewed, acme := as(t, h, 1), as(t, h, 1), as(t, h, 2)
	return g, map[string]func() answer{
		"octo":          func() answer { return ask(t, h, "GET /repos/octo/shop", "", octo...) },
		"octo, renewed": func() answer { return ask(t, h, "GET /repos/octo/shop", "", renewed...) },
		"octo's limits": func() answer { return ask(t, h, "GET /rate_limit", "", octo...) },
		"acme":          func() answer { return ask(t, h, "GET /repos/acme/site", "", acme...) },
		"the token":     func() answer { return ask(t, h, "GET /repos/octo/shop", "") },
		"the App":       func() answer { return ask(t, h, "GET /app", "", asApp...) },
	}
}

func TestGitHubCountsEveryCredentialByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, call := newTenants(t, githubtest.Config{})
		for _, c := range []struct{ who, remain string }{
			{"octo", "4999"},
			{"octo", "4998"},
			{"octo, renewed", "4997"},
			{"octo's limits", "4997"},
			{"acme", "4999"},
			{"the token", "4999"},
			{"the token", "4998"},
			{"the App", "4996"}, // after three access tokens
			{"octo", "4996"},
		} {
			if got := call[c.who]().Header().Get("X-RateLimit-Remaining"); got != c.remain {
				t.Errorf("%s: %s remain, want %s", c.who, got, c.remain)
			}
		}
		if got := call["octo's limits"]().decode(t)["rate"].(map[string]any)["used"]; got != 4.0 {
			t.Errorf("octo is told that it has used %v", got)
		}
	})
}

func TestGitHubLimitsOneCredentialOrAll(t *testing.T) {
	all := []string{"octo", "octo, renewed", "acme", "the token", "the App"}
	for name, c := range map[string]struct {
		set     func(*githubtest.Server)
		refused []string
	}{
		"nobody":          {func(*githubtest.Server) {}, nil},
		"one":             {func(g *githubtest.Server) { g.SetRateLimitOf("octo", &githubtest.RateLimit{}) }, []string{"octo", "octo, renewed"}},
		"one, in passing": {func(g *githubtest.Server) { g.SetRateLimitOf("acme", &githubtest.RateLimit{Secondary: true}) }, []string{"acme"}},
		"the token":       {func(g *githubtest.Server) { g.SetRateLimitOf("", &githubtest.RateLimit{}) }, []string{"the token"}},
		"all":             {func(g *githubtest.Server) { g.SetRateLimit(&githubtest.RateLimit{}) }, all},
		"all but one": {func(g *githubtest.Server) {
			g.SetRateLimit(&githubtest.RateLimit{})
			g.SetRateLimitOf("octo", nil)
		}, []string{"acme", "the token", "the App"}},
		"all after one": {func(g *githubtest.Server) {
			g.SetRateLimitOf("octo", &githubtest.RateLimit{For: time.Second})
			g.SetRateLimit(&githubtest.RateLimit{})
		}, all},
		"none any more": {func(g *githubtest.Server) {
			g.SetRateLimitOf("octo", &githubtest.RateLimit{})
			g.SetRateLimit(nil)
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g, call := newTenants(t, githubtest.Config{})
				c.set(g)
				time.Sleep(2 * time.Second)
				var refused []string
				for _, who := range all {
					if call[who]().Code == http.StatusForbidden {
						refused = append(refused, who)
					}
				}
				if !slices.Equal(refused, c.refused) {
					t.Errorf("refused %q, want %q", refused, c.refused)
				}
				time.Sleep(time.Minute)
				for _, who := range all {
					if a := call[who](); a.Code != http.StatusOK {
						t.Errorf("%s after the limit: %d %s", who, a.Code, a.Body)
					}
				}
			})
		})
	}
}
