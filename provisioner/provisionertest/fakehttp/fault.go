package fakehttp

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"time"
)

// Fault is what goes wrong with one call to a fake server.
type Fault struct {
	// Delay passes before anything else happens.
	Delay time.Duration
	// Status, if not 0, is answered instead of the call's effect, with Header and Body.
	Status int
	Header http.Header
	Body   string
	// Quote, if not nil, has the call refused with Status (default 400), in the API's own form. The
	// message is what Quote makes of the whole request, headers and body; see [Quotes].
	Quote func(request string) string
	// Drop cuts the connection before the call has any effect.
	Drop bool
	// Lose lets the call have its effect and cuts the connection instead of answering.
	Lose bool
}

// Faults decides the fate of a call to a fake server; nil means that nothing goes wrong. operation
// is the server's own name for the call, such as "RunInstances" or "POST
// /repos/{owner}/{repo}/actions/runners/generate-jitconfig".
type Faults func(operation string, r *http.Request) *Fault

// Refuse answers with an error in the form that an API has for them.
type Refuse func(w http.ResponseWriter, status int, message string)

// Serve answers one call under its fault, if any: effect is what the server does when nothing goes
// wrong, and refuse how it says no. Whoever reads the request's body before puts it back.
func (f Faults) Serve(operation string, w http.ResponseWriter, r *http.Request, effect http.HandlerFunc, refuse Refuse) {
	var fault *Fault
	if f != nil {
		fault = f(operation, r)
	}
	if fault == nil {
		effect(w, r)
		return
	}
	if fault.Delay > 0 {
		select {
		case <-time.After(fault.Delay):
		case <-r.Context().Done():
		}
	}
	switch {
	case fault.Drop:
		panic(http.ErrAbortHandler)
	case fault.Quote != nil:
		request, _ := httputil.DumpRequest(r, true) // as much of it as there is
		refuse(w, cmp.Or(fault.Status, http.StatusBadRequest), fault.Quote(string(request)))
	case fault.Status != 0:
		maps.Copy(w.Header(), fault.Header)
		w.WriteHeader(fault.Status)
		_, _ = io.WriteString(w, fault.Body)
	case fault.Lose:
		effect(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	default:
		effect(w, r)
	}
}

// Loopback is an [http.RoundTripper] that calls a handler directly, without a network: a real
// client against a fake server inside a testing/synctest bubble. A handler that aborts is a lost
// connection.
func Loopback(h http.Handler) http.RoundTripper { return loopback{h} }

type loopback struct{ handler http.Handler }

func (l loopback) RoundTrip(r *http.Request) (resp *http.Response, err error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	in := r.Clone(context.WithoutCancel(r.Context()))
	in.Body = http.NoBody
	if r.Body != nil {
		body, err := io.ReadAll(r.Body) // now: the caller may take it away when it gives up
		_ = r.Body.Close()
		if err != nil {
			return nil, err
		}
		in.Body = io.NopCloser(bytes.NewReader(body))
	}
	in.RequestURI = in.URL.RequestURI()
	if in.Host == "" {
		in.Host = in.URL.Host
	}
	type result struct {
		resp *http.Response
		err  error
	}
	done := make(chan result, 1)
	go func() {
		defer func() {
			switch p := recover(); p {
			case nil:
			case http.ErrAbortHandler:
				done <- result{err: errConnectionLost}
			default:
				panic(p)
			}
		}()
		rec := httptest.NewRecorder()
		l.handler.ServeHTTP(rec, in)
		resp := rec.Result()
		resp.Request = r
		done <- result{resp: resp}
	}()
	select {
	case x := <-done:
		return x.resp, x.err
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

var errConnectionLost = errors.New("connection lost")
