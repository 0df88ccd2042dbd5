package wiring

import (
	"context"
	"log/slog"
	"sync"

	"go.uber.org/fx"

	"github.com/datawire/github-runner-provisioner/adapters/internal/config"
	"github.com/datawire/github-runner-provisioner/labels"
	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/queue"
	"github.com/datawire/github-runner-provisioner/provisioner/webhook"
)

// Front is the webhook of a process that only takes jobs in, for others to work on. It starts fast:
// of the clouds it needs nothing until somebody asks for a dry run.
type Front struct{ *webhook.Receiver }

func newFront(cfg *config.Config, table *labels.Table, q queue.Queue, watchers Watchers, log *slog.Logger) (Front, error) {
	accept := webhook.AccepterFunc(q.Send)
	r, err := webhook.New(cfg.Webhook.Token, table, accept, &latePlanner{cfg: cfg, log: log}, receiverConfig(cfg, nil, watchers, log))
	return Front{r}, err
}

// latePlanner builds the engine when the first plan is asked for.
type latePlanner struct {
	cfg *config.Config
	log *slog.Logger

	once   sync.Once
	engine *provisioner.Provisioner
	err    error
}

// Plan implements webhook.Planner.
func (p *latePlanner) Plan(ctx context.Context, j provisioner.Job) (provisioner.Plan, error) {
	p.once.Do(func() {
		// The parts of the engine have nothing to start or stop, so building them is enough.
		p.err = fx.New(Module(p.cfg, p.log), fx.Populate(&p.engine)).Err()
	})
	if p.err != nil {
		return provisioner.Plan{}, p.err
	}
	return p.engine.Plan(ctx, j)
}
