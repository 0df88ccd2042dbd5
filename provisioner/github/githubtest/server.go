package githubtest

import (
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest/fakehttp"
)

// Config of a fake GitHub. The zero value takes any token and has no App.
type Config struct {
	// Token is the only bearer token accepted, beside those of the App's installations. "" accepts
	// any.
	Token string
	// Scopes make the token a classic one that has them; without, it is a fine-grained one, of
	// which GitHub does not tell what it may do.
	Scopes []string
	// AppID is the App that is installed at every account. Its JWTs are not verified. 0 means that
	// there is no App.
	AppID int64
	// Hourly is how many requests a credential has an hour. When they are used up it is refused
	// (403) until the hour is over. GET /rate_limit and answers of 304 cost nothing, but only the
	// former is still to be had then. A token has 5,000 at GitHub, an installation 5,000 to 12,500.
	// Defaults to 5,000 that are counted, and nobody is refused.
	// https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
	Hourly int
	// Points is how many points a credential has in any minute: a GET, HEAD or OPTIONS costs 1 and
	// any other request 5. One too many is refused (403) with a secondary limit, for all calls of
	// the credential and until the minute has room for that one. GitHub's value is 900, which is
	// 180 registrations. Defaults to no limit; [Server.PeakPoints] counts all the same.
	//
	// The same page of GitHub's leaves things open, and this is the stricter reading of them. Its
	// limit is that of "a single endpoint"; here all of them share it. Answers of 304 and GET
	// /rate_limit cost a point, and the minute is any 60 s. Refused calls cost nothing, because
	// Retry-After would be wrong otherwise.
	//
	// Not here are its other secondary limits: 100 requests at a time, 90 s of CPU time in 60 s,
	// and 80 a minute or 500 an hour that generate content, which registrations are not known to.
	Points int
}

// Server is a fake of the part of GitHub's REST API that this product can meet, with the real one's
// semantics: a name can be registered once, a just-in-time configuration can be used once, a runner
// is removed after its job or after a day without a connection, a busy runner can't be removed, any
// job may go to any runner that has its labels, lists are paged, and unchanged answers are 304 to
// those who ask so.
//
// It is an [http.Handler], at the root and, as on GitHub Enterprise Server, under /api/v3; serve it
// with httptest, or through [fakehttp.Loopback] in a testing/synctest bubble. Its time is time.Now,
// it starts no goroutines, and ids are the same in every run. All methods are safe for concurrent
// use.
//
// Machines do not exist for it: a test says with [Server.Connect] and [Server.Disconnect] what
// runners do, and with [Server.Assign] when GitHub hands out jobs.
type Server struct {
	cfg Config
	mux *http.ServeMux

	mu           sync.Mutex
	faults       fakehttp.Faults
	calls        map[string]int
	serial       int64
	accounts     []string // owners of repositories and runner groups; an account's installation has its place here, from 1, as its id
	repositories map[provisioner.Repository]int64
	groups       map[string][]group // by organisation
	tokens       map[string]token   // of the App's installations
	runners      []*Runner          // in the order of their ids
	configs      map[string]*jitConfig
	runs         []*run // in the order of their ids
	jobs         map[int64]*Job
	queued       []*Job          // the oldest first
	hooks        map[string]Hook // by name, as that of deliveries
	notices      []Notice
	deliveries   map[string][]*Delivery
	downloads    string
	quotas       map[string]*quota // by credential
	limit        RateLimit         // of the credentials that are still to come
	access       map[provisioner.Target]Access
	lag          time.Duration
}

// New returns a fake GitHub without repositories.
func New(cfg Config) *Server {
	g := &Server{
		cfg: cfg, mux: http.NewServeMux(), calls: make(map[string]int), repositories: make(map[provisioner.Repository]int64),
		groups: make(map[string][]group), tokens: make(map[string]token), configs: make(map[string]*jitConfig), jobs: make(map[int64]*Job),
		deliveries: make(map[string][]*Delivery), quotas: make(map[string]*quota), serial: 1000, downloads: "https://github.com/actions/runner/releases/download",
	}
	g.routes()
	return g
}

// SetFaults decides what goes wrong from now on; nil means nothing. Operations are a method and the
// path as the API's documentation writes it, such as "POST
// /repos/{owner}/{repo}/actions/runners/generate-jitconfig".
func (g *Server) SetFaults(f fakehttp.Faults) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.faults = f
}

// AddRepository makes a repository, unless there is one of that name.
func (g *Server) AddRepository(owner, name string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.addRepository(provisioner.Repository{Owner: owner, Name: name})
}

func (g *Server) addRepository(r provisioner.Repository) {
	if g.repositories[r] == 0 {
		g.addAccount(r.Owner)
		g.repositories[r] = g.next()
	}
}

func (g *Server) addAccount(owner string) {
	if !slices.Contains(g.accounts, owner) {
		g.accounts = append(g.accounts, owner)
	}
}

// Calls counts the calls by operation, failed ones included. Answers of 304 are counted once more,
// as "304 " and the operation, and those that a limit has refused as "limited " and the operation.
func (g *Server) Calls() map[string]int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return maps.Clone(g.calls)
}

func (g *Server) next() int64 {
	g.serial++
	return g.serial
}

// What GitHub does by itself as time passes. It names no figure for a lost runner; ten minutes is
// the order of what users see. https://docs.github.com/en/actions/reference/limits,
// https://docs.github.com/en/actions/reference/runners/self-hosted-runners
const (
	keepsOffline = 24 * time.Hour   // an ephemeral runner that is not connected
	keepsQueued  = 24 * time.Hour   // a job that no runner takes
	missesRunner = 10 * time.Minute // whose job then fails
)

// catchUp does what is due by now. Everything that looks at runners or jobs calls it first.
func (g *Server) catchUp() {
	now := time.Now()
	for i := 0; i < len(g.runners); {
		r := g.runners[i]
		switch away := now.Sub(r.seen); {
		case r.Online:
		case r.Busy && away > missesRunner:
			g.end(r.Job, "failure") // removes the runner
			continue
		case !r.Busy && away > keepsOffline:
			g.remove(r)
			continue
		}
		i++
	}
	for len(g.queued) > 0 && now.Sub(g.queued[0].queuedAt) > keepsQueued {
		g.end(g.queued[0].ID, "cancelled")
	}
}
