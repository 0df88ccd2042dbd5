package server

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/fx"

	"github.com/datawire/github-runner-provisioner/adapters/internal/config"
	"github.com/datawire/github-runner-provisioner/adapters/internal/wiring"
	"github.com/datawire/github-runner-provisioner/provisioner/queue"
	"github.com/datawire/github-runner-provisioner/provisioner/webhook/webhooktest"
)

// newTestServer builds the server as the service does, with another queue if one is given, and has
// it listen to what is dialled.
func newTestServer(t *testing.T, q queue.Queue) (*http.Server, *pipes) {
	t.Helper()
	cfg, err := config.Load(t.Context(), map[string]string{
		"GITHUB_TOKEN": "x", "WEBHOOK_TOKEN": "x", "CODEMAGIC_TOKEN": "x", "CODEMAGIC_APP_ID": "x", "AWS_REGION": "us-east-1", "QUEUE_URL": "memory:",
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var s *http.Server
	app := fx.New(wiring.Module(cfg, slog.New(slog.DiscardHandler)), fx.Provide(newServer, wiring.NewJournal), fx.Invoke(wiring.Gauges), fx.Populate(&s),
		fx.Decorate(func(configured queue.Queue) queue.Queue {
			if q != nil {
				return q
			}
			return configured
		}))
	if app.Err() != nil {
		t.Fatal(app.Err())
	}
	l := &pipes{accepted: make(chan net.Conn), closed: make(chan struct{})}
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() {
		_ = s.Close()
		time.Sleep(time.Second) // a connection that is cut off lingers for half a second
	})
	return s, l
}

// pipes is a listener without a network, for use in a bubble.
type pipes struct {
	accepted chan net.Conn
	closed   chan struct{}
	once     sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.accepted:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

func (p *pipes) dial(context.Context, string, string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case p.accepted <- server:
		return client, nil
	case <-p.closed:
		return nil, errors.New("connection refused")
	}
}

func (p *pipes) get(t *testing.T, path string) (int, string) {
	t.Helper()
	c := &http.Client{Transport: &http.Transport{DialContext: p.dial, DisableKeepAlives: true}}
	resp, err := c.Get("http://service" + path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// TestSlowClientsAreCutOff says how long each kind of slowness is put up with.
func TestSlowClientsAreCutOff(t *testing.T) {
	const post = "POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nX-Hub-Signature-256: sha256=%064d\r\nContent-Length: 1000000\r\n\r\n"
	for name, test := range map[string]struct {
		client func(c net.Conn)
		want   time.Duration
	}{
		"a header that never ends": {func(c net.Conn) { _, _ = io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost:") }, 5 * time.Second},
		"a body that comes byte by byte": {func(c net.Conn) {
			go func() { _, _ = io.Copy(io.Discard, c) }()
			for _, err := fmt.Fprintf(c, post, 0); err == nil; _, err = c.Write([]byte("x")) {
				time.Sleep(time.Second)
			}
		}, 30 * time.Second},
		"an answer that nobody reads": {func(c net.Conn) { _, _ = io.WriteString(c, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n") }, time.Minute},
		"a connection that nobody uses any more": {func(c net.Conn) {
			_, _ = io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
			_, _ = io.Copy(io.Discard, c)
		}, 2 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, l := newTestServer(t, nil)
				closed := make(chan struct{})
				s.ConnState = func(_ net.Conn, state http.ConnState) {
					if state == http.StateClosed {
						close(closed)
					}
				}
				begun := time.Now()
				c, err := l.dial(t.Context(), "", "")
				if err != nil {
					t.Fatal(err)
				}
				var client sync.WaitGroup
				client.Go(func() { test.client(c) })
				defer func() { _ = c.Close(); client.Wait() }()
				select {
				case <-closed:
				case <-time.After(time.Hour):
				}
				if took := time.Since(begun).Truncate(time.Second); took != test.want {
					t.Errorf("the connection was closed after %s, want %s", took, test.want)
				}
			})
		})
	}
}

func TestALargeHeaderIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, l := newTestServer(t, nil)
		c, err := l.dial(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		go func() {
			_, _ = fmt.Fprintf(c, "GET /healthz HTTP/1.1\r\nHost: x\r\nX: %s\r\n\r\n", strings.Repeat("x", 100_000))
		}()
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		if resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("%d", resp.StatusCode)
		}
	})
}

// asked is a queue that counts what it is asked, and answers when it is let.
type asked struct {
	queue.Queue
	pings, depths atomic.Int64
	hang          chan struct{}
}

func (a *asked) Ping(context.Context) error {
	a.pings.Add(1)
	<-a.hang
	return nil
}

func (a *asked) Depth(context.Context) (map[string]int, error) {
	a.depths.Add(1)
	<-a.hang
	return map[string]int{"ubuntu-arm64": 7}, nil
}

func TestProbesAndScrapesAreCheapHoweverManyThereAre(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &asked{Queue: queue.NewMemory(0), hang: make(chan struct{})}
		close(q.hang)
		_, l := newTestServer(t, q)
		for range 3 {
			for range 50 {
				time.Sleep(5 * time.Millisecond)
				if code, body := l.get(t, "/readyz"); code != http.StatusOK {
					t.Fatalf("/readyz: %d %s", code, body)
				}
				if code, body := l.get(t, "/metrics"); code != http.StatusOK || !strings.Contains(body, `runner_provisioner_queue_jobs{type="ubuntu-arm64"} 7`) {
					t.Fatalf("/metrics: %d", code)
				}
			}
			time.Sleep(1500 * time.Millisecond)
		}
		if pings, depths := q.pings.Load(), q.depths.Load(); pings != 3 || depths != 1 {
			t.Errorf("in 4 s the queue was pinged %d times and counted %d times", pings, depths)
		}
	})
}

// TestAQueueThatHangsTakesNeitherProbesNorMetricsWithIt is about a disk that hangs: no context
// helps there.
func TestAQueueThatHangsTakesNeitherProbesNorMetricsWithIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &asked{Queue: queue.NewMemory(0), hang: make(chan struct{})}
		_, l := newTestServer(t, q)
		for range 2 {
			begun := time.Now()
			if code, _ := l.get(t, "/readyz"); code != http.StatusServiceUnavailable || time.Since(begun) > 2*time.Second {
				t.Errorf("/readyz: %d after %s", code, time.Since(begun))
			}
			begun = time.Now()
			if code, body := l.get(t, "/metrics"); code != http.StatusOK || !strings.Contains(body, "go_goroutines") || time.Since(begun) > 2*time.Second {
				t.Errorf("/metrics: %d after %s", code, time.Since(begun))
			}
		}
		// Whoever floods it is turned away.
		codes := make(chan int, 20)
		for range cap(codes) {
			go func() { code, _ := l.get(t, "/metrics"); codes <- code }()
		}
		served := 0
		for range cap(codes) {
			if <-codes == http.StatusOK {
				served++
			}
		}
		if served != scrapes {
			t.Errorf("%d of 20 scrapes at once were served", served)
		}
		if q.pings.Load() != 1 || q.depths.Load() != 1 {
			t.Errorf("%d pings and %d counts hang", q.pings.Load(), q.depths.Load())
		}
		close(q.hang)
		synctest.Wait()
		if code, _ := l.get(t, "/readyz"); code != http.StatusOK {
			t.Errorf("afterwards /readyz: %d", code)
		}
	})
}

func TestASlowClientIsCutOffEightSecondsAfterTheStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, l := newTestServer(t, nil)
		c, err := l.dial(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		go func() {
			fmt.Fprintf(c, "POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\nX-Hub-Signature-256: %s\r\n\r\n", webhooktest.Sign("wrong", nil))
		}()
		synctest.Wait()
		begun := time.Now()
		hangUp(t.Context(), s, slog.New(slog.DiscardHandler))
		_, _ = io.Copy(io.Discard, c) // until it is cut off
		if took := time.Since(begun); took != 8*time.Second {
			t.Errorf("it took %s", took)
		}
	})
}
