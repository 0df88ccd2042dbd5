package main

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

func TestTheStatusPageIsForThoseWhoKnowItsToken(t *testing.T) {
	t.Parallel()
	c := newClouds(t)
	c.withPage()
	s := start(t, c.env)
	for name, x := range map[string]struct {
		authorise func(*http.Request)
		path      string
		code      int
	}{
		"nobody":               {func(*http.Request) {}, "/", http.StatusUnauthorized},
		"nobody's job":         {func(*http.Request) {}, "/jobs/1", http.StatusUnauthorized},
		"nobody's metrics":     {func(*http.Request) {}, "/metrics", http.StatusUnauthorized},
		"nobody's style sheet": {func(*http.Request) {}, "/static/page.css", http.StatusUnauthorized},
		"a wrong token":        {func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+adminToken+"x") }, "/", http.StatusUnauthorized},
		"a wrong password":     {func(r *http.Request) { r.SetBasicAuth(adminToken, "") }, "/", http.StatusUnauthorized},
		"the token":            {func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+adminToken) }, "/", http.StatusOK},
		"the password":         {func(r *http.Request) { r.SetBasicAuth("me", adminToken) }, "/jobs", http.StatusOK},
		"a scraper":            {func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+adminToken) }, "/metrics", http.StatusOK},
		"a job of nobody":      {func(r *http.Request) { r.SetBasicAuth("me", adminToken) }, "/jobs/1", http.StatusNotFound},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.pageAddr(t)+x.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		x.authorise(req)
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != x.code {
			t.Errorf("%s: %d %s", name, resp.StatusCode, body)
		}
		if policy := resp.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") {
			t.Errorf("%s: the policy is %q", name, policy)
		}
		if asks := resp.Header.Get("WWW-Authenticate") != ""; asks != (x.code == http.StatusUnauthorized) {
			t.Errorf("%s: it is asked for the password: %t", name, asks)
		}
	}
	for _, path := range []string{"/", "/metrics"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+s.pageAddr(t)+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.SetBasicAuth("", adminToken)
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("POST %s: %d", path, resp.StatusCode)
		}
	}
	if code, _ := s.get(t, "/metrics"); code != http.StatusNotFound {
		t.Errorf("/metrics at LISTEN_ADDR answers %d", code)
	}
	if provisionertest.Shows(s.out.String(), provisioner.NewSecret(adminToken)) {
		t.Error("the token is in the log")
	}
}

// Without a token only this machine's users can come, and none that a web page sends.
func TestWithoutATokenTheStatusPageIsThisMachinesOwn(t *testing.T) {
	t.Parallel()
	c := newClouds(t)
	c.env["ADMIN_ADDR"] = "localhost:0"
	s := start(t, c.env)
	for host, code := range map[string]int{"": 200, "localhost:9090": 200, "127.0.0.1": 200, "[::1]:9090": 200, "evil.example": 403, "localhost.evil.example:80": 403} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.pageAddr(t)+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != code {
			t.Errorf("for host %q: %d", host, resp.StatusCode)
		}
	}
}

func TestAReaderOfTheStatusPageDoesNotHoldUpTheStop(t *testing.T) {
	t.Parallel()
	c := newClouds(t)
	c.withPage()
	s := start(t, c.env)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.pageAddr(t)+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth("", adminToken)
	resp, err := client.Do(req)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%v, %v", resp, err)
	}
	defer func() { _ = resp.Body.Close() }()
	if code := s.stop(t); code != 0 {
		t.Errorf("exit code %d\n%s", code, s.out)
	}
	for _, want := range []string{`"msg":"stopping: `, `"msg":"stopped"`} {
		if !strings.Contains(s.out.String(), want) {
			t.Errorf("the log lacks %s:\n%s", want, s.out)
		}
	}
	if strings.Contains(s.out.String(), "cut off") {
		t.Errorf("it took too long:\n%s", s.out)
	}
}
