package githubtest_test

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner/github/githubtest"
	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest/fakehttp"
)

const listRunners = "GET /repos/{owner}/{repo}/actions/runners"

func TestGitHubSaysWhatHasNotChanged(t *testing.T) {
	g, h := newGitHub(t, githubtest.Config{})
	const call = "GET /repos/octo/shop/actions/runners"
	first := ask(t, h, call, "")
	tag, remaining := first.Header().Get("ETag"), first.Header().Get("X-RateLimit-Remaining")
	again := ask(t, h, call, "", "If-None-Match", tag)
	if tag == "" || again.Code != http.StatusNotModified || again.Body.Len() != 0 || again.Header().Get("ETag") != tag {
		t.Errorf("ETag %q, then %d %s", tag, again.Code, again.Body)
	}
	if got := again.Header().Get("X-RateLimit-Remaining"); got != remaining {
		t.Errorf("an unchanged answer costs a request: %s remain, after %s", got, remaining)
	}
	register(t, h, "a", "x")
	if a := ask(t, h, call, "", "If-None-Match", tag); a.Code != http.StatusOK || a.Header().Get("ETag") == tag {
		t.Errorf("after a change: %d", a.Code)
	}
	if calls := g.Calls(); calls[listRunners] != 3 || calls["304 "+listRunners] != 1 {
		t.Errorf("calls %v", calls)
	}
}

func TestGitHubLetsOnlyTheTokenIn(t *testing.T) {
	_, h := newGitHub(t, githubtest.Config{Token: "token"})
	for header, want := range map[string]struct {
		status  int
		message string
	}{
		"Bearer token": {200, ""},
		"token token":  {200, ""},
		"Bearer other": {401, "Bad credentials"},
		"Basic token":  {401, "Requires authentication"},
		"":             {401, "Requires authentication"},
	} {
		a := ask(t, h, "GET /repos/octo/shop/actions/runners", "", "Authorization", header)
		if a.Code != want.status || !strings.Contains(a.Body.String(), want.message) {
			t.Errorf("%q: %d %s", header, a.Code, a.Body)
		}
	}
}

func TestGitHubLimitsRates(t *testing.T) {
	for name, c := range map[string]struct {
		limit                 githubtest.RateLimit
		status                int
		remaining, retryAfter string
		documentation         string
		rateLimitAnswers      bool
	}{
		"primary":              {githubtest.RateLimit{}, 403, "0", "", "rate-limits-for-the-rest-api", true},
		"primary, as 429":      {githubtest.RateLimit{Status: 429}, 429, "0", "", "rate-limits-for-the-rest-api", true},
		"secondary":            {githubtest.RateLimit{Secondary: true}, 403, "4998", "60", "#about-secondary-rate-limits", false},
		"secondary, as 429":    {githubtest.RateLimit{Secondary: true, Status: 429}, 429, "4998", "60", "#about-secondary-rate-limits", false},
		"secondary, ten times": {githubtest.RateLimit{Secondary: true, For: 10 * time.Minute}, 403, "4998", "600", "#about-secondary-rate-limits", false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g, h := newGitHub(t, githubtest.Config{})
				const call = "GET /repos/octo/shop/actions/runners"
				ask(t, h, call, "")
				g.SetRateLimit(&c.limit)
				time.Sleep(time.Second / 2)
				a := ask(t, h, call, "")
				if a.Code != c.status || !strings.HasSuffix(a.decode(t)["documentation_url"].(string), c.documentation) {
					t.Errorf("%d %s", a.Code, a.Body)
				}
				if got := a.Header().Get("X-RateLimit-Remaining"); got != c.remaining {
					t.Errorf("%s remain", got)
				}
				if got := a.Header().Get("Retry-After"); got != c.retryAfter {
					t.Errorf("Retry-After %q", got)
				}
				reset, err := strconv.ParseInt(a.Header().Get("X-RateLimit-Reset"), 10, 64)
				if err != nil || !time.Unix(reset, 0).After(time.Now()) {
					t.Errorf("the reset is %v, %v", time.Unix(reset, 0), err)
				}
				if a := ask(t, h, "GET /rate_limit", ""); (a.Code == http.StatusOK) != c.rateLimitAnswers {
					t.Errorf("/rate_limit: %d %s", a.Code, a.Body)
				}
				time.Sleep(max(c.limit.For, time.Minute))
				if a := ask(t, h, call, ""); a.Code != http.StatusOK {
					t.Errorf("after the limit: %d %s", a.Code, a.Body)
				}
				g.SetRateLimit(&c.limit)
				g.SetRateLimit(nil)
				if a := ask(t, h, call, ""); a.Code != http.StatusOK {
					t.Errorf("without a limit: %d %s", a.Code, a.Body)
				}
			})
		})
	}
}

func TestGitHubCountsTheHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, h := newGitHub(t, githubtest.Config{})
		remaining := func(call string) string { return ask(t, h, call, "").Header().Get("X-RateLimit-Remaining") }
		for i, want := range []string{"4999", "4998"} {
			if got := remaining("GET /repos/octo/shop"); got != want {
				t.Errorf("after %d requests %s remain, want %s", i+1, got, want)
			}
		}
		if got := remaining("GET /rate_limit"); got != "4998" {
			t.Errorf("asking for the limit costs: %s remain", got)
		}
		time.Sleep(time.Hour)
		if got := remaining("GET /repos/octo/shop"); got != "4999" {
			t.Errorf("a new hour begins with %s", got)
		}
	})
}

func TestGitHubFaults(t *testing.T) {
	g, _ := newGitHub(t, githubtest.Config{})
	server := httptest.NewServer(g)
	defer server.Close()
	post := func() (int, error) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+jitPath, strings.NewReader(`{"name":"a","runner_group_id":1,"labels":["x"]}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer token")
		resp, err := server.Client().Do(req)
		if err != nil {
			return 0, err
		}
		return resp.StatusCode, resp.Body.Close()
	}
	const operation = "POST /repos/{owner}/{repo}/actions/runners/generate-jitconfig"
	with := func(f *fakehttp.Fault) {
		g.SetFaults(func(op string, _ *http.Request) *fakehttp.Fault {
			if op != operation {
				t.Errorf("operation %q", op)
			}
			return f
		})
	}
	with(&fakehttp.Fault{Status: http.StatusBadGateway})
	if code, err := post(); code != http.StatusBadGateway || err != nil || len(g.Runners()) != 0 {
		t.Errorf("a failure: %d, %v, %d runners", code, err, len(g.Runners()))
	}
	with(&fakehttp.Fault{Drop: true})
	if _, err := post(); err == nil || len(g.Runners()) != 0 {
		t.Errorf("a dropped call: %v, %d runners", err, len(g.Runners()))
	}
	with(&fakehttp.Fault{Lose: true})
	if _, err := post(); err == nil || len(g.Runners()) != 1 {
		t.Errorf("a lost answer: %v, %d runners", err, len(g.Runners()))
	}
	g.SetFaults(nil)
	if code, err := post(); code != http.StatusConflict || err != nil {
		t.Errorf("the repetition after a lost answer: %d, %v", code, err)
	}
	if got := g.Calls()[operation]; got != 4 {
		t.Errorf("%d calls were counted, want 4", got)
	}
}

func TestGitHubOffersRunners(t *testing.T) {
	g, h := newGitHub(t, githubtest.Config{})
	g.SetDownloadURL("http://archives.test")
	for _, at := range []string{"/repos/octo/shop", "/orgs/octo"} {
		var offered []string
		for _, d := range ask(t, h, "GET "+at+"/actions/runners/downloads", "").items(t, "") {
			offered = append(offered, d["os"].(string)+"-"+d["architecture"].(string))
			url := "http://archives.test/v" + githubtest.RunnerVersion + "/" + d["filename"].(string)
			if d["download_url"] != url || len(d["sha256_checksum"].(string)) != 64 {
				t.Errorf("%v", d)
			}
		}
		if got := strings.Join(offered, " "); got != "osx-x64 osx-arm64 linux-x64 linux-arm linux-arm64 win-x64" {
			t.Errorf("%s offers %s", at, got)
		}
		for version, want := range map[string]struct {
			status int
			ends   any
		}{
			"2.336.0": {200, "2026-11-05T00:00:00Z"}, githubtest.RunnerVersion: {200, nil}, "9.9.9": {404, nil},
		} {
			a := ask(t, h, "GET "+at+"/actions/runners/deprecations/"+version, "")
			if a.Code != want.status || a.decode(t)["runtime_deprecates_at"] != want.ends {
				t.Errorf("%s: %d %s", version, a.Code, a.Body)
			}
		}
	}
}

func TestGitHubGroups(t *testing.T) {
	g, h := newGitHub(t, githubtest.Config{})
	id := g.AddGroup("octo", "builders")
	groups := ask(t, h, "GET /orgs/octo/actions/runner-groups", "").items(t, "runner_groups")
	if len(groups) != 3 || groups[0]["id"] != 1.0 || groups[0]["default"] != true || groups[2]["name"] != "builders" || groups[2]["id"] != float64(id) {
		t.Errorf("groups %v", groups)
	}
	if g.AddGroup("octo", "testers") == id {
		t.Error("two groups have one id")
	}
}

func TestGitHubRepository(t *testing.T) {
	g, h := newGitHub(t, githubtest.Config{})
	g.AddRepository("octo", "shop") // again
	for _, path := range []string{"/repos/octo/shop", "/api/v3/repos/octo/shop"} {
		r := ask(t, h, "GET "+path, "").decode(t)
		if r["full_name"] != "octo/shop" || r["owner"].(map[string]any)["login"] != "octo" || r["url"] != "https://api.github.com/repos/octo/shop" {
			t.Errorf("%s: %v", path, r)
		}
	}
	if a := ask(t, h, "GET /repos/octo/moon", ""); a.Code != http.StatusNotFound {
		t.Errorf("%d", a.Code)
	}
	if got := g.Calls()["GET /repos/{owner}/{repo}"]; got != 3 {
		t.Errorf("calls %v", g.Calls())
	}
}
