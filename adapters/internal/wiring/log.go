package wiring

import (
	"io"
	"log/slog"

	"github.com/datawire/github-runner-provisioner/adapters/internal/config"
)

// NewLogger returns the service's logger: JSON for machines, in which durations are seconds, or
// text for people.
func NewLogger(cfg *config.Config, w io.Writer) *slog.Logger {
	opts := &slog.HandlerOptions{Level: cfg.LogLevel}
	if cfg.LogFormat == "text" {
		return slog.New(slog.NewTextHandler(w, opts))
	}
	opts.ReplaceAttr = inSeconds
	return slog.New(slog.NewJSONHandler(w, opts))
}

// inSeconds writes a duration as Prometheus does; slog's own JSON has nanoseconds.
func inSeconds(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		a.Value = slog.Float64Value(a.Value.Duration().Seconds())
	}
	return a
}
