package server

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/datawire/github-runner-provisioner/adapters/internal/config"
	"github.com/datawire/github-runner-provisioner/adapters/internal/wiring"
	"github.com/datawire/github-runner-provisioner/provisioner/queue"
)

// net/http has few words, and a panic of a handler is among them.
func TestWhatTheServerItselfComplainsOfIsAWarning(t *testing.T) {
	var out bytes.Buffer
	cfg := &config.Config{}
	cfg.Webhook.Path = "/webhook"
	s := newServer(cfg, nil, queue.NewMemory(0), &wiring.Metrics{Registry: prometheus.NewRegistry()}, slog.New(slog.NewTextHandler(&out, nil)))
	s.ErrorLog.Print("http: panic serving")
	if got := out.String(); !strings.Contains(got, "level=WARN") || !strings.Contains(got, "panic serving") {
		t.Errorf("the log has %q", got)
	}
}
