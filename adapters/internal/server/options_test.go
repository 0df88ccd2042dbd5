package server

import (
	"log/slog"
	"testing"

	"go.uber.org/fx"

	"github.com/datawire/github-runner-provisioner/adapters/internal/config"
)

func TestEverythingThatTheServiceNeedsIsProvided(t *testing.T) {
	cfg, err := config.Load(t.Context(), map[string]string{
		"GITHUB_TOKEN": "x", "WEBHOOK_TOKEN": "x", "CODEMAGIC_TOKEN": "x", "CODEMAGIC_APP_ID": "x", "AWS_REGION": "us-east-1", "QUEUE_URL": "memory:",
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := fx.ValidateApp(options(cfg, slog.New(slog.DiscardHandler))); err != nil {
		t.Error(err)
	}
}
