package webhook_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/datawire/github-runner-provisioner/labels"
	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/webhook"
	"github.com/datawire/github-runner-provisioner/provisioner/webhook/webhooktest"
)

const secret = "It's a Secret to Everybody"

// world is what surrounds a receiver: a queue that remembers, a provider that plans, and everything
// that was said.
type world struct {
	receiver *webhook.Receiver

	mu       sync.Mutex
	broken   error
	stored   map[int64]stored
	recorded []webhook.Change
	outcomes []webhook.Outcome
	planning func(context.Context, provisioner.Job) (provisioner.Plan, error)
	logged   bytes.Buffer
}

type stored struct {
	runnerType string
	job        provisioner.Job
	deadline   bool
}

func newWorld(tb testing.TB, edits ...func(*webhook.Config)) *world {
	tb.Helper()
	w := &world{stored: map[int64]stored{}, planning: plan}
	cfg := webhook.Config{Repositories: webhooktest.Repositories(), Recorder: w, Observer: w, Logger: slog.New(slog.NewJSONHandler(lockedWriter{w}, nil))}
	for _, edit := range edits {
		edit(&cfg)
	}
	var err error
	if w.receiver, err = webhook.New(provisioner.NewSecret(secret), types(tb), w, w, cfg); err != nil {
		tb.Fatal(err)
	}
	return w
}

func types(tb testing.TB) *labels.Table {
	tb.Helper()
	table, err := labels.NewTable(webhooktest.Types()...)
	if err != nil {
		tb.Fatal(err)
	}
	return table
}

func (w *world) Accept(ctx context.Context, runnerType string, j provisioner.Job) (duplicate bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.broken != nil {
		return false, w.broken
	}
	_, duplicate = w.stored[j.ID]
	_, deadline := ctx.Deadline()
	w.stored[j.ID] = stored{runnerType, j, deadline}
	return duplicate, nil
}

func (w *world) Plan(ctx context.Context, j provisioner.Job) (provisioner.Plan, error) {
	return w.planning(ctx, j)
}

func plan(_ context.Context, j provisioner.Job) (provisioner.Plan, error) {
	name := "ubuntu-arm64"
	if strings.Contains(strings.ToLower(strings.Join(j.Labels, ",")), "macos") {
		name = "macOS-arm64"
	}
	return provisioner.Plan{
		RunnerType: name, Provider: "aws", RunnerName: provisioner.RunnerName(name, j), Labels: j.Labels,
		Request: map[string]string{"UserData": "a && b > c"}, UnverifiedBecause: "nobody was asked",
	}, nil
}

func (w *world) Record(_ context.Context, c webhook.Change) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.recorded = append(w.recorded, c)
}

func (w *world) Delivered(_ context.Context, o webhook.Outcome) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.outcomes = append(w.outcomes, o)
}

type lockedWriter struct{ w *world }

func (l lockedWriter) Write(p []byte) (int, error) {
	l.w.mu.Lock()
	defer l.w.mu.Unlock()
	return l.w.logged.Write(p)
}

// logs returns the log's lines so far.
func (w *world) logs(tb testing.TB) []map[string]any {
	tb.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	var lines []map[string]any
	dec := json.NewDecoder(bytes.NewReader(w.logged.Bytes()))
	for {
		var line map[string]any
		if err := dec.Decode(&line); errors.Is(err, io.EOF) {
			return lines
		} else if err != nil {
			tb.Fatal(err)
		}
		lines = append(lines, line)
	}
}

// receive sends a case to the transport-free core.
func (w *world) receive(tb testing.TB, c webhooktest.Case) webhook.Answer {
	tb.Helper()
	query, err := url.ParseQuery(c.Query)
	if err != nil {
		tb.Fatal(err)
	}
	return w.receiver.Receive(tb.Context(), webhook.Request{Method: c.Method, Header: c.Header, Query: query, Body: c.Body})
}

// cases are the contract's, made once: one of them is large.
var cases = sync.OnceValue(func() []webhooktest.Case { return webhooktest.Cases(secret) })

// find returns the case of that name.
func find(tb testing.TB, name string) webhooktest.Case {
	tb.Helper()
	for _, c := range cases() {
		if c.Name == name {
			return c
		}
	}
	tb.Fatalf("no case %q", name)
	return webhooktest.Case{}
}

// signed is a delivery of GitHub's own with this payload.
func signed(event string, body []byte) webhook.Request {
	return webhook.Request{
		Method: http.MethodPost, Body: body,
		Header: http.Header{
			"Content-Type": {"application/json"}, "User-Agent": {"GitHub-Hookshot/1"}, "X-Github-Event": {event}, "X-Github-Delivery": {"guid-1"},
			"X-Hub-Signature-256": {webhooktest.Sign(secret, body)},
		},
	}
}
