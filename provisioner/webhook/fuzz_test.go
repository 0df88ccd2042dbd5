package webhook_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/datawire/github-runner-provisioner/provisioner/webhook"
	"github.com/datawire/github-runner-provisioner/provisioner/webhook/webhooktest"
)

func FuzzReceive(f *testing.F) {
	for _, name := range webhooktest.Examples() {
		event, _, _ := strings.Cut(name, "-")
		f.Add("POST", "application/json", event, "", "GitHub-Hookshot/1", "", true, webhooktest.Example(name))
		form := url.Values{"payload": {string(webhooktest.Example(name))}}.Encode()
		f.Add("POST", "application/x-www-form-urlencoded", event, "dry-run=true", "curl/8", "sha256=", true, []byte(form))
	}
	f.Add("POST", "application/json", "workflow_job", "", "GitHub-Hookshot/1", "", true, linux())
	f.Add("POST", "application/json", "workflow_job", "dry-run=false", "", webhooktest.Sign("wrong", linux()), false, linux())
	f.Add("GET", "", "", "dry-run=x", "", "sha1=00", false, []byte(nil))
	f.Fuzz(func(t *testing.T, method, content, event, query, agent, signature string, sign bool, body []byte) {
		values, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		good := webhooktest.Sign(secret, body)
		if sign {
			signature = good
		}
		w := newWorld(t, func(c *webhook.Config) { c.Repositories = nil })
		a := w.receiver.Receive(t.Context(), webhook.Request{Method: method, Query: values, Body: body, Header: http.Header{
			"Content-Type": {content}, "X-Github-Event": {event}, "User-Agent": {agent}, "X-Hub-Signature-256": {signature},
		}})

		if text := a.JSON(); !json.Valid(text) || http.StatusText(a.Code) == "" || a.Body.Status == "" || a.Code == http.StatusInternalServerError {
			t.Errorf("an unusable answer: %d %s", a.Code, text)
		}
		if told := string(a.JSON()) + w.logged.String(); strings.Contains(told, secret) || strings.Contains(told, good[len("sha256="):]) {
			t.Errorf("the secret or the signature was told: %s", told)
		}
		if !strings.EqualFold(signature, good) && (a.Code < 400 || a.Code == http.StatusBadRequest) {
			t.Errorf("the signature %q got %d %s", signature, a.Code, a.JSON())
		}
		if (len(w.stored) == 1) != (a.Code == http.StatusAccepted) {
			t.Errorf("%d stored, but %d", len(w.stored), a.Code)
		}
		for _, s := range w.stored {
			checkJob(t, s.job)
			if values.Get("dry-run") == "true" || values.Get("dry-run") == "" && !strings.HasPrefix(agent, "GitHub-Hookshot/") {
				t.Errorf("a dry run was stored: %+v", s.job)
			}
		}
	})
}
