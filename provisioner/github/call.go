package github

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	gh "github.com/google/go-github/v57/github"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// call is one request to GitHub.
type call struct {
	// operation names the kind of request in errors, logs and the books about rate limits.
	operation string
	method    string
	path      string // below the API's root
	query     url.Values
	body      any
	etag      string
	// target is the repository or organisation that the answer is about; zero if it is about the
	// App.
	target provisioner.Target
	// means are the statuses that are an answer to the question asked.
	means map[int]error
	// sent are the credentials that went out with the request; see [meter].
	sent *sent
}

// sent are the secrets that a server may repeat in its answer.
type sent struct {
	mu  sync.Mutex
	all []provisioner.Secret
}

func (s *sent) add(credential string) {
	if s == nil || credential == "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, provisioner.NewSecret(credential))
}

func (s *sent) secrets() []provisioner.Secret {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.all)
}

func (k call) changes() bool { return k.method != http.MethodGet }

func (k call) url() string {
	if len(k.query) == 0 {
		return k.path
	}
	return k.path + "?" + k.query.Encode()
}

// pauses are those between the attempts at a read.
var pauses = []time.Duration{250 * time.Millisecond, 750 * time.Millisecond}

// do sends a call and decodes the answer into out, unless that is nil. A 304 to a call with an etag
// is no error and leaves out alone.
func (c *Client) do(ctx context.Context, a *account, k call, out any) (*gh.Response, error) {
	limited, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	for try := 0; ; try++ {
		resp, err := c.once(limited, ctx, a, k, out)
		if err != nil {
			err = &provisioner.GitHubError{Target: k.target, Err: err}
		}
		if err == nil || k.changes() || try == len(pauses) || !errors.Is(err, provisioner.ErrUnavailable) || limited.Err() != nil {
			return resp, err
		}
		select {
		case <-time.After(pauses[try]):
		case <-limited.Done():
			return resp, err
		}
	}
}

// once makes one attempt under ctx, which is the caller's own context with the client's timeout.
func (c *Client) once(ctx, caller context.Context, a *account, k call, out any) (*gh.Response, error) {
	k.sent = &sent{}
	ctx = context.WithValue(ctx, callKey{}, k)
	req, err := a.client.NewRequest(k.method, k.url(), k.body)
	if err != nil {
		return nil, c.unanswered(caller, k, err, true)
	}
	if k.etag != "" {
		req.Header.Set("If-None-Match", k.etag)
	}
	if a.token != nil {
		token, err := a.token(ctx)
		if err != nil {
			return nil, c.tokenless(caller, a, k, err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if ctx.Err() != nil {
		return nil, c.unanswered(caller, k, ctx.Err(), true)
	}
	var w wire
	resp, err := a.client.BareDo(w.watch(ctx), req)
	switch {
	case resp == nil:
		return nil, c.unanswered(caller, k, err, w.unsent(err))
	case resp.StatusCode == http.StatusNotModified && k.etag != "":
		_ = resp.Body.Close()
		return resp, nil
	case err != nil:
		if resp.StatusCode == http.StatusUnauthorized && c.app != nil {
			c.app.forget(a, k.target)
		}
		return resp, c.answered(k, resp.Response)
	}
	defer func() { _ = resp.Body.Close() }()
	if out == nil {
		return resp, nil
	}
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
		return resp, c.unanswered(caller, k, &garbled{resp.StatusCode, resp.Header.Get("Content-Type"), err}, false)
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 4096)) // so that the connection is used again
	return resp, nil
}

type callKey struct{}

func callOf(ctx context.Context) call {
	k, _ := ctx.Value(callKey{}).(call)
	return k
}

// wire watches whether a request can have reached GitHub.
type wire struct{ asked, connected atomic.Bool }

func (w *wire) watch(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { w.asked.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { w.connected.Store(true) },
	})
}

// unsent reports whether the request certainly never left. A transport that is not net/http's does
// not tell, except by its error.
func (w *wire) unsent(err error) bool {
	return w.asked.Load() && !w.connected.Load() || isDial(err)
}
