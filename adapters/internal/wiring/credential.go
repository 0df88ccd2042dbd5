package wiring

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"go.uber.org/fx"

	"github.com/datawire/github-runner-provisioner/adapters/internal/config"
	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/github"
)

// WatchGitHub says at the start who the service is at GitHub and what it may not do that the
// settings need, and looks every minute whether its credential is still accepted. A dead one is an
// error line and a metric: jobs are accepted all the same, and wait for the mending.
func WatchGitHub(life fx.Lifecycle, gh *github.Client, cfg *config.Config, m *Metrics, log *slog.Logger) error {
	w, err := newCredentialWatch(gh, cfg, m, log)
	if err != nil {
		return err
	}
	background(life, w.run)
	return nil
}

// background runs something from the service's start until it is done, or the service stops.
func background(life fx.Lifecycle, do func(ctx context.Context)) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	life.Append(fx.Hook{
		OnStart: func(context.Context) error { running.Go(func() { do(ctx) }); return nil },
		OnStop:  func(context.Context) error { cancel(); running.Wait(); return nil },
	})
}

// credentialWatch looks after the service's credential at GitHub.
type credentialWatch struct {
	github   *github.Client
	needs    github.Needs
	named    []provisioner.Repository // in the allow-list, without globs
	setting  string                   // the variable that holds the credential
	metrics  *Metrics
	log      *slog.Logger
	accepted bool
}

func newCredentialWatch(gh *github.Client, cfg *config.Config, m *Metrics, log *slog.Logger) (*credentialWatch, error) {
	w := &credentialWatch{github: gh, named: named(cfg.Webhook.Repositories), setting: "GITHUB_TOKEN", metrics: m, log: log}
	if cfg.GitHub.AppID != 0 {
		w.setting = "GITHUB_APP_ID, GITHUB_APP_PRIVATE_KEY"
	}
	for _, t := range cfg.Runners {
		if t.Scope == provisioner.ScopeOrganization {
			w.needs.Organizations = true
		} else {
			w.needs.Repositories = true
		}
	}
	w.needs.Statuses, w.needs.Checks = cfg.Report == config.ReportStatus, cfg.Report == config.ReportCheck
	for _, h := range cfg.Webhook.Hooks {
		hook, err := github.ParseHook(h)
		if err != nil {
			return nil, err
		}
		w.needs.Hooks = append(w.needs.Hooks, hook)
	}
	return w, nil
}

// watchEvery is how often the credential is looked at: one request, which costs nothing of the rate
// limit that launches need.
const watchEvery = time.Minute

func (w *credentialWatch) run(ctx context.Context) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		w.look(ctx)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// look asks once. What the credential is and lacks is told when it is accepted for the first time,
// or again.
func (w *credentialWatch) look(ctx context.Context) {
	who, err := w.github.Identify(ctx)
	switch {
	case ctx.Err() != nil:
		return
	case errors.Is(err, provisioner.ErrBadCredential):
		w.log.ErrorContext(ctx, "GitHub does not accept the credential: jobs are accepted, and wait until it does", "setting", w.setting, "system", "github", "error", err)
	case err != nil:
		w.log.WarnContext(ctx, "GitHub can't be asked: jobs are accepted, and wait until it can", "system", "github", "class", provisioner.Class(err), "error", err)
	}
	if err != nil {
		w.metrics.setGitHubUp(false)
		w.accepted = false
		return
	}
	w.metrics.setGitHubUp(true)
	if !w.accepted {
		w.accepted = true
		w.tell(ctx, who)
	}
}

// soon is how long before its end a token is worth a warning.
const soon = 14 * 24 * time.Hour

// mostTried bounds the repositories that are tried at the start.
const mostTried = 20

func (w *credentialWatch) tell(ctx context.Context, who github.Identity) {
	for _, f := range w.findings(ctx, who) {
		level := slog.LevelWarn
		if f.Verdict == provisioner.VerdictOK {
			level = slog.LevelInfo
		}
		attrs := []slog.Attr{slog.String("setting", w.setting)}
		if f.Detail != "" {
			attrs = append(attrs, slog.String("detail", f.Detail))
		}
		w.log.LogAttrs(ctx, level, f.What, attrs...)
	}
}

// findings are what can be found out about an identity: what it lacks, and whether it can read what
// serving the repositories takes that the settings name.
func (w *credentialWatch) findings(ctx context.Context, who github.Identity) (found []provisioner.Finding) {
	add := func(v provisioner.Verdict, what, detail string) {
		found = append(found, provisioner.Finding{Verdict: v, What: what, Detail: detail})
	}
	add(provisioner.VerdictOK, "at GitHub the service is "+who.String(), "")
	if who.Login == "" {
		add(provisioner.VerdictNote, "GitHub does not say whose the credential is", "if GITHUB_API_URL is GitHub Enterprise Server's, it ends in /api/v3")
	}
	if left := time.Until(who.Expires); !who.Expires.IsZero() && left < soon {
		add(provisioner.VerdictNote, "the token ends soon", who.Expires.UTC().Format(time.RFC3339))
	}
	for _, lacks := range who.Lacks(w.needs) {
		add(provisioner.VerdictFailed, "the credential lacks "+lacks, "")
	}
	grants, err := w.github.Installations(ctx, w.needs)
	if err != nil {
		add(provisioner.VerdictFailed, "the App's installations can't be listed", err.Error())
	}
	for _, g := range grants {
		if g.Suspended {
			add(provisioner.VerdictFailed, "the App's installation of "+g.Account+" is suspended", "its owner can end that")
		}
		for _, lacks := range g.Lacks {
			add(provisioner.VerdictFailed, "the App's installation of "+g.Account+" lacks "+lacks, "its owner can accept the App's new permissions")
		}
	}
	for _, r := range w.named[:min(len(w.named), mostTried)] {
		err := w.github.Try(ctx, r, w.needs)
		if ctx.Err() != nil {
			return found
		}
		if err != nil {
			add(provisioner.VerdictFailed, "the credential can't read what serving "+r.String()+" takes", err.Error())
		}
	}
	return found
}
