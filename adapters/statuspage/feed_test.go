package statuspage_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/datawire/github-runner-provisioner/adapters/statuspage"
	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/journal"
)

var types = []provisioner.RunnerType{
	{Name: "ubuntu-arm64", Provider: "aws", Max: 50, Labels: []string{"ubuntu-arm64"}, BootDeadline: 5 * time.Minute},
	{Name: "macOS-arm64", Provider: "codemagic", Max: 3, Labels: []string{"macOS-arm64"}},
	{Name: "big", Provider: "aws", Labels: []string{"big"}},
}

// feed is a journal and what a test tells it.
type feed struct {
	*journal.Journal
	t testing.TB
}

// holds is what a queue's worker would say of runner types.
type holds map[string]provisioner.Reason

func (h holds) Reason(runnerType string, _ provisioner.Repository) (provisioner.Reason, bool) {
	why, ok := h[runnerType]
	return why, ok
}

func newFeed(t testing.TB) feed {
	return feed{journal.New(journal.Config{Types: types}), t}
}

func (f feed) tell(kind provisioner.EventKind, e provisioner.Event) {
	e.Kind = kind
	f.Observe(f.t.Context(), e)
}

func jobNamed(id int64, name string) provisioner.Job {
	return provisioner.Job{
		ID: id, RunAttempt: 1, Repository: provisioner.Repository{Owner: "octo-org", Name: "octo-repo"}, RunID: 77, Labels: []string{"ubuntu-arm64"},
		Name: name, Workflow: "CI", URL: "https://github.com/octo-org/octo-repo/actions/runs/77/job/1", CreatedAt: time.Now().Add(-3 * time.Minute),
	}
}

// The jobs of feed.some.
const (
	waitingJob = 101 + iota
	bootingJob
	runningJob
	endedJob
	deniedJob
	givenUpJob
)

// some tells of a job in every state that matters.
func (f feed) some() feed {
	now := time.Now()
	at := func(secondsAgo int) time.Time { return now.Add(-time.Duration(secondsAgo) * time.Second) }
	runner := func(name string) provisioner.Runner { return provisioner.Runner{ID: 9, Name: name} }
	accept := func(j provisioner.Job, runnerType string, secondsAgo int) {
		j.CreatedAt = at(secondsAgo + 2)
		f.tell(provisioner.EventAccepted, provisioner.Event{Job: j, RunnerType: runnerType, At: at(secondsAgo)})
	}
	launch := func(j provisioner.Job, machine string, secondsAgo int) {
		f.tell(provisioner.EventRegistered, provisioner.Event{Job: j, At: at(secondsAgo + 4), Runner: runner("grp-" + j.Key())})
		f.tell(provisioner.EventLaunched, provisioner.Event{Job: j, Provider: "aws", At: at(secondsAgo), Machine: provisioner.Machine{ID: machine}, Place: "t4g.xlarge in subnet-a", Took: 3400 * time.Millisecond})
	}

	waits := jobNamed(waitingJob, "build")
	accept(waits, "ubuntu-arm64", 170)
	for i := range 37 {
		f.tell(provisioner.EventHeld, provisioner.Event{Job: waits, At: at(160 - i), Reason: provisioner.Reason{
			Because: provisioner.BecauseCapacity, Type: "ubuntu-arm64", System: "aws", Detail: "InsufficientInstanceCapacity",
		}})
	}
	f.Ask(holds{"ubuntu-arm64": {Because: provisioner.BecauseCapacity, Type: "ubuntu-arm64", System: "aws", Detail: "InsufficientInstanceCapacity", Until: now.Add(40 * time.Second)}})

	boots := jobNamed(bootingJob, "test (arm64)")
	accept(boots, "ubuntu-arm64", 60)
	f.tell(provisioner.EventTried, provisioner.Event{Job: boots, At: at(41), Place: "m7g.xlarge in subnet-b", Err: errors.New("no capacity")})
	launch(boots, "i-0aaa", 30)

	runs := jobNamed(runningJob, "lint")
	runs.Repository.Name = "other-repo"
	accept(runs, "ubuntu-arm64", 400)
	launch(runs, "i-0bbb", 390)
	f.tell(provisioner.EventOnline, provisioner.Event{Job: runs, At: at(345), Machine: provisioner.Machine{ID: "i-0bbb"}, Runner: runner("grp-103-1")})
	f.tell(provisioner.EventStarted, provisioner.Event{Job: runs, At: at(340), Runner: runner("grp-103-1")})

	ends := jobNamed(endedJob, "release")
	accept(ends, "big", 3000)
	launch(ends, "i-0ccc", 2990)
	f.tell(provisioner.EventStarted, provisioner.Event{Job: ends, At: at(2950), Runner: runner("grp-104-1")})
	f.tell(provisioner.EventEnded, provisioner.Event{Job: ends, At: at(2000), Runner: runner("grp-104-1"), Conclusion: "success"})

	f.tell(provisioner.EventDenied, provisioner.Event{Job: jobNamed(deniedJob, "sneak"), At: at(500), Reason: provisioner.Reason{Because: provisioner.BecauseNotAllowed, Detail: "octo-org/octo-repo is not in REPOSITORIES"}})

	lost := jobNamed(givenUpJob, "nightly")
	accept(lost, "macOS-arm64", 90000)
	f.tell(provisioner.EventGivenUp, provisioner.Event{Job: lost, At: at(3600), Reason: provisioner.Reason{Because: provisioner.BecauseNeverCameUp, Type: "macOS-arm64", Ahead: 3}})
	return f
}

// site is a page that is served, and who looks at it.
type site struct {
	t   testing.TB
	url string
}

func serve(t testing.TB, h http.Handler) site {
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return site{t, server.URL}
}

const (
	asHTML = "text/html,application/xhtml+xml,*/*;q=0.8"
	asJSON = "application/json"
)

// do answers a request, its body read, without following where it is sent.
func (s site) do(method, path string, header ...string) (*http.Response, string) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		s.t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil {
		s.t.Fatal(err)
	}
	return resp, string(body)
}

// page is a page for people, of which it expects that it is there, with its blanks as a browser
// shows them.
func (s site) page(path string) string {
	s.t.Helper()
	resp, body := s.do(http.MethodGet, path, "Accept", asHTML)
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		s.t.Fatalf("GET %s: %s, %s: %s", path, resp.Status, resp.Header.Get("Content-Type"), body)
	}
	return strings.Join(strings.Fields(body), " ")
}

// json reads what programs get.
func (s site) json(path string, into any) *http.Response {
	s.t.Helper()
	resp, body := s.do(http.MethodGet, path, "Accept", asJSON)
	if ct := resp.Header.Get("Content-Type"); ct != "application/json" {
		s.t.Fatalf("GET %s: %s, %s: %s", path, resp.Status, ct, body)
	}
	if err := json.Unmarshal([]byte(body), into); err != nil {
		s.t.Fatalf("GET %s: %v in %s", path, err, body)
	}
	return resp
}

func expect(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("there is no %q in:\n%s", p, text)
		}
	}
}

func newSite(t testing.TB, cfg statuspage.Config) (site, feed) {
	f := newFeed(t).some()
	return serve(t, statuspage.New(f.Journal, cfg)), f
}
