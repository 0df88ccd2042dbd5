package webhook_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner/webhook"
	"github.com/datawire/github-runner-provisioner/provisioner/webhook/webhooktest"
)

func TestRefusedBeforeTheBodyIsRead(t *testing.T) {
	w := newWorld(t)
	server := httptest.NewServer(w.receiver)
	defer server.Close()
	good := "X-Hub-Signature-256: " + webhooktest.Sign(secret, nil)
	for name, test := range map[string]struct {
		header []string
		want   int
	}{
		"too large by its own word": {[]string{"Content-Type: application/json", "Content-Length: 26214401", good}, 413},
		"no signature":              {[]string{"Content-Type: application/json", "Content-Length: 1000000"}, 401},
		"a malformed signature":     {[]string{"Content-Type: application/json", "Content-Length: 1000000", "X-Hub-Signature-256: sha1=00"}, 401},
		"unsupported content":       {[]string{"Content-Type: text/xml", "Content-Length: 1000000", good}, 415},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := net.Dial("tcp", server.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
				t.Fatal(err)
			}
			// The body that is announced never comes. A smaller one would be awaited by net/http
			// itself, to keep the connection.
			fmt.Fprintf(conn, "POST /webhook HTTP/1.1\r\nHost: x\r\nX-GitHub-Event: workflow_job\r\n%s\r\n\r\n", strings.Join(test.header, "\r\n"))
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = resp.Body.Close() }()
			if resp.StatusCode != test.want {
				t.Errorf("%d, want %d", resp.StatusCode, test.want)
			}
		})
	}
	if got := len(w.logs(t)); got != 4 {
		t.Errorf("%d log lines for 4 deliveries", got)
	}
}

// serve sends a body of undeclared size straight to the handler.
func serve(w *world, body io.Reader, signature string, query string) *httptest.ResponseRecorder {
	req := httptest.NewRequest(http.MethodPost, "/webhook", io.NopCloser(body))
	req.URL.RawQuery = query
	req.ContentLength = -1
	req.Header = http.Header{
		"Content-Type": {"application/json"}, "User-Agent": {"GitHub-Hookshot/1"}, "X-Github-Event": {"workflow_job"}, "X-Hub-Signature-256": {signature},
	}
	rec := httptest.NewRecorder()
	w.receiver.ServeHTTP(rec, req)
	return rec
}

func TestAnEndlessBodyIsNotReadBeyondTheLimit(t *testing.T) {
	w := newWorld(t)
	body := &endless{}
	if rec := serve(w, body, webhooktest.Sign(secret, nil), ""); rec.Code != 413 {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
	if body.read > webhook.DefaultMaxBody+1<<20 {
		t.Errorf("read %d bytes", body.read)
	}
}

type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	e.read += len(p)
	return len(p), nil
}

func TestABodyOfExactlyTheLimitIsRead(t *testing.T) {
	w := newWorld(t)
	job := linux()
	body := append(job, bytes.Repeat([]byte(" "), webhook.DefaultMaxBody-len(job))...)
	if rec := serve(w, bytes.NewReader(body), webhooktest.Sign(secret, body), ""); rec.Code != 202 {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
}

func TestTheLimitOfABodyCanBeLowered(t *testing.T) {
	job := linux()
	w := newWorld(t, func(cfg *webhook.Config) { cfg.MaxBody = int64(len(job)) })
	signature := webhooktest.Sign(secret, job)
	if rec := serve(w, bytes.NewReader(job), signature, ""); rec.Code != 202 {
		t.Errorf("a body of the limit: %d %s", rec.Code, rec.Body)
	}
	larger := append(job, ' ')
	want := fmt.Sprintf("over %d bytes", len(job))
	if rec := serve(w, bytes.NewReader(larger), webhooktest.Sign(secret, larger), ""); rec.Code != 413 || !strings.Contains(rec.Body.String(), want) {
		t.Errorf("a body of one byte more: %d %s", rec.Code, rec.Body)
	}
	q := signed("workflow_job", larger)
	if a := w.receiver.Receive(t.Context(), q); a.Code != 413 {
		t.Errorf("one byte more, without HTTP: %d", a.Code)
	}
}

func TestABodyThatEndsEarlyIsInvalid(t *testing.T) {
	w := newWorld(t)
	body := io.MultiReader(strings.NewReader("{"), failing{})
	if rec := serve(w, body, webhooktest.Sign(secret, []byte("{")), ""); rec.Code != 400 || !strings.Contains(rec.Body.String(), "early") {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("connection reset") }

// A query that can't be read may have said dry-run=true: guessing could start a machine.
func TestAQueryThatCannotBeReadIsInvalid(t *testing.T) {
	w := newWorld(t)
	body := linux()
	for _, query := range []string{"dry-run=%zz", "%zz", "a;dry-run=true"} {
		rec := serve(w, bytes.NewReader(body), webhooktest.Sign(secret, body), query)
		if rec.Code != 400 || !strings.Contains(rec.Body.String(), "query") || len(w.stored) != 0 {
			t.Errorf("%s: %d %s", query, rec.Code, rec.Body)
		}
	}
}
