package wiring

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/datawire/github-runner-provisioner/adapters/internal/config"
)

func TestAMemoryQueueSaysWhatARestartLoses(t *testing.T) {
	for interval, want := range map[time.Duration]string{
		0:           "with RECONCILE_INTERVAL=0 nothing finds them again",
		time.Minute: "until the reconciler finds them at GitHub, in repositories that the settings name or that are the credential's",
	} {
		var out bytes.Buffer
		if _, err := newQueue(nil, &config.Config{QueueURL: "memory:", ReconcileInterval: interval}, slog.New(slog.NewTextHandler(&out, nil))); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), want) {
			t.Errorf("every %s: want %q, got %s", interval, want, out.String())
		}
	}
}
