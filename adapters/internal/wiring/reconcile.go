package wiring

import (
	"context"
	"fmt"
	"log/slog"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/datawire/github-runner-provisioner/adapters/internal/config"
	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/github"
	"github.com/datawire/github-runner-provisioner/provisioner/queue"
	"github.com/datawire/github-runner-provisioner/provisioner/reconcile"
	"github.com/datawire/github-runner-provisioner/provisioner/webhook"
)

func newSweeper(
	cfg *config.Config, engine *provisioner.Provisioner, gh *github.Client, w *queue.Worker, q queue.Queue, watchers Watchers, log *slog.Logger, d *deliveries,
) (*reconcile.Sweeper, error) {
	c := reconcile.Config{
		Repositories: named(cfg.Webhook.Repositories), Allowed: allowed(cfg.Webhook.Repositories), Logger: log,
		Observer: watchers, Events: watchers.jobs(),
		Quota: func(t provisioner.Target) (int, int, time.Time) {
			q := gh.QuotaAt(t)
			return q.Remaining, q.Limit, q.Reset
		},
		Requests: func() (int, int) {
			q := gh.Quota()
			return int(q.Requests), int(q.NotModified)
		},
	}
	c.Store, _ = q.(reconcile.Store)
	if cfg.GitHub.AppID != 0 || len(c.Repositories) < len(cfg.Webhook.Repositories) || len(cfg.Webhook.Repositories) == 0 {
		c.Discover = gh.Repositories // the settings don't name them all
	}
	if cfg.GitHub.AppID != 0 {
		c.Deliveries = append(c.Deliveries, deliveryLog{deliveries: d, name: "app"})
	}
	for _, h := range cfg.Webhook.Hooks {
		hook, err := github.ParseHook(h)
		if err != nil {
			return nil, fmt.Errorf("WEBHOOK_HOOK: %w", err)
		}
		c.Deliveries = append(c.Deliveries, deliveryLog{deliveries: d, name: h, hook: hook})
	}
	return reconcile.New(engine, gh, gh, w, c), nil
}

// named are the entries of the allow-list that name one repository.
func named(globs []string) (out []provisioner.Repository) {
	for _, g := range globs {
		if owner, name, ok := strings.Cut(g, "/"); ok && !strings.ContainsAny(g, `*?[\`) {
			out = append(out, provisioner.Repository{Owner: owner, Name: name})
		}
	}
	return out
}

func allowed(globs []string) func(provisioner.Repository) bool {
	if len(globs) == 0 {
		return nil
	}
	return func(r provisioner.Repository) bool {
		for _, g := range globs {
			if ok, _ := path.Match(strings.ToLower(g), strings.ToLower(r.String())); ok {
				return true
			}
		}
		return false
	}
}

// deliveries processes deliveries from GitHub's logs. The receiver comes to it late, because it
// needs the sweeper itself.
type deliveries struct {
	gh       *github.Client
	receiver *webhook.Receiver
}

func newDeliveries(gh *github.Client) *deliveries { return &deliveries{gh: gh} }

// deliveryLog is the log of one hook, as the reconciler sees it.
type deliveryLog struct {
	*deliveries
	name string
	hook github.Hook
}

// Name implements reconcile.DeliveryLog.
func (l deliveryLog) Name() string { return l.name }

// Failed implements reconcile.DeliveryLog.
func (l deliveryLog) Failed(ctx context.Context, after string) ([]int64, string, error) {
	cursor, _ := strconv.ParseInt(after, 10, 64)
	list, cursor, err := l.gh.FailedDeliveries(ctx, l.hook, cursor)
	if err != nil {
		return nil, "", err
	}
	ids := make([]int64, 0, len(list))
	for _, d := range list {
		ids = append(ids, d.ID)
	}
	return ids, strconv.FormatInt(cursor, 10), nil
}

// Redeliver implements reconcile.DeliveryLog. A payload that the webhook would refuse is no reason
// to stop at it for ever.
func (l deliveryLog) Redeliver(ctx context.Context, id int64) error {
	event, header, payload, err := l.gh.Delivery(ctx, l.hook, id)
	if err != nil {
		return err
	}
	d, err := webhook.Decode(event, payload)
	if err != nil {
		return nil //nolint:nilerr // it was refused when it came, and would be again
	}
	d.ID = header["X-GitHub-Delivery"]
	if a := l.receiver.Handle(ctx, d); a.Code >= 500 {
		return fmt.Errorf("%s: %s", a.Body.Status, a.Body.Reason)
	}
	return nil
}
