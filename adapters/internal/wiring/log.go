package wiring

import (
	"io"
	"log/slog"

	"github.com/datawire/github-runner-provisioner/adapters/internal/config"
)

// NewLogger returns the service's logger: JSON for machines, text for people.
func NewLogger(cfg *config.Config, w io.Writer) *slog.Logger {
	opts := &slog.HandlerOptions{Level: cfg.LogLevel}
	if cfg.LogFormat == "text" {
		return slog.New(slog.NewTextHandler(w, opts))
	}
	return slog.New(slog.NewJSONHandler(w, opts))
}
