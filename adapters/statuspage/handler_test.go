package statuspage_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/datawire/github-runner-provisioner/adapters/statuspage"
)

// answers are what there is, in both forms, and what there is not.
var answers = []struct {
	path, accept string
	code         int
	contentType  string
}{
	{"/", asHTML, 200, "text/html; charset=utf-8"},
	{"/", asJSON, 200, asJSON},
	{"/", "*/*", 200, "text/html; charset=utf-8"},
	{"/jobs", asHTML, 200, "text/html; charset=utf-8"},
	{"/jobs", asJSON, 200, asJSON},
	{"/jobs?state=waiting&type=big&repository=a/b", asHTML, 200, "text/html; charset=utf-8"},
	{"/jobs?state=asleep", asHTML, 400, "text/html; charset=utf-8"},
	{"/jobs?state=asleep", asJSON, 400, asJSON},
	{"/jobs?limit=0", asJSON, 400, asJSON},
	{"/jobs?limit=many", asJSON, 400, asJSON},
	{"/jobs?offset=-1", asJSON, 400, asJSON},
	{"/jobs?repository=[", asJSON, 400, asJSON},
	{"/jobs?q=nothing", asHTML, 400, "text/html; charset=utf-8"},
	{"/jobs?q=nothing", asJSON, 400, asJSON},
	{"/jobs?q=101", asHTML, 303, "text/html; charset=utf-8"},
	{"/jobs/101", asHTML, 200, "text/html; charset=utf-8"},
	{"/jobs/101", asJSON, 200, asJSON},
	{"/jobs/999", asHTML, 404, "text/html; charset=utf-8"},
	{"/jobs/999", asJSON, 404, asJSON},
	{"/jobs/", asJSON, 404, asJSON},
	{"/jobs/0", asJSON, 404, asJSON},
	{"/jobs/-101", asJSON, 404, asJSON},
	{"/jobs/+101", asJSON, 404, asJSON},
	{"/jobs/101/", asJSON, 404, asJSON},
	{"/jobs/99999999999999999999", asJSON, 404, asJSON},
	{"/jobs/%3Cscript%3E", asHTML, 404, "text/html; charset=utf-8"},
	{"/machines", asHTML, 200, "text/html; charset=utf-8"},
	{"/machines", asJSON, 200, asJSON},
	{"/static/style.css", "*/*", 200, "text/css; charset=utf-8"},
	{"/static/live.js", "*/*", 200, "text/javascript; charset=utf-8"},
	{"/static/icon.svg", "*/*", 200, "image/svg+xml"},
	{"/static/", "*/*", 404, "text/html; charset=utf-8"},
	{"/static/../handler.go", "*/*", 404, "text/html; charset=utf-8"},
	{"/metrics", asHTML, 404, "text/html; charset=utf-8"},
	{"/nowhere", asJSON, 404, asJSON},
	{"//", asHTML, 404, "text/html; charset=utf-8"},
}

func TestEveryAddressHasItsAnswerInBothForms(t *testing.T) {
	s, _ := newSite(t, statuspage.Config{})
	for _, want := range answers {
		resp, _ := s.do(http.MethodGet, want.path, "Accept", want.accept)
		if got := resp.Header.Get("Content-Type"); resp.StatusCode != want.code || got != want.contentType {
			t.Errorf("GET %s as %s: %d %s, want %d %s", want.path, want.accept, resp.StatusCode, got, want.code, want.contentType)
		}
		head, body := s.do(http.MethodHead, want.path, "Accept", want.accept)
		if head.StatusCode != want.code || head.Header.Get("Content-Type") != want.contentType || body != "" {
			t.Errorf("HEAD %s as %s: %d %s with %q", want.path, want.accept, head.StatusCode, head.Header.Get("Content-Type"), body)
		}
	}
}

func TestEveryAnswerForbidsWhatThePageDoesNotNeed(t *testing.T) {
	s, _ := newSite(t, statuspage.Config{})
	want := map[string]string{
		"Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
		"X-Content-Type-Options":  "nosniff",
		"Referrer-Policy":         "no-referrer",
	}
	for _, a := range answers {
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost} {
			resp, _ := s.do(method, a.path, "Accept", a.accept)
			for name, value := range want {
				if got := resp.Header.Get(name); got != value {
					t.Errorf("%s %s: %s is %q", method, a.path, name, got)
				}
			}
			if got := resp.Header.Get("Cache-Control"); got != "no-store" && (!strings.HasPrefix(a.path, "/static/") || got == "") {
				t.Errorf("%s %s may be kept: %q", method, a.path, got)
			}
		}
	}
}

func TestNothingCanBeChanged(t *testing.T) {
	s, _ := newSite(t, statuspage.Config{})
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions, http.MethodTrace, "BREW"} {
		for _, path := range []string{"/", "/jobs", "/jobs/101", "/machines", "/events", "/static/style.css", "/nowhere"} {
			resp, body := s.do(method, path, "Accept", asJSON)
			if resp.StatusCode != http.StatusMethodNotAllowed || resp.Header.Get("Allow") != "GET, HEAD" || !strings.Contains(body, `"error"`) {
				t.Errorf("%s %s: %s, allowed is %q: %s", method, path, resp.Status, resp.Header.Get("Allow"), body)
			}
		}
	}
}

func TestJSONIsForWhoNamesIt(t *testing.T) {
	s, _ := newSite(t, statuspage.Config{})
	for accept, json := range map[string]bool{
		"": false, "*/*": false, "application/*": false, "text/html": false, asHTML: false, "garbage;;": false,
		"application/json": true, "Application/JSON; charset=utf-8": true, "application/json, */*": true, "application/json, text/html": true,
		"text/html, application/json": false, "text/html, application/json;q=0.9": false, "text/html;q=0.5, application/json": true,
		"application/json;q=0": false, "application/json;q=x": false, "application/json;q=0.1, */*": true,
	} {
		resp, _ := s.do(http.MethodGet, "/", "Accept", accept)
		if got := resp.Header.Get("Content-Type") == asJSON; got != json {
			t.Errorf("%q gets %s", accept, resp.Header.Get("Content-Type"))
		}
		if resp.Header.Get("Vary") != "Accept" {
			t.Error("an answer does not say that it depends on Accept")
		}
	}
}

func TestThePageCanBeMountedBelowAPrefix(t *testing.T) {
	for _, prefix := range []string{"/admin/runners", "admin/runners/", "/admin/runners/"} {
		f := newFeed(t).some()
		mux := http.NewServeMux()
		mux.Handle("/admin/runners/", statuspage.New(f.Journal, statuspage.Config{Prefix: prefix}))
		s := serve(t, mux)
		for _, path := range []string{"/", "/jobs", "/jobs?limit=1", "/jobs/101", "/machines"} {
			page := s.page("/admin/runners" + path)
			for _, attribute := range []string{` href="`, ` src="`, ` action="`, ` data-events="`} {
				for _, part := range strings.Split(page, attribute)[1:] {
					if !strings.HasPrefix(part, "/admin/runners/") && !strings.HasPrefix(part, "#") && !strings.HasPrefix(part, "https://github.com/") {
						t.Errorf("%s leads out of its prefix: %s%.40s", path, attribute, part)
					}
				}
			}
		}
		resp, _ := s.do(http.MethodGet, "/admin/runners/jobs?q=101")
		if to := resp.Header.Get("Location"); to != "/admin/runners/jobs/101" {
			t.Errorf("the search leads to %q", to)
		}
	}
	h := serve(t, statuspage.New(newFeed(t).Journal, statuspage.Config{Prefix: "/runners"}))
	if resp, _ := h.do(http.MethodGet, "/runners"); resp.StatusCode != http.StatusMovedPermanently || resp.Header.Get("Location") != "/runners/" {
		t.Errorf("the prefix alone: %s to %q", resp.Status, resp.Header.Get("Location"))
	}
	for _, path := range []string{"/", "/jobs", "/runnersjobs", "/other/jobs"} {
		if resp, _ := h.do(http.MethodGet, path); resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s is outside of the prefix: %s", path, resp.Status)
		}
	}
}

func TestAssetsAreKeptForGoodByTheirVersion(t *testing.T) {
	s, _ := newSite(t, statuspage.Config{})
	page := s.page("/")
	for _, name := range []string{"style.css", "live.js", "icon.svg"} {
		at := strings.Index(page, "/static/"+name+"?v=")
		if at < 0 {
			t.Fatalf("the page has no %s", name)
		}
		address, _, _ := strings.Cut(page[at:], `"`)
		resp, body := s.do(http.MethodGet, address)
		tag := resp.Header.Get("ETag")
		if resp.Header.Get("Cache-Control") != "private, max-age=31536000, immutable" || tag == "" || body == "" {
			t.Errorf("%s: %v", address, resp.Header)
		}
		if old, _ := s.do(http.MethodGet, "/static/"+name+"?v=0"); old.Header.Get("Cache-Control") != "private, no-cache" {
			t.Errorf("another version of %s is kept: %v", name, old.Header)
		}
		if same, body := s.do(http.MethodGet, "/static/"+name, "If-None-Match", tag); same.StatusCode != http.StatusNotModified || body != "" {
			t.Errorf("who has %s gets it again: %s", name, same.Status)
		}
	}
}
