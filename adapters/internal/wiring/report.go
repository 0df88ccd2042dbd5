package wiring

import (
	"context"
	"log/slog"
	"time"

	"go.uber.org/fx"
	"golang.org/x/time/rate"

	"github.com/datawire/github-runner-provisioner/adapters/internal/config"
	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/github"
	"github.com/datawire/github-runner-provisioner/provisioner/journal"
)

// ReportWaits shows at GitHub, beside the commit, why jobs wait, if REPORT says so.
func ReportWaits(life fx.Lifecycle, cfg *config.Config, j *journal.Journal, gh *github.Client, log *slog.Logger) {
	show := map[string]func(context.Context, provisioner.Job, github.Notice) error{config.ReportStatus: gh.SetStatus, config.ReportCheck: gh.SetCheck}[cfg.Report]
	if show == nil {
		return
	}
	background(life, newReporter(j, show, log).run)
}

// reporter shows notices about jobs: never more than one call for each job and change of reason,
// and never again what failed, because launches need GitHub more.
type reporter struct {
	journal *journal.Journal
	show    func(context.Context, provisioner.Job, github.Notice) error
	pace    *rate.Limiter
	log     *slog.Logger
}

const (
	// reportEvery is how often jobs are looked through.
	reportEvery = 5 * time.Second
	// reportAfter is how long a job waits before that is shown.
	reportAfter = 2 * time.Minute
	// reportsAtOnce, and then one every reportPause, keep below GitHub's limit for creating
	// content, which is 80 a minute and 500 an hour
	// (https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api).
	reportsAtOnce = 40
	reportPause   = 8 * time.Second
)

func newReporter(j *journal.Journal, show func(context.Context, provisioner.Job, github.Notice) error, log *slog.Logger) *reporter {
	return &reporter{journal: j, show: show, pace: rate.NewLimiter(rate.Every(reportPause), reportsAtOnce), log: log}
}

func (r *reporter) run(ctx context.Context) {
	tick := time.NewTicker(reportEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			r.look(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// look shows what has changed, as far as the pace allows; the rest has its turn later.
func (r *reporter) look(ctx context.Context) {
	for _, j := range r.journal.Jobs(func(j journal.Job) bool { _, _, due := notice(j); return due }) {
		if !r.pace.Allow() {
			return
		}
		n, what, _ := notice(j)
		r.journal.MarkReported(j.ID, what)
		if err := r.show(ctx, j.Job, n); err != nil && ctx.Err() == nil {
			r.log.WarnContext(ctx, "why a job waits can't be shown at GitHub", "job", j.ID, "repository", j.Repository.String(), "class", provisioner.Class(err), "error", err)
		}
	}
}

// notice is what is to be shown of a job; due is false if that is nothing, or is shown already.
func notice(j journal.Job) (n github.Notice, what string, due bool) {
	switch {
	case j.HeadSHA == "":
		return n, "", false
	case j.State == journal.Waiting && time.Since(j.Accepted) >= reportAfter:
		n = github.Notice{State: github.NoticePending, Text: lasting(j.Reason).String()}
		what = "pending " + string(j.Reason.Because)
	case j.State == journal.Denied, j.State == journal.GivenUp:
		n = github.Notice{State: github.NoticeFailed, Text: j.Because()}
		what = "error " + string(j.Reason.Because)
	case j.Reported == "":
		return n, "", false // nothing has to be taken back
	case j.State == journal.Running, j.State == journal.Ended, j.State == journal.Booting && !j.Online.IsZero():
		n, what = github.Notice{State: github.NoticeOver, Text: "Its runner is online."}, "success"
	case j.State == journal.Gone:
		n, what = github.Notice{State: github.NoticeOver, Text: j.Because()}, "success"
	default: // its machine is on the way, and may get lost
		return n, "", false
	}
	return n, what, what != j.Reported
}

// shortTime is what a time to wait has at least that is worth showing where it stays as it is.
const shortTime = 5 * time.Minute

// lasting is a reason without what is over in a moment: a notice stays until there is another
// reason.
func lasting(why provisioner.Reason) provisioner.Reason {
	if time.Until(why.Until) < shortTime {
		why.Until = time.Time{}
	}
	if why.Because != provisioner.BecauseBehind {
		why.Ahead = 0
	}
	return why
}
