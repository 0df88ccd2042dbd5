package webhook_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/datawire/github-runner-provisioner/provisioner/webhook"
	"github.com/datawire/github-runner-provisioner/provisioner/webhook/webhooktest"
)

// way sends a case to a receiver in one of the ways in.
type way func(t *testing.T, c webhooktest.Case) (code int, header http.Header, body []byte)

func TestContract(t *testing.T) {
	t.Run("through Receive", func(t *testing.T) {
		w := newWorld(t)
		contract(t, w, func(t *testing.T, c webhooktest.Case) (int, http.Header, []byte) {
			a := w.receive(t, c)
			return a.Code, a.Header(), a.JSON()
		})
	})
	t.Run("through an HTTP server", func(t *testing.T) {
		w := newWorld(t)
		server := httptest.NewServer(w.receiver)
		defer server.Close()
		contract(t, w, func(t *testing.T, c webhooktest.Case) (int, http.Header, []byte) {
			req, err := c.NewRequest(t.Context(), server.URL+"/webhook")
			if err != nil {
				t.Fatal(err)
			}
			resp, err := server.Client().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = resp.Body.Close() }()
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			return resp.StatusCode, resp.Header, body
		})
	})
}

func contract(t *testing.T, w *world, send way) {
	webhook.LogEveryStranger(w.receiver)
	for _, c := range cases() {
		t.Run(c.Name, func(t *testing.T) {
			w.broken = nil
			if c.QueueFails {
				w.broken = errors.New("disk full")
			}
			recorded, lines, outcomes := len(w.recorded), len(w.logs(t)), len(w.outcomes)
			for range c.Times - 1 {
				send(t, c)
			}
			code, header, body := send(t, c)
			c.Check(t, code, header, body)

			got, isStored := w.stored[c.WantJob]
			if isStored != c.WantStored || isStored && got.runnerType != c.WantType {
				t.Errorf("stored: %t under %q, want %t under %q", isStored, got.runnerType, c.WantStored, c.WantType)
			}
			if got := len(w.recorded) - recorded; got != map[bool]int{true: c.Times}[c.WantRecorded] {
				t.Errorf("%d changes recorded, want recorded: %t", got, c.WantRecorded)
			}
			if got := len(w.logs(t)) - lines; got != c.Times {
				t.Errorf("%d log lines for %d deliveries", got, c.Times)
			}
			if got := len(w.outcomes) - outcomes; got != c.Times {
				t.Errorf("%d outcomes observed for %d deliveries", got, c.Times)
			}
			if o := w.outcomes[len(w.outcomes)-1]; strings.Contains(string(body), `"status"`) && !strings.Contains(string(body), string(o.Status)) {
				t.Errorf("the observer heard of %q, the answer is %s", o.Status, body)
			}
		})
	}
}
