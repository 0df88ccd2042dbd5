package wiring

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"go.uber.org/dig"
	"go.uber.org/fx"

	"github.com/datawire/github-runner-provisioner/adapters/internal/config"
	"github.com/datawire/github-runner-provisioner/adapters/sqlite"
	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/github"
	"github.com/datawire/github-runner-provisioner/provisioner/queue"
)

// checkup tries what the settings promise, and tells each finding as it is made.
type checkup struct {
	cfg  *config.Config
	tell func(provisioner.Finding)
}

// Check tries for real what the settings promise, without changing anything; offline, only what
// this machine can tell.
func Check(ctx context.Context, cfg *config.Config, offline bool, tell func(provisioner.Finding)) {
	c := &checkup{cfg, tell}
	c.settings()
	c.queueFile(ctx)
	if offline {
		return
	}
	c.awsIdentity(ctx)
	looked := *cfg // with a queue that nothing has to be made for
	if strings.HasPrefix(cfg.QueueURL, "sqlite://") {
		looked.QueueURL = "memory:"
	}
	var gh *github.Client
	var engine *provisioner.Provisioner
	var q queue.Queue
	if err := fx.New(Module(&looked, slog.New(slog.DiscardHandler)), fx.Populate(&gh, &engine, &q)).Err(); err != nil {
		c.tell(provisioner.Found("the service", "", dig.RootCause(err)))
		return
	}
	if p, ok := q.(interface{ Ping(context.Context) error }); ok {
		c.tell(provisioner.Found("the queue "+cfg.QueueURL, "it can be reached", p.Ping(ctx)))
	}
	c.credential(ctx, gh)
	c.hooks(ctx, gh)
	for _, f := range engine.Check(ctx, aRepository(ctx, cfg.Webhook.Repositories, gh)) {
		c.tell(f)
	}
}

// aRepository is one whose jobs are served; zero if none is known.
func aRepository(ctx context.Context, globs []string, gh *github.Client) provisioner.Repository {
	if all := named(globs); len(all) > 0 {
		return all[0]
	}
	allows := allowed(globs)
	all, _ := gh.Repositories(ctx) // an error comes with what there is
	for _, r := range all {
		if allows == nil || allows(r) {
			return r
		}
	}
	return provisioner.Repository{}
}

func (c *checkup) note(what, detail string) {
	c.tell(provisioner.Finding{Verdict: provisioner.VerdictNote, What: what, Detail: detail})
}

func (c *checkup) good(what, detail string) {
	c.tell(provisioner.Finding{Verdict: provisioner.VerdictOK, What: what, Detail: detail})
}

func (c *checkup) settings() {
	for _, t := range c.cfg.Runners {
		most := "no max"
		if t.Max > 0 {
			most = fmt.Sprintf("max %d", t.Max)
		}
		c.good("runner type "+t.Name, fmt.Sprintf("[%s] on %s, %s", strings.Join(t.Labels, ", "), t.Provider, most))
	}
	for _, w := range c.cfg.Warnings {
		c.note("settings", w)
	}
	if len(c.cfg.Webhook.Repositories) == 0 {
		c.note("REPOSITORIES is not set", "any repository that has the webhook may start machines; REPOSITORIES=*/* says that it may")
	} else {
		c.good("repositories", strings.Join(c.cfg.Webhook.Repositories, ", "))
	}
	if c.cfg.ReconcileInterval == 0 {
		c.note("RECONCILE_INTERVAL is 0", "lost webhooks, stolen runners and leftovers are nobody's business")
	}
	if c.cfg.Admin.Addr == "" {
		c.note("ADMIN_ADDR is not set", "there is no status page, and explain and status have nobody to ask")
	}
}

// queueFile looks at the queue as far as this machine can tell.
func (c *checkup) queueFile(ctx context.Context) {
	file, ok := strings.CutPrefix(c.cfg.QueueURL, "sqlite://")
	switch {
	case c.cfg.QueueURL == "memory:":
		c.note("the queue memory:", "a restart loses the jobs that wait")
		return
	case !ok:
		c.good("the queue", c.cfg.QueueURL)
		return
	}
	what := "the queue's file " + file
	id, err := sqlite.ReadNote(ctx, file, deploymentKey)
	switch {
	case err == nil:
		c.good(what, "it is of the deployment "+cmp.Or(string(c.cfg.Deployment), id))
	case errors.Is(err, fs.ErrNotExist):
		c.tell(provisioner.Found(what, "it is made at the first start", writable(filepath.Dir(file))))
	default:
		c.tell(provisioner.Found(what, "", err))
	}
}

// writable reports whether files can be made in a directory.
func writable(dir string) error {
	f, err := os.CreateTemp(dir, ".check-*")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

func (c *checkup) credential(ctx context.Context, gh *github.Client) {
	w, err := newCredentialWatch(gh, c.cfg, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		c.tell(provisioner.Found("the credential", "", err))
		return
	}
	who, err := gh.Identify(ctx)
	if err != nil {
		c.tell(provisioner.Found("GitHub at "+c.cfg.GitHub.APIURL+", with "+w.setting, "", err))
		return
	}
	for _, f := range w.findings(ctx, who) {
		c.tell(f)
	}
	if len(w.named) == 0 {
		c.note("no repository is named in REPOSITORIES", "what the credential may do in one was not tried")
	}
	if q := gh.Quota(); q.Limit > 0 {
		c.good("GitHub's rate limit", fmt.Sprintf("%d of %d requests are left until %s", q.Remaining, q.Limit, q.Reset.UTC().Format(time.RFC3339)))
	}
}

func (c *checkup) hooks(ctx context.Context, gh *github.Client) {
	for _, name := range c.cfg.Webhook.Hooks {
		hook, err := github.ParseHook(name)
		if err != nil {
			continue // the settings would not be valid
		}
		what := "the webhook " + name
		report, err := gh.ReadHook(ctx, hook)
		if err == nil {
			if faults := report.Faults(); len(faults) > 0 {
				err = errors.New(strings.Join(faults, ", and "))
			}
		}
		c.tell(provisioner.Found(what, "it is active, and sends Workflow jobs to "+report.Config.URL, err))
		if err == nil {
			c.note(what, "whether its secret is WEBHOOK_TOKEN nobody can read: its recent deliveries at GitHub show what they were answered")
		}
	}
	if len(c.cfg.Webhook.Hooks) == 0 && c.cfg.GitHub.AppID == 0 {
		c.note("WEBHOOK_HOOK is not set", "whether there is a webhook was not looked at, and failed deliveries are not found again")
	}
}

func (c *checkup) awsIdentity(ctx context.Context) {
	for _, r := range c.cfg.Runners {
		if r.AWS == nil {
			continue
		}
		sdk, err := LoadAWS()
		if err != nil {
			c.tell(provisioner.Found("AWS", "", err))
			return
		}
		ctx, cancel := context.WithTimeout(ctx, identityTimeout)
		defer cancel()
		who, err := sts.NewFromConfig(sdk).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
		if err != nil {
			c.tell(provisioner.Found("AWS does not say who the service is", "", provisioner.RedactError(err)))
			return
		}
		c.good("at AWS the service is "+aws.ToString(who.Arn), "account "+aws.ToString(who.Account)+", region "+sdk.Region)
		return
	}
}
