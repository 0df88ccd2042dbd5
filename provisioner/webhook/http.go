package webhook

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
)

var _ http.Handler = (*Receiver)(nil)

// ServeHTTP answers a delivery, whatever its path. What can be refused by the header is refused
// before the body is read, and no body is read beyond [MaxBody]. How long a sender may take is the
// server's to limit, with [http.Server.ReadTimeout].
func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	a := r.serve(w, req)
	h := w.Header()
	maps.Copy(h, a.Header())
	body := a.JSON()
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(a.Code)
	_, _ = w.Write(body) //nolint:gosec // G705: it is JSON and says so with nosniff. Whoever hung up delivers again
}

func (r *Receiver) serve(w http.ResponseWriter, req *http.Request) Answer {
	query, err := url.ParseQuery(req.URL.RawQuery)
	q := Request{Method: req.Method, Header: req.Header, Query: query, MalformedQuery: err != nil}
	refusal, refused := q.refuse(req.ContentLength)
	if !refused {
		if q.Body, err = read(http.MaxBytesReader(w, req.Body, MaxBody), req.ContentLength); err == nil {
			return r.Receive(req.Context(), q)
		}
		refusal = answer(StatusInvalid, "the body ended early")
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			refusal = tooLarge()
		}
	}
	return r.exchange(req.Context(), q.header("X-Github-Delivery"), func(*exchange) Answer { return refusal })
}

// read reads a body in one piece where its size was declared, as far as a declaration can be
// trusted with memory.
func read(body io.Reader, declared int64) ([]byte, error) {
	const most = 64 << 10 // real deliveries have 8 to 20 KB
	b := bytes.NewBuffer(make([]byte, 0, min(max(declared, 0), most)+bytes.MinRead))
	_, err := b.ReadFrom(body)
	return b.Bytes(), err
}
