package github_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/github"
	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest/fakehttp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const token = "ghp_the-token-nobody-may-see"

var (
	repo = provisioner.Target{Owner: "octo", Repo: "shop"}
	org  = provisioner.Target{Owner: "octo"}
	shop = provisioner.Repository{Owner: "octo", Name: "shop"}
)

// server is a GitHub of a few routes, as patterns of http.ServeMux, that counts what it is asked.
type server struct {
	*httptest.Server
	mu   sync.Mutex
	seen map[string]int // by method and path
}

func serve(t *testing.T, routes map[string]http.HandlerFunc) *server {
	t.Helper()
	s := &server{seen: map[string]int{}}
	mux := http.NewServeMux()
	for pattern, h := range routes {
		mux.HandleFunc(pattern, h)
	}
	if _, ok := routes["/"]; !ok {
		mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
			t.Errorf("unexpected request: %s %s", r.Method, r.URL)
			w.WriteHeader(http.StatusTeapot)
		})
	}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.seen[r.Method+" "+r.URL.Path]++
		s.mu.Unlock()
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *server) count(request string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen[request]
}

func (s *server) total() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.seen {
		n += c
	}
	return n
}

// changes counts the requests that are no reads.
func (s *server) changes() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for what, c := range s.seen {
		if !strings.HasPrefix(what, "GET ") {
			n += c
		}
	}
	return n
}

// client returns a Client of the server, with a token unless the configuration has an App.
func (s *server) client(t *testing.T, cfg github.Config) *github.Client {
	t.Helper()
	cfg.BaseURL, cfg.Transport = s.URL, s.Client().Transport
	return newClient(t, cfg)
}

func newClient(t *testing.T, cfg github.Config) *github.Client {
	t.Helper()
	if cfg.App == nil && cfg.Token.IsZero() {
		cfg.Token = provisioner.NewSecret(token)
	}
	c, err := github.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// quick tests a client of a handler where time does not pass: repetitions wait for nothing.
func quick(t *testing.T, h http.HandlerFunc, test func(t *testing.T, c *github.Client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		test(t, newClient(t, github.Config{BaseURL: "http://github.test", Transport: fakehttp.Loopback(h)}))
	})
}

// answer writes v as JSON with an ETag, or a 304 to whoever has it already.
func answer(w http.ResponseWriter, r *http.Request, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	etag := fmt.Sprintf(`W/"%x"`, sha256.Sum256(append(b, w.Header().Get("Link")...)))
	w.Header().Set("ETag", etag)
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	if r.Header.Get("If-None-Match") == etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	if r.Method == http.MethodPost {
		w.WriteHeader(http.StatusCreated)
	}
	_, _ = w.Write(b)
}

// fail writes an error the way GitHub does.
func fail(w http.ResponseWriter, status int, message string, header ...string) {
	for i := 0; i+1 < len(header); i += 2 {
		w.Header().Set(header[i], header[i+1])
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"message": message, "documentation_url": "https://docs.github.com/rest"})
}

// paged cuts all to the page that a request asks for and links the next one.
func paged[T any](w http.ResponseWriter, r *http.Request, all []T) []T {
	size, _ := strconv.Atoi(r.URL.Query().Get("per_page"))
	number, _ := strconv.Atoi(r.URL.Query().Get("page"))
	if size == 0 {
		size = 30
	}
	from := min(max(number-1, 0)*size, len(all))
	to := min(from+size, len(all))
	if to < len(all) {
		q := r.URL.Query()
		q.Set("page", strconv.Itoa(max(number, 1)+1))
		w.Header().Set("Link", fmt.Sprintf(`<http://%s%s?%s>; rel="next"`, r.Host, r.URL.Path, q.Encode()))
	}
	return all[from:to]
}

type object = map[string]any

func runner(id int64, name, status string, busy bool) object {
	return object{"id": id, "name": name, "os": "linux", "status": status, "busy": busy, "labels": []object{{"name": "self-hosted", "type": "custom"}}}
}

func registration(t provisioner.Target) provisioner.Registration {
	return provisioner.Registration{Target: t, Name: "grp-x-1-1", Labels: []string{"self-hosted", "x"}}
}
