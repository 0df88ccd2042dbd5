package statuspage_test

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/datawire/github-runner-provisioner/adapters/statuspage"
	"github.com/datawire/github-runner-provisioner/provisioner"
)

// listen opens a stream, and hands out its lines.
func (s site) listen(ctx context.Context) (resp *http.Response, lines *bufio.Scanner) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/events", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Accept", "text/event-stream")
	if resp, err = http.DefaultClient.Do(req); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = resp.Body.Close() })
	return resp, bufio.NewScanner(resp.Body)
}

func TestNewsComesToWhoListens(t *testing.T) {
	s, f := newSite(t, statuspage.Config{})
	resp, lines := s.listen(t.Context())
	if ct := resp.Header.Get("Content-Type"); resp.StatusCode != http.StatusOK || ct != "text/event-stream" || resp.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%s, %v", resp.Status, resp.Header)
	}
	if !lines.Scan() || lines.Text() != ": hello" || !lines.Scan() {
		t.Fatalf("it begins with %q: %v", lines.Text(), lines.Err())
	}
	f.tell(provisioner.EventAccepted, provisioner.Event{Job: jobNamed(900, "new"), RunnerType: "big"})
	if !lines.Scan() || lines.Text() != "event: news" || !lines.Scan() || lines.Text() != "data:" {
		t.Errorf("after an event comes %q: %v", lines.Text(), lines.Err())
	}
}

func TestTheNumberOfStreamsIsBounded(t *testing.T) {
	f := newFeed(t)
	s := serve(t, statuspage.New(f.Journal, statuspage.Config{Streams: 2}))
	ctx, leave := context.WithCancel(t.Context())
	_, first := s.listen(ctx)
	_, second := s.listen(t.Context())
	if !first.Scan() || !second.Scan() {
		t.Fatal("two are too many")
	}
	resp, _ := s.listen(t.Context())
	if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
		t.Errorf("the third gets %s", resp.Status)
	}
	leave()
	for resp.StatusCode != http.StatusOK { // until the server has seen it leave
		resp, _ = s.listen(t.Context())
	}
}

func TestCloseEndsTheStreamsSoThatAServerCanStop(t *testing.T) {
	page := statuspage.New(newFeed(t).Journal, statuspage.Config{})
	server := httptest.NewServer(page)
	defer server.Close()
	server.Config.RegisterOnShutdown(page.Close)
	s := site{t, server.URL}
	_, lines := s.listen(t.Context())
	lines.Scan()
	if err := server.Config.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() {
	}
	page.Close()
	w := httptest.NewRecorder()
	page.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/events", nil))
	if w.Code != http.StatusServiceUnavailable {
		t.Errorf("a stream after the end: %d", w.Code)
	}
	w = httptest.NewRecorder()
	page.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
	if w.Code != http.StatusOK {
		t.Errorf("the page after the end of the streams: %d", w.Code)
	}
}

// tape keeps what a stream says, and when.
type tape struct {
	http.ResponseWriter
	mu    sync.Mutex
	begun time.Time
	said  []string
	fails bool
}

func (w *tape) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fails {
		return 0, context.Canceled
	}
	w.said = append(w.said, strings.TrimSpace(string(p))+" at "+time.Since(w.begun).String())
	return len(p), nil
}

func (w *tape) Flush() {}

func TestNewsComesOnceASecondAtMostAndSignsOfLifeBetween(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFeed(t)
		page := statuspage.New(f.Journal, statuspage.Config{})
		ctx, leave := context.WithCancel(t.Context())
		w := &tape{ResponseWriter: httptest.NewRecorder(), begun: time.Now()}
		var left sync.WaitGroup
		left.Go(func() { page.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, "/events", nil)) })
		synctest.Wait()
		for i := range int64(25) { // one every 100 ms
			f.tell(provisioner.EventAccepted, provisioner.Event{Job: jobNamed(i+1, "build"), RunnerType: "big"})
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(38 * time.Second)
		leave()
		left.Wait()
		want := ": hello at 0s|event: news\ndata: at 0s|event: news\ndata: at 1s|event: news\ndata: at 2s|event: news\ndata: at 3s|: still here at 20s|: still here at 40s"
		if got := strings.Join(w.said, "|"); got != want {
			t.Errorf("it says\n%s, not\n%s", got, want)
		}
	})
}

func TestAStreamEndsWhenNobodyTakesItIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFeed(t)
		w := &tape{ResponseWriter: httptest.NewRecorder(), fails: true}
		statuspage.New(f.Journal, statuspage.Config{}).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/events", nil))
	})
}
