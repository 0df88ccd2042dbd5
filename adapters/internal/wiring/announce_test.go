package wiring_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/fx"

	"github.com/datawire/github-runner-provisioner/adapters/internal/config"
	"github.com/datawire/github-runner-provisioner/adapters/internal/wiring"
	"github.com/datawire/github-runner-provisioner/provisioner"
)

func TestTheStartSaysWhatIsServedAndWhatMayNotBeMeant(t *testing.T) {
	with := func(change func(*config.Config)) *config.Config {
		cfg := &config.Config{QueueURL: "sqlite:///data/queue.db", ReconcileInterval: time.Minute}
		for _, name := range []string{"small", "mac"} {
			cfg.Runners = append(cfg.Runners, config.Runner{RunnerType: provisioner.RunnerType{Name: name}})
		}
		change(cfg)
		return cfg
	}
	for name, test := range map[string]struct {
		cfg  *config.Config
		want []map[string]any
	}{
		"all is said": {
			with(func(cfg *config.Config) { cfg.Webhook.Repositories = []string{"acme/*", "other/web"} }),
			[]map[string]any{{
				"level": "INFO", "msg": "serving", "version": wiring.Version(), "types": "small,mac", "repositories": "acme/*,other/web", "queue": "sqlite:///data/queue.db", "reconcile_interval": "1m0s", "deployment": "prod",
			}},
		},
		"nothing is": {
			with(func(cfg *config.Config) {
				cfg.Warnings, cfg.ReconcileInterval = []string{"REPOSITORY is set, and nothing reads it: was REPOSITORIES meant?"}, 0
			}),
			[]map[string]any{
				{"level": "WARN", "msg": "REPOSITORY is set, and nothing reads it: was REPOSITORIES meant?"},
				{"level": "WARN", "msg": "REPOSITORIES is not set: any repository that has the webhook may start machines; REPOSITORIES=*/* says that it may"},
				{"level": "INFO", "msg": "serving", "version": wiring.Version(), "types": "small,mac", "repositories": "all", "queue": "sqlite:///data/queue.db", "reconcile_interval": "off", "deployment": "prod"},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			log := wiring.NewLogger(test.cfg, &out)
			wiring.LogWarnings(test.cfg, log)
			app := fx.New(fx.NopLogger, fx.Supply(test.cfg, log, provisioner.Deployment("prod")), fx.Invoke(wiring.Announce))
			if err := app.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			var got []map[string]any
			for lines := json.NewDecoder(&out); lines.More(); {
				var line map[string]any
				if err := lines.Decode(&line); err != nil {
					t.Fatal(err)
				}
				delete(line, "time")
				got = append(got, line)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
