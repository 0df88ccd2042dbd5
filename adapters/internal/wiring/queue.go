package wiring

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"go.uber.org/fx"

	"github.com/datawire/github-runner-provisioner/adapters/internal/config"
	"github.com/datawire/github-runner-provisioner/adapters/sqlite"
	"github.com/datawire/github-runner-provisioner/adapters/sqs"
	"github.com/datawire/github-runner-provisioner/provisioner/queue"
)

// newQueue opens the queue that QUEUE_URL names, and closes it at the end.
func newQueue(life fx.Lifecycle, cfg *config.Config, log *slog.Logger) (queue.Queue, error) {
	lanes := make([]string, 0, len(cfg.Runners))
	for _, r := range cfg.Runners {
		lanes = append(lanes, r.Name)
	}
	switch {
	case cfg.QueueURL == "memory:":
		then := "until the reconciler finds them at GitHub, in repositories that the settings name or that are the credential's"
		if cfg.ReconcileInterval == 0 {
			then = "and with RECONCILE_INTERVAL=0 nothing finds them again"
		}
		log.Warn("accepted jobs are kept in memory only (QUEUE_URL=memory:): a restart loses those that wait, " + then)
		return queue.NewMemory(0), nil
	case strings.HasPrefix(cfg.QueueURL, "sqlite://"):
		q, err := sqlite.Open(context.Background(), strings.TrimPrefix(cfg.QueueURL, "sqlite://"), sqlite.Config{Lanes: lanes, Logger: log})
		if err != nil {
			return nil, fmt.Errorf("QUEUE_URL: %w", err)
		}
		life.Append(fx.StopHook(q.Close))
		return q, nil
	default:
		sdk, err := LoadAWS()
		if err != nil {
			return nil, err
		}
		q, err := sqs.New(awssqs.NewFromConfig(sdk), cfg.QueueURL, sqs.Config{Lanes: lanes, Logger: log})
		if err != nil {
			return nil, fmt.Errorf("QUEUE_URL: %w", err)
		}
		life.Append(fx.StopHook(q.Close))
		return q, nil
	}
}
