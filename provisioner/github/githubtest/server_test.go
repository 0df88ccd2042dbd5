package githubtest_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/github/githubtest"
	"github.com/datawire/github-runner-provisioner/provisioner/github/githubtest/internal/githubspec"
)

var (
	shop       = provisioner.Repository{Owner: "octo", Name: "shop"}
	shopTarget = provisioner.Target{Owner: "octo", Repo: "shop"}
	octo       = provisioner.Target{Owner: "octo"}
)

// undescribed paths are GitHub's, and not in its description.
var undescribed = []string{
	"/repos/{owner}/{repo}/actions/runners/deprecations/{version}", "/orgs/{org}/actions/runners/deprecations/{version}",
	"/api/v3/repos/{owner}/{repo}/actions/runners/deprecations/{version}", "/orgs/{org}/actions/runner-groups/moon",
}

// newGitHub returns a fake with the repository octo/shop, and how to reach it under the eyes of
// GitHub's description.
func newGitHub(t *testing.T, cfg githubtest.Config) (*githubtest.Server, http.Handler) {
	t.Helper()
	g := githubtest.New(cfg)
	g.AddRepository(shop.Owner, shop.Name)
	return g, githubspec.Check(t, g, undescribed...)
}

// answer is what a fake said.
type answer struct {
	*httptest.ResponseRecorder
}

func (a answer) decode(t *testing.T) (v map[string]any) {
	t.Helper()
	if err := json.Unmarshal(a.Body.Bytes(), &v); err != nil {
		t.Fatalf("%v: %s", err, a.Body)
	}
	return v
}

// items are the members of a list in the answer: of the named element, or the answer itself.
func (a answer) items(t *testing.T, name string) (out []map[string]any) {
	t.Helper()
	raw := a.Body.Bytes()
	if name != "" {
		var m map[string]json.RawMessage
		if err := json.Unmarshal(raw, &m); err != nil {
			t.Fatalf("%v: %s", err, a.Body)
		}
		raw = m[name]
	}
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatalf("%v: %s", err, a.Body)
	}
	return out
}

// ask sends a request as somebody with the token "token"; header holds pairs of further headers.
func ask(t *testing.T, h http.Handler, call, body string, header ...string) answer {
	t.Helper()
	method, path, _ := strings.Cut(call, " ")
	var in io.Reader
	if body != "" {
		in = strings.NewReader(body)
	}
	r := httptest.NewRequestWithContext(t.Context(), method, path, in)
	r.Header.Set("Authorization", "Bearer token")
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for pair := range slices.Chunk(header, 2) {
		r.Header.Set(pair[0], pair[1])
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	return answer{rec}
}

const jitPath = "/repos/octo/shop/actions/runners/generate-jitconfig"

// register makes a runner of octo/shop and returns its id and configuration.
func register(t *testing.T, h http.Handler, name string, labels ...string) (id int64, config string) {
	t.Helper()
	return registerAt(t, h, jitPath, name, labels...)
}

func registerAt(t *testing.T, h http.Handler, path, name string, labels ...string) (id int64, config string) {
	t.Helper()
	body, err := json.Marshal(map[string]any{"name": name, "runner_group_id": 1, "labels": labels})
	if err != nil {
		t.Fatal(err)
	}
	a := ask(t, h, "POST "+path, string(body))
	var made struct {
		Runner struct {
			ID int64 `json:"id"`
		} `json:"runner"`
		Config string `json:"encoded_jit_config"`
	}
	if err := json.Unmarshal(a.Body.Bytes(), &made); err != nil || a.Code != http.StatusCreated {
		t.Fatalf("register %s: %d %s", name, a.Code, a.Body)
	}
	return made.Runner.ID, made.Config
}

func TestGitHubRegistersRunners(t *testing.T) {
	g, h := newGitHub(t, githubtest.Config{})
	a := ask(t, h, "POST "+jitPath, `{"name":"a","runner_group_id":1,"labels":["self-hosted","ARM64"]}`)
	if a.Code != http.StatusCreated {
		t.Fatalf("%d %s", a.Code, a.Body)
	}
	runner := a.decode(t)["runner"].(map[string]any)
	if runner["status"] != "offline" || runner["busy"] != false || runner["ephemeral"] != true || runner["os"] != "unknown" {
		t.Errorf("runner %v", runner)
	}
	config := a.decode(t)["encoded_jit_config"].(string)
	if len(config) < 4100 || len(config) > 4300 {
		t.Errorf("the configuration has %d bytes; GitHub's have 4.1 to 4.3 KB", len(config))
	}
	raw, err := base64.StdEncoding.DecodeString(config)
	var files map[string]string
	if err == nil {
		err = json.Unmarshal(raw, &files)
	}
	if err != nil || files[".runner"] == "" || files[".credentials"] == "" || files[".credentials_rsaparams"] == "" {
		t.Errorf("the configuration holds %v, %v", files, err)
	}
	got := g.Runners()
	if len(got) != 1 || got[0].Name != "a" || got[0].Target != shopTarget || !slices.Equal(got[0].Labels, []string{"self-hosted", "arm64"}) || got[0].RegisteredAt.IsZero() {
		t.Errorf("runners %+v", got)
	}
	if _, second := register(t, h, "b", "x"); second == config {
		t.Error("two runners have one configuration")
	}
	_, long := register(t, h, strings.Repeat("n", 64), "x")
	if len(long) < 4100 || len(long) > 4300 {
		t.Errorf("with a long name the configuration has %d bytes", len(long))
	}
}

func TestGitHubRefusesRegistrations(t *testing.T) {
	g, h := newGitHub(t, githubtest.Config{})
	group := g.AddGroup("octo", "builders")
	register(t, h, "taken", "x")
	many := `"x"` + strings.Repeat(`,"x"`, 100)
	for name, c := range map[string]struct {
		path, body string
		status     int
		message    string
	}{
		"without a name":          {jitPath, `{"runner_group_id":1,"labels":["x"]}`, 422, "name"},
		"with a long name":        {jitPath, fmt.Sprintf(`{"name":%q,"runner_group_id":1,"labels":["x"]}`, strings.Repeat("n", 65)), 422, "64"},
		"without a group":         {jitPath, `{"name":"a","labels":["x"]}`, 422, "runner_group_id"},
		"without labels":          {jitPath, `{"name":"a","runner_group_id":1}`, 422, "labels"},
		"with no labels":          {jitPath, `{"name":"a","runner_group_id":1,"labels":[]}`, 422, "labels"},
		"with 101 labels":         {jitPath, `{"name":"a","runner_group_id":1,"labels":[` + many + `]}`, 422, "100"},
		"of a taken name":         {jitPath, `{"name":"taken","runner_group_id":1,"labels":["x"]}`, 409, "Already exists - A runner with the name taken already exists."},
		"in the hosted group":     {jitPath, `{"name":"a","runner_group_id":2,"labels":["x"]}`, 403, ""},
		"in an unknown group":     {"/orgs/octo/actions/runners/generate-jitconfig", `{"name":"a","runner_group_id":77,"labels":["x"]}`, 404, ""},
		"in an org's group":       {jitPath, fmt.Sprintf(`{"name":"a","runner_group_id":%d,"labels":["x"]}`, group), 404, ""},
		"at an unknown repo":      {"/repos/octo/moon/actions/runners/generate-jitconfig", `{"name":"a","runner_group_id":1,"labels":["x"]}`, 404, ""},
		"at an unknown org":       {"/orgs/moon/actions/runners/generate-jitconfig", `{"name":"a","runner_group_id":1,"labels":["x"]}`, 404, ""},
		"in something else":       {jitPath, `<name/>`, 400, "JSON"},
		"at an unknown operation": {"/repos/octo/shop/actions/moon", `{}`, 404, ""},
	} {
		t.Run(name, func(t *testing.T) {
			a := ask(t, h, "POST "+c.path, c.body)
			if a.Code != c.status || !strings.Contains(a.decode(t)["message"].(string), c.message) {
				t.Errorf("%d %s", a.Code, a.Body)
			}
		})
	}
	if got := len(g.Runners()); got != 1 {
		t.Errorf("%d runners are registered, want the first alone", got)
	}
	t.Run("but takes a name that another target has, and an organisation's group", func(t *testing.T) {
		a := ask(t, h, "POST /orgs/octo/actions/runners/generate-jitconfig", fmt.Sprintf(`{"name":"taken","runner_group_id":%d,"labels":["x"]}`, group))
		if a.Code != http.StatusCreated {
			t.Errorf("%d %s", a.Code, a.Body)
		}
	})
}

func TestGitHubTellsOfRunners(t *testing.T) {
	_, h := newGitHub(t, githubtest.Config{})
	id, _ := register(t, h, "a", "x")
	register(t, h, "ab", "x")
	registerAt(t, h, "/orgs/octo/actions/runners/generate-jitconfig", "a", "x")
	one := fmt.Sprintf("/repos/octo/shop/actions/runners/%d", id)
	for path, want := range map[string]string{
		"/repos/octo/shop/actions/runners":             "a ab",
		"/repos/octo/shop/actions/runners?name=a":      "a",
		"/repos/octo/shop/actions/runners?name=nobody": "",
		"/orgs/octo/actions/runners":                   "a",
	} {
		var names []string
		for _, r := range ask(t, h, "GET "+path, "").items(t, "runners") {
			names = append(names, r["name"].(string))
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	if a := ask(t, h, "GET "+one, ""); a.Code != http.StatusOK || a.decode(t)["name"] != "a" {
		t.Errorf("%d %s", a.Code, a.Body)
	}
	elsewhere := fmt.Sprintf("GET /orgs/octo/actions/runners/%d", id)
	if a := ask(t, h, elsewhere, ""); a.Code != http.StatusNotFound {
		t.Errorf("a repository's runner was found at its organisation: %d", a.Code)
	}
	if a := ask(t, h, "DELETE "+one, ""); a.Code != http.StatusNoContent || a.Body.Len() != 0 {
		t.Errorf("%d %s", a.Code, a.Body)
	}
	for _, method := range []string{"GET ", "DELETE "} {
		if a := ask(t, h, method+one, ""); a.Code != http.StatusNotFound {
			t.Errorf("%safter its removal: %d %s", method, a.Code, a.Body)
		}
	}
	register(t, h, "a", "x") // the name is free again
}

func TestGitHubPagesLists(t *testing.T) {
	_, h := newGitHub(t, githubtest.Config{})
	for i := range 205 {
		register(t, h, fmt.Sprintf("r%03d", i), "x")
	}
	for path, want := range map[string]struct {
		first, last string
		n           int
		rels        []string
	}{
		"/repos/octo/shop/actions/runners":                     {"r000", "r029", 30, []string{"next", "last"}},
		"/repos/octo/shop/actions/runners?per_page=100":        {"r000", "r099", 100, []string{"next", "last"}},
		"/repos/octo/shop/actions/runners?per_page=500":        {"r000", "r099", 100, []string{"next", "last"}},
		"/repos/octo/shop/actions/runners?per_page=100&page=2": {"r100", "r199", 100, []string{"prev", "first", "next", "last"}},
		"/repos/octo/shop/actions/runners?per_page=100&page=3": {"r200", "r204", 5, []string{"prev", "first"}},
		"/api/v3/repos/octo/shop/actions/runners?per_page=100": {"r000", "r099", 100, []string{"next", "last"}},
		"/repos/octo/shop/actions/runners?page=99":             {"", "", 0, []string{"prev", "first"}},
	} {
		a := ask(t, h, "GET "+path, "")
		items := a.items(t, "runners")
		if len(items) != want.n || a.decode(t)["total_count"] != 205.0 {
			t.Errorf("%s: %d of %v", path, len(items), a.decode(t)["total_count"])
			continue
		}
		if want.n > 0 && (items[0]["name"] != want.first || items[want.n-1]["name"] != want.last) {
			t.Errorf("%s: from %v to %v", path, items[0]["name"], items[want.n-1]["name"])
		}
		link := a.Header().Get("Link")
		for _, rel := range []string{"prev", "first", "next", "last"} {
			if strings.Contains(link, `rel="`+rel+`"`) != slices.Contains(want.rels, rel) {
				t.Errorf("%s: links %s, want %v", path, link, want.rels)
			}
		}
		if before, _, _ := strings.Cut(path, "?"); link != "" && !strings.Contains(link, "<http://example.com"+before+"?") {
			t.Errorf("%s: links %s lead elsewhere", path, link)
		}
	}
}
