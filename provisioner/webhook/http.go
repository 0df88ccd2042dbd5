package webhook

import (
	"errors"
	"maps"
	"net/http"
	"net/url"
	"strconv"
)

var _ http.Handler = (*Receiver)(nil)

// ServeHTTP answers a delivery, whatever its path. What can be refused by the header is refused
// before the body is read, no body is read beyond [Config].MaxBody, and all bodies that are being
// received take at most 64 MiB together, of which large ones leave 16 MiB to small ones: what finds
// no room is answered 503, to be delivered again. How long a sender may take is the server's to
// limit, with [http.Server.ReadTimeout].
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
	q := Request{Method: req.Method, Header: req.Header, Query: query, MalformedQuery: err != nil, RemoteAddr: req.RemoteAddr}
	refusal, refused := q.refuse(req.ContentLength, r.maxBody)
	if !refused {
		pieces, free, err := r.unverified.read(http.MaxBytesReader(w, req.Body, r.maxBody), req.ContentLength)
		defer free()
		if err == nil {
			return r.receive(req.Context(), q, pieces)
		}
		refusal = r.unread(err)
	}
	return r.exchange(req.Context(), q.exchange(), func(*exchange) Answer { return refusal })
}

// unread answers a delivery whose body could not be read.
func (r *Receiver) unread(err error) Answer {
	if errors.Is(err, errNoRoom) {
		return answer(StatusUnavailable, errNoRoom.Error()+"; deliver again later")
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return tooLarge(r.maxBody)
	}
	return answer(StatusInvalid, "the body ended early")
}
