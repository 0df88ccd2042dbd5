package webhook_test

import (
	"bytes"
	"errors"
	"maps"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/webhook"
	"github.com/datawire/github-runner-provisioner/provisioner/webhook/webhooktest"
)

func TestLogLine(t *testing.T) {
	for name, want := range map[string]map[string]any{
		"a job": {
			"level": "INFO", "event": "workflow_job", "action": "queued", "repository": "Octocoders/Hello-World", "status": "queued",
			"type": "ubuntu-arm64", "dry_run": false, "dry_run_defaulted": false,
		},
		"a request by hand": {
			"level": "INFO", "event": "workflow_job", "action": "queued", "repository": "Octocoders/Hello-World", "status": "planned",
			"type": "ubuntu-arm64", "dry_run": true, "dry_run_defaulted": true,
		},
		"a dry run by hand": {
			"level": "INFO", "event": "workflow_job", "action": "queued", "repository": "Octocoders/Hello-World", "status": "planned",
			"type": "ubuntu-arm64", "dry_run": true, "dry_run_defaulted": false,
		},
		"a repository that is not allowed": {
			"level": "INFO", "event": "workflow_job", "action": "queued", "repository": "somebody/Hello-World", "status": "denied",
			"reason": "the repository somebody/Hello-World is not allowed to use runners", "dry_run": false, "dry_run_defaulted": false,
		},
		"a ping": {
			"level": "INFO", "event": "ping", "status": "ignored", "reason": "the event ping needs no runner", "dry_run": false, "dry_run_defaulted": false,
		},
		"the signature of another body": {
			"level": "WARN", "event": "", "status": "unauthorized", "reason": "X-Hub-Signature-256 does not fit the body and the secret",
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			c := find(t, name)
			w.receive(t, c)
			want["msg"], want["delivery"] = "webhook delivery", c.Header.Get("X-GitHub-Delivery")
			if c.WantJob != 0 {
				want["job"] = float64(c.WantJob)
			}
			if diff := cmp.Diff([]map[string]any{want}, w.logs(t), cmpopts.IgnoreMapEntries(func(k string, _ any) bool { return k == "time" })); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A hook with a wrong secret has to be found.
func TestARefusedDeliveryIsLoggedWithWhereItCameFrom(t *testing.T) {
	for name, refused := range map[string]bool{"a job": false, "no signature": true, "the signature of another body": true, "a body over 25 MB": true} {
		t.Run(name, func(t *testing.T) {
			w, c := newWorld(t), find(t, name)
			req := httptest.NewRequestWithContext(t.Context(), c.Method, "/webhook?"+c.Query, bytes.NewReader(c.Body))
			req.Header = c.Header.Clone()
			req.Header.Set("X-Forwarded-For", "203.0.113.7")
			req.RemoteAddr = "192.0.2.1:4711"
			w.receiver.ServeHTTP(httptest.NewRecorder(), req)
			want := map[string]any{}
			if refused {
				want = map[string]any{"from": "192.0.2.1:4711", "forwarded_for": "203.0.113.7"}
			}
			got := w.logs(t)[0]
			maps.DeleteFunc(got, func(k string, _ any) bool { return k != "from" && k != "forwarded_for" })
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestOutcomes(t *testing.T) {
	for name, want := range map[string]webhook.Outcome{
		"a job":               {Event: "workflow_job", Action: "queued", Status: webhook.StatusQueued, RunnerType: "ubuntu-arm64"},
		"a request by hand":   {Event: "workflow_job", Action: "queued", Status: webhook.StatusPlanned, RunnerType: "ubuntu-arm64", DryRun: true},
		"a ping":              {Event: "ping", Status: webhook.StatusIgnored},
		"no signature":        {Status: webhook.StatusUnauthorized},
		"action is missing":   {Event: "workflow_job", Status: webhook.StatusInvalid},
		"a body over 25 MB":   {Status: webhook.StatusTooLarge},
		"a job that started":  {Event: "workflow_job", Action: "in_progress", Status: webhook.StatusRecorded, RunnerType: "ubuntu-arm64"},
		"the query dry-run=1": {Event: "workflow_job", Status: webhook.StatusInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.receive(t, find(t, name))
			if diff := cmp.Diff([]webhook.Outcome{want}, w.outcomes, cmpopts.IgnoreFields(webhook.Outcome{}, "Took")); diff != "" {
				t.Error(diff)
			}
			if w.outcomes[0].Took <= 0 {
				t.Error("it took no time")
			}
		})
	}
}

func TestNoSecretIsEverToldOrLogged(t *testing.T) {
	const previous = "the previous secret"
	w := newWorld(t, func(c *webhook.Config) { c.PreviousSecret = provisioner.NewSecret(previous) })
	var told strings.Builder
	for _, c := range cases() {
		w.broken = nil
		if c.QueueFails {
			w.broken = errors.New("disk full")
		}
		told.Write(w.receive(t, c).JSON())
	}
	all := strings.ToLower(told.String() + w.logged.String())
	if !strings.Contains(all, "queued") || len(w.logs(t)) < 100 {
		t.Fatal("the deliveries left nothing to look at")
	}
	hidden := []string{secret, previous, "sender", "Set up job"}
	for _, c := range cases() {
		if s := strings.TrimPrefix(c.Header.Get("X-Hub-Signature-256"), "sha256="); len(s) > 20 {
			hidden = append(hidden, s)
		}
	}
	for _, h := range hidden {
		if strings.Contains(all, strings.ToLower(h)) {
			t.Errorf("%q was told or logged", h)
		}
	}
}

func TestLogLinesStayShort(t *testing.T) {
	w := newWorld(t)
	q := signed("workflow_job", linux(webhooktest.Set("action", strings.Repeat("é", 5000))))
	q.Header.Set("X-GitHub-Delivery", strings.Repeat("d", 5000))
	q.Header.Set("X-Forwarded-For", strings.Repeat("f", 5000))
	w.receiver.Receive(t.Context(), q)
	q = signed(strings.Repeat("e", 5000), []byte("{}"))
	q.Header.Set("X-Forwarded-For", strings.Repeat("f", 5000))
	w.receiver.Receive(t.Context(), q)
	if n := w.logged.Len(); n > 4000 || len(w.logs(t)) != 2 {
		t.Errorf("%d bytes in %d lines", n, len(w.logs(t)))
	}
}

// Whoever has no secret can send as much as they like.
func TestStrangersDoNotFillTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, c := newWorld(t), find(t, "the signature of another body")
		w.receive(t, find(t, "a job"))
		for range 100 {
			w.receive(t, c)
		}
		w.receive(t, find(t, "a job"))
		if n := len(w.logs(t)); n != 22 {
			t.Errorf("100 deliveries of strangers and 2 of GitHub's are %d lines", n)
		}
		time.Sleep(10 * time.Second)
		w.receive(t, c)
		last := w.logs(t)[len(w.logs(t))-1]
		if last["not_logged"] != float64(80) {
			t.Errorf("a while later: %v", last)
		}
		w.receive(t, c)
		if n := len(w.logs(t)); n != 23 {
			t.Errorf("then %d lines", n)
		}
	})
}
