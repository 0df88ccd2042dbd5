package codemagictest

import (
	"cmp"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest/fakehttp"
)

// Config holds what a fake Codemagic can do without. The zero value is an API that works well.
type Config struct {
	// Token is the only x-auth-token that is let in. Defaults to "codemagic-token".
	Token string
	// Apps are the ids of the apps that exist. Defaults to every id.
	Apps []string
	// ListLag is the age at which a build appears in lists. GET /builds/{id} knows it at once, as
	// the real one does.
	ListLag time.Duration
	// Concurrency is the number of builds that the plan runs at once. More wait in Codemagic's own
	// queue, without a startedAt. 0 means no limit.
	Concurrency int
	// PageSize is the most builds that one answer of GET /builds has. Defaults to 30.
	PageSize int
	// IgnoreSkip has GET /builds answer the first page whatever it is asked for: the parameter is
	// not documented.
	IgnoreSkip bool
}

// Server is a fake of version 1 of Codemagic's API, with what hurts in the real one: no idempotency
// key, lists that lag and come in pages, builds that queue, 208 for a cancellation that comes too
// late, dates that are not RFC 3339. It is stricter in one thing: fields of a request that the API
// does not document are refused.
//
// GET /builds answers newest first. The query parameters skip (builds to leave out) and limit (for
// a shorter page) are not in the API's documentation; public clients use them, such as pub.dev's
// codemagic_manager with getBuilds(skip: 30). A build that comes between two pages shifts the
// second: its first entry is the last one of the page before.
//
// Its operations, for [fakehttp.Faults] and Calls, are "POST /builds", "POST /builds/{id}/cancel",
// "GET /builds/{id}", "GET /builds" and "GET /apps/{id}".
//
// It starts no goroutine, reads the time from package time and so works inside a testing/synctest
// bubble, through [fakehttp.Loopback]. It is safe for concurrent use.
type Server struct {
	cfg Config
	mux *http.ServeMux

	mu     sync.Mutex
	faults fakehttp.Faults
	calls  map[string]int
	builds []*Build // oldest first
}

// Build is a build at a fake Codemagic.
type Build struct {
	ID           string
	AppID        string
	WorkflowID   string
	Branch       string
	InstanceType string
	Labels       []string
	Variables    map[string]string
	Status       string
	CreatedAt    time.Time
	StartedAt    time.Time // zero while it is queued
	FinishedAt   time.Time // zero while it goes on
	// Request is the body of the request that started it.
	Request []byte
}

// Over reports whether the build has ended.
func (b Build) Over() bool { return !b.FinishedAt.IsZero() }

// New returns a fake Codemagic without builds.
func New(cfg Config) *Server {
	cfg.Token, cfg.PageSize = cmp.Or(cfg.Token, "codemagic-token"), cmp.Or(cfg.PageSize, 30)
	c := &Server{cfg: cfg, mux: http.NewServeMux(), calls: map[string]int{}}
	for operation, effect := range map[string]http.HandlerFunc{
		"POST /builds":             c.start,
		"POST /builds/{id}/cancel": c.cancel,
		"GET /builds/{id}":         c.show,
		"GET /builds":              c.list,
		"GET /apps/{id}":           c.app,
	} {
		c.mux.HandleFunc(operation, func(w http.ResponseWriter, r *http.Request) {
			c.mu.Lock()
			c.calls[operation]++
			faults := c.faults
			c.mu.Unlock()
			faults.Serve(operation, w, r, func(w http.ResponseWriter, r *http.Request) {
				if subtle.ConstantTimeCompare([]byte(r.Header.Get("X-Auth-Token")), []byte(c.cfg.Token)) == 0 {
					refuse(w, http.StatusUnauthorized, "Invalid authentication token")
					return
				}
				effect(w, r)
			}, refuse)
		})
	}
	return c
}

// ServeHTTP answers one call.
func (c *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { c.mux.ServeHTTP(w, r) }

// SetFaults has f decide the fate of every further call.
func (c *Server) SetFaults(f fakehttp.Faults) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults = f
}

// Calls returns the number of calls of each operation, failed ones included.
func (c *Server) Calls() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.calls)
}

// Builds returns copies of all builds, oldest first.
func (c *Server) Builds() []Build {
	c.mu.Lock()
	defer c.mu.Unlock()
	builds := make([]Build, 0, len(c.builds))
	for _, b := range c.builds {
		x := *b
		x.Labels, x.Variables, x.Request = slices.Clone(b.Labels), maps.Clone(b.Variables), slices.Clone(b.Request)
		builds = append(builds, x)
	}
	return builds
}

// Finish ends a build with a status such as "finished", as the end of its script does, and reports
// whether it was going on.
func (c *Server) Finish(id, status string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := c.find(id)
	if b == nil || b.Over() {
		return false
	}
	b.Status, b.FinishedAt = status, time.Now()
	c.advance()
	return true
}

// SetStatus changes the status of a build that goes on, to one that the API may invent tomorrow,
// say.
func (c *Server) SetStatus(id, status string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if b := c.find(id); b != nil && !b.Over() {
		b.Status = status
	}
}

func (c *Server) find(id string) *Build {
	i := slices.IndexFunc(c.builds, func(b *Build) bool { return b.ID == id })
	if i < 0 {
		return nil
	}
	return c.builds[i]
}

// advance starts queued builds, oldest first, as far as there is room.
func (c *Server) advance() {
	running := 0
	for _, b := range c.builds {
		if !b.Over() && !b.StartedAt.IsZero() {
			running++
		}
	}
	for _, b := range c.builds {
		if c.cfg.Concurrency > 0 && running >= c.cfg.Concurrency {
			return
		}
		if !b.Over() && b.StartedAt.IsZero() {
			b.Status, b.StartedAt = "building", time.Now()
			running++
		}
	}
}

func (c *Server) hasApp(id string) bool {
	return len(c.cfg.Apps) == 0 || slices.Contains(c.cfg.Apps, id)
}

func refuse(w http.ResponseWriter, status int, message string) {
	answer(w, status, map[string]string{"error": strings.ToLower(http.StatusText(status)), "message": message})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// buildID returns ids of the real ones' form, 24 hexadecimal digits.
func buildID(n int) string { return fmt.Sprintf("5fabc6414c48%012x", n) }
