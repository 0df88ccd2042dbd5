package wiring

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"go.uber.org/dig"
	"go.uber.org/fx"

	"github.com/datawire/github-runner-provisioner/adapters/internal/config"
	"github.com/datawire/github-runner-provisioner/adapters/sqlite"
	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/github"
	"github.com/datawire/github-runner-provisioner/provisioner/journal"
)

// direct looks at a job where the service itself would: at GitHub and at the clouds.
type direct struct {
	cfg    *config.Config
	github *github.Client
	engine *provisioner.Provisioner
	seen   *journal.Journal
	doubts []string
}

// LookDirectly says of a job what GitHub and the clouds say of it, for those who have no server to
// ask. doubts are what it can't know, in sentences. Without a repository the job is looked for in
// those that REPOSITORIES names.
func LookDirectly(ctx context.Context, cfg *config.Config, r provisioner.Repository, id int64) (j journal.Job, doubts []string, err error) {
	d := &direct{cfg: cfg, seen: journal.New(journal.Config{Types: runnerTypes(cfg)})}
	d.doubt("no server was asked (ADMIN_ADDR is not set): what the service itself decided about the job is not known")
	d.knowDeployment(ctx)
	app := fx.New(Module(cfg, slog.New(slog.DiscardHandler)), fx.Populate(&d.github, &d.engine))
	if err := app.Err(); err != nil {
		return j, nil, dig.RootCause(err)
	}
	job, err := d.find(ctx, r, id)
	if err != nil {
		return j, nil, err
	}
	d.tell(ctx, job)
	j, _ = d.seen.Explain(id)
	return j, d.doubts, nil
}

func (d *direct) doubt(format string, args ...any) {
	d.doubts = append(d.doubts, fmt.Sprintf(format, args...))
}

// knowDeployment takes the deployment's id from the queue's file, which is only read: a server may
// be at work in it, of another version or with other settings.
func (d *direct) knowDeployment(ctx context.Context) {
	file, ok := strings.CutPrefix(d.cfg.QueueURL, "sqlite://")
	if !ok {
		return
	}
	d.cfg.QueueURL = "memory:"
	if d.cfg.Deployment != "" {
		return
	}
	id, err := sqlite.ReadNote(ctx, file, deploymentKey)
	if err != nil {
		d.doubt("the deployment's id is not known (DEPLOYMENT is not set, and the queue's file does not tell it: %v): its machines can't be told from others", err)
		return
	}
	d.cfg.Deployment = provisioner.Deployment(id)
}

// find reads the job at GitHub.
func (d *direct) find(ctx context.Context, r provisioner.Repository, id int64) (github.JobReport, error) {
	where := []provisioner.Repository{r}
	if r.Owner == "" {
		where = named(d.cfg.Webhook.Repositories)
	}
	if len(where) == 0 {
		return github.JobReport{}, errors.New("whose job it is can't be known: give its address at GitHub, https://github.com/OWNER/REPO/actions/runs/RUN/job/JOB, or name its repository in REPOSITORIES")
	}
	for _, r := range where {
		job, err := d.github.Job(ctx, r, id)
		if !errors.Is(err, provisioner.ErrNotFound) {
			return job, err
		}
	}
	names := make([]string, len(where))
	for i, r := range where {
		names[i] = r.String()
	}
	return github.JobReport{}, fmt.Errorf("GitHub shows no job %d in %s: there is none, or the service's credential may not see it", id, strings.Join(names, ", "))
}

// tell tells the journal what is seen, as if it happened now.
func (d *direct) tell(ctx context.Context, job github.JobReport) {
	see := func(e provisioner.Event) {
		e.Job = job.Job
		d.seen.Observe(ctx, e)
	}
	t, err := d.engine.TypeFor(job.Job)
	if err != nil {
		see(provisioner.Event{Kind: provisioner.EventIgnored, Reason: provisioner.Reason{Because: provisioner.BecauseNoType, Detail: d.engine.Explain(job.Labels)}})
		return
	}
	if globs := d.cfg.Webhook.Repositories; len(globs) > 0 && !allowed(globs)(job.Repository) {
		see(provisioner.Event{Kind: provisioner.EventDenied, Reason: provisioner.Reason{
			Because: provisioner.BecauseNotAllowed, Detail: "the repository " + job.Repository.String() + " is not allowed to use runners",
		}})
		return
	}
	see(provisioner.Event{Kind: provisioner.EventAccepted, RunnerType: t.Name, At: job.CreatedAt})
	switch job.State {
	case provisioner.JobWaiting:
		see(provisioner.Event{Kind: provisioner.EventHeld, RunnerType: t.Name, At: time.Now(), Reason: provisioner.Reason{Because: provisioner.BecauseUnknown, Type: t.Name}})
		d.tellMachine(ctx, t, job.Job, see)
	case provisioner.JobRunning, provisioner.JobEnded:
		see(provisioner.Event{Kind: provisioner.EventStarted, RunnerType: t.Name, At: job.StartedAt, Runner: job.Runner})
		if job.State == provisioner.JobEnded {
			see(provisioner.Event{Kind: provisioner.EventEnded, RunnerType: t.Name, At: job.EndedAt, Runner: job.Runner, Conclusion: job.Conclusion})
		}
	}
}

// tellMachine looks for the job's machine, and for what GitHub says of its runner.
func (d *direct) tellMachine(ctx context.Context, t provisioner.RunnerType, j provisioner.Job, see func(provisioner.Event)) {
	finder, ok := d.engine.Providers()[t.Provider].(provisioner.Finder)
	if !ok {
		d.doubt("%s can't say whether the job has a machine", t.Provider)
		return
	}
	machines, err := finder.Find(ctx, t, j)
	if err != nil {
		d.doubt("whether the job has a machine is not known: %v", err)
		return
	}
	for _, m := range machines {
		if !m.Alive() {
			continue
		}
		see(provisioner.Event{Kind: provisioner.EventLaunched, RunnerType: t.Name, Provider: t.Provider, At: m.LaunchedAt, Machine: m, Runner: provisioner.Runner{ID: m.RunnerID, Name: m.RunnerName}})
		runner, err := d.github.Lookup(ctx, t.Target(j.Repository), m.RunnerName)
		switch {
		case errors.Is(err, provisioner.ErrNotFound):
			d.doubt("the machine %s has no registration at GitHub any more: it is about to end", m.ID)
		case err != nil:
			d.doubt("whether the runner %s is online is not known: %v", m.RunnerName, err)
		case runner.Online:
			see(provisioner.Event{Kind: provisioner.EventOnline, RunnerType: t.Name, Machine: m, Runner: runner})
		}
	}
}
