package wiring_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/datawire/github-runner-provisioner/adapters/internal/config"
	"github.com/datawire/github-runner-provisioner/adapters/internal/wiring"
)

func TestDurationsAreSecondsInJSONAndWordsInText(t *testing.T) {
	for format, want := range map[string]string{
		"json": `"wait":1.038,"machine":{"age":4272}}`,
		"text": `wait=1.038s machine.age=1h11m12s`,
	} {
		var out bytes.Buffer
		log := wiring.NewLogger(&config.Config{LogFormat: format}, &out)
		log.Info("x", "wait", 1038*time.Millisecond, slog.Group("machine", "age", 4272*time.Second))
		if got := strings.TrimSpace(out.String()); !strings.HasSuffix(got, want) {
			t.Errorf("%s: %s, want ... %s", format, got, want)
		}
	}
}
