package githubtest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
)

// ServeHTTP implements [http.Handler].
func (g *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	operation := g.operation(r)
	g.mu.Lock()
	faults := g.faults
	g.calls[operation]++
	g.mu.Unlock()
	faults.Serve(operation, w, r, func(w http.ResponseWriter, r *http.Request) { g.answer(w, r, operation) }, refuse)
}

// operation names a request as GitHub's documentation does. One that is unknown there is its method
// and path.
func (g *Server) operation(r *http.Request) string {
	_, pattern := g.mux.Handler(r)
	method, path, ok := strings.Cut(pattern, " ")
	if !ok {
		method, path = r.Method, r.URL.Path
	}
	return method + " " + strings.TrimPrefix(path, enterprise)
}

// enterprise is where GitHub Enterprise Server has its API.
const enterprise = "/api/v3"

func (g *Server) answer(w http.ResponseWriter, r *http.Request, operation string) {
	rec := httptest.NewRecorder()
	if !g.denied(rec, r, operation) && !g.limited(rec, r, operation) {
		g.mux.ServeHTTP(rec, r)
	}
	status, body := rec.Code, rec.Body.Bytes()
	if r.Method == http.MethodGet && status == http.StatusOK {
		sum := sha256.Sum256(body)
		tag := `W/"` + hex.EncodeToString(sum[:]) + `"`
		rec.Header().Set("ETag", tag)
		if r.Header.Get("If-None-Match") == tag {
			status, body = http.StatusNotModified, nil
		}
	}
	g.count(rec.Header(), r, status, operation)
	maps.Copy(w.Header(), rec.Header())
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

const documentation = "https://docs.github.com/rest"

// refuse answers as GitHub does when it does not do what it is asked to.
func refuse(w http.ResponseWriter, status int, message string) {
	refuseBy(w, status, message, documentation)
}

func refuseBy(w http.ResponseWriter, status int, message, page string) {
	reply(w, status, map[string]any{"message": message, "documentation_url": page, "status": strconv.Itoa(status)})
}

func notFound(w http.ResponseWriter) { refuse(w, http.StatusNotFound, "Not Found") }

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

// page answers with one page of a list, of 30 items or as many up to 100 as asked for, and says in
// the Link header where the others are. show makes an item what it is in the answer, and wrap the
// items of this page and the number of all.
func page[T, J any](w http.ResponseWriter, r *http.Request, items []T, show func(T) J, wrap func(total int, items []J) any) {
	q := r.URL.Query()
	size, number := pageSize(q), 1
	if n, err := strconv.Atoi(q.Get("page")); err == nil && n > 1 {
		number = n
	}
	last := max((len(items)+size-1)/size, 1)
	from := min((number-1)*size, len(items))
	shown := []J{}
	for _, item := range items[from:min(from+size, len(items))] {
		shown = append(shown, show(item))
	}
	if number > 1 {
		link(w, r, "page", strconv.Itoa(number-1), "prev")
		link(w, r, "page", "1", "first")
	}
	if number < last {
		link(w, r, "page", strconv.Itoa(number+1), "next")
		link(w, r, "page", strconv.Itoa(last), "last")
	}
	reply(w, http.StatusOK, wrap(len(items), shown))
}

func pageSize(q url.Values) int {
	size, err := strconv.Atoi(q.Get("per_page"))
	if err != nil || size < 1 {
		return 30
	}
	return min(size, 100)
}

// link adds a page to the Link header: the request's own address with another page or cursor.
func link(w http.ResponseWriter, r *http.Request, key, value, rel string) {
	u := url.URL{Scheme: "http", Host: r.Host, Path: r.URL.Path}
	if r.TLS != nil {
		u.Scheme = "https"
	}
	q := r.URL.Query()
	q.Set(key, value)
	u.RawQuery = q.Encode()
	more := fmt.Sprintf(`<%s>; rel=%q`, &u, rel)
	if links := w.Header().Get("Link"); links != "" {
		more = links + ", " + more
	}
	w.Header().Set("Link", more)
}

// counted wraps a page of items under their name, beside their number.
func counted[J any](name string) func(total int, items []J) any {
	return func(total int, items []J) any { return map[string]any{"total_count": total, name: items} }
}

// bare is a page that is nothing but its items.
func bare[J any](_ int, items []J) any { return items }
