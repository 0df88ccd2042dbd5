package statuspage

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/a-h/templ"

	"github.com/datawire/github-runner-provisioner/provisioner/journal"
)

// Config of a [Handler]. The zero value means the defaults.
type Config struct {
	// Version and Deployment are what the service calls itself. Default to nothing.
	Version, Deployment string
	// StartedAt is when the service was started. Defaults to the moment of [New].
	StartedAt time.Time
	// Prefix is the path below which the page is mounted, as its requests have it: /runners.
	// Defaults to the root.
	Prefix string
	// GitHub says how things are with GitHub. It is called for every answer that shows it, at the
	// same time by several, and must not wait. Defaults to knowing nothing.
	GitHub func() GitHub
	// Streams is how many readers may be told of news at the same time; the others ask every 15 s.
	// Defaults to 32.
	Streams int
}

// Handler is the page. It is safe for concurrent use.
type Handler struct {
	journal *journal.Journal
	cfg     Config
	prefix  string // begins with a slash and ends without one, or is empty
	streams chan struct{}
	over    chan struct{}
	end     func()
}

var _ http.Handler = (*Handler)(nil)

// New returns the page of a journal.
func New(j *journal.Journal, cfg Config) *Handler {
	if cfg.StartedAt.IsZero() {
		cfg.StartedAt = time.Now()
	}
	if cfg.GitHub == nil {
		cfg.GitHub = func() GitHub { return GitHub{} }
	}
	prefix := strings.Trim(cfg.Prefix, "/")
	if prefix != "" {
		prefix = "/" + prefix
	}
	over := make(chan struct{})
	return &Handler{
		journal: j, cfg: cfg, prefix: prefix, streams: make(chan struct{}, cmp.Or(max(cfg.Streams, 0), 32)),
		over: over, end: sync.OnceFunc(func() { close(over) }),
	}
}

// Close ends all streams of news, and those that are asked for later at once, so that a server can
// stop. Everything else goes on.
func (h *Handler) Close() { h.end() }

// policy lets the page load its own style sheet and script, and nothing from anybody else.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; " +
	"base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// ServeHTTP answers a request. See the package for what there is.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Security-Policy", policy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("Cache-Control", "no-store")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		header.Set("Allow", "GET, HEAD")
		h.fail(w, r, http.StatusMethodNotAllowed, "Nothing can be changed here: only GET and HEAD are answered.")
		return
	}
	path, ours := strings.CutPrefix(r.URL.Path, h.prefix)
	id, isJob := strings.CutPrefix(path, "/jobs/")
	asset, isAsset := strings.CutPrefix(path, "/static/")
	switch {
	case !ours:
		h.notFound(w, r)
	case path == "" && h.prefix != "":
		http.Redirect(w, r, h.prefix+"/", http.StatusMovedPermanently)
	case path == "/":
		h.serveOverview(w, r)
	case path == "/jobs":
		h.serveJobs(w, r)
	case isJob:
		h.serveJob(w, r, id)
	case path == "/machines":
		h.serveMachines(w, r)
	case path == "/events":
		h.serveEvents(w, r)
	case isAsset:
		h.serveAsset(w, r, asset)
	default:
		h.notFound(w, r)
	}
}

func (h *Handler) notFound(w http.ResponseWriter, r *http.Request) {
	h.fail(w, r, http.StatusNotFound, "There is nothing at this address.")
}

// Problem is the JSON of an answer that is an error.
type Problem struct {
	Error string `json:"error"`
	// Meaning is what the error can mean, if that is not plain.
	Meaning []string `json:"meaning,omitempty"`
}

func (h *Handler) fail(w http.ResponseWriter, r *http.Request, code int, text string, meaning ...string) {
	p := h.page("", http.StatusText(code))
	p.code = code
	problem := Problem{Error: text, Meaning: meaning}
	h.answer(w, r, p, problem, problemPage(p, problem))
}

// answer sends a value as what was asked for.
func (h *Handler) answer(w http.ResponseWriter, r *http.Request, p page, value any, html templ.Component) {
	var body bytes.Buffer
	var err error
	header := w.Header()
	header.Add("Vary", "Accept")
	if prefersJSON(r.Header.Values("Accept")) {
		header.Set("Content-Type", "application/json")
		enc := json.NewEncoder(&body)
		enc.SetIndent("", "  ")
		err = enc.Encode(value)
	} else {
		header.Set("Content-Type", "text/html; charset=utf-8")
		err = html.Render(r.Context(), &body)
	}
	if err != nil {
		// Only a reader who has gone can be the reason.
		http.Error(w, "the page can't be made", http.StatusInternalServerError)
		return
	}
	header.Set("Content-Length", strconv.Itoa(body.Len()))
	w.WriteHeader(cmp.Or(p.code, http.StatusOK))
	_, _ = w.Write(body.Bytes()) // a reader who has gone needs no answer
}
