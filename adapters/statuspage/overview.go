package statuspage

import (
	"fmt"
	"net/http"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/journal"
)

// GitHub is how things are with GitHub.
type GitHub struct {
	// Up is whether it accepts the service's credential; nil if nobody knows.
	Up *bool `json:"up"`
	// Because says why it is not up, if that is known. It must hold no secret.
	Because string `json:"because,omitempty"`
	// Remaining requests of Limit are left until ResetAt, of the API's primary rate limit
	// (https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api). A Limit of 0
	// means that nobody knows.
	Remaining int       `json:"remaining"`
	Limit     int       `json:"limit"`
	ResetAt   time.Time `json:"reset_at,omitzero"`
}

// Overview is the JSON of /.
type Overview struct {
	Version    string    `json:"version"`
	Deployment string    `json:"deployment"`
	StartedAt  time.Time `json:"started_at"`
	GitHub     GitHub    `json:"github"`
	// Types are the runner types, in the catalogue's order.
	Types []Type `json:"types"`
}

// Type is a runner type.
type Type struct {
	Name     string `json:"name"`
	Provider string `json:"provider"`
	// Waiting counts the jobs without a machine, of which the oldest has waited since
	// OldestWaitingSince.
	Waiting            int       `json:"waiting"`
	OldestWaitingSince time.Time `json:"oldest_waiting_since,omitzero"`
	// Booting, Ready and Running count machines, of which there may be Max; 0 means no limit.
	Booting int `json:"booting"`
	Ready   int `json:"ready"`
	Running int `json:"running"`
	Max     int `json:"max"`
	// Because is the sentence that says what holds its jobs back; empty if nothing does. Reason is
	// its word for programs. Until is when it is tried again, or is over.
	Because string              `json:"because"`
	Reason  provisioner.Because `json:"reason,omitempty"`
	Until   time.Time           `json:"until,omitzero"`
}

func typeOf(t journal.Type) Type {
	out := Type{
		Name: t.Name, Provider: t.Provider, Waiting: t.Waiting, OldestWaitingSince: utc(t.Oldest),
		Booting: t.Booting, Ready: t.Ready, Running: t.Running, Max: t.Max, Reason: t.Reason.Because, Until: utc(t.Reason.Until),
	}
	if out.Reason != "" {
		out.Because = t.Reason.String()
	}
	return out
}

func (h *Handler) overview() Overview {
	o := Overview{Version: h.cfg.Version, Deployment: h.cfg.Deployment, StartedAt: utc(h.cfg.StartedAt), GitHub: h.cfg.GitHub(), Types: []Type{}}
	o.GitHub.ResetAt = utc(o.GitHub.ResetAt)
	for _, t := range h.journal.Types() {
		o.Types = append(o.Types, typeOf(t))
	}
	return o
}

func (h *Handler) serveOverview(w http.ResponseWriter, r *http.Request) {
	o := h.overview()
	p := h.page("/", "Overview")
	if n := o.waiting(); n > 0 {
		p.title = number(n) + " waiting"
	}
	h.answer(w, r, p, o, overviewPage(p, o, h.journal.LastHour(), h.unlucky()))
}

func (o Overview) waiting() (n int) {
	for _, t := range o.Types {
		n += t.Waiting
	}
	return n
}

// headline is the overview in a sentence.
func (o Overview) headline(now time.Time) string {
	var oldest time.Time
	running := 0
	for _, t := range o.Types {
		running += t.Running
		if !t.OldestWaitingSince.IsZero() && (oldest.IsZero() || t.OldestWaitingSince.Before(oldest)) {
			oldest = t.OldestWaitingSince
		}
	}
	runs := fmt.Sprintf("%s run.", plural(running, "machine"))
	if running == 1 {
		runs = "1 machine runs."
	}
	switch n := o.waiting(); n {
	case 0:
		return "No job waits. " + runs
	case 1:
		return fmt.Sprintf("1 job waits, for %s. %s", roughly(now.Sub(oldest)), runs)
	default:
		return fmt.Sprintf("%s jobs wait, the first for %s. %s", number(n), roughly(now.Sub(oldest)), runs)
	}
}

// sentence says how things are with GitHub.
func (g GitHub) sentence() string {
	switch {
	case g.Up == nil:
		return "Whether GitHub accepts the credential is not known yet."
	case *g.Up:
		return "GitHub accepts the credential."
	case g.Because != "":
		return "GitHub can't be used: " + g.Because
	default:
		return "GitHub does not accept the credential, or does not answer: the log says which."
	}
}

// left is the budget in words, up to the time at which it is full again.
func (g GitHub) left() string {
	text := number(g.Remaining) + " of " + number(g.Limit) + " requests left"
	if g.ResetAt.IsZero() {
		return text
	}
	return text + ", full again"
}

func (g GitHub) down() bool { return g.Up != nil && !*g.Up }

const (
	// unluckyFor is how long a job that got no machine is worth telling on the overview, and
	// unluckyShown is how many of them are.
	unluckyFor   = 24 * time.Hour
	unluckyShown = 5
)

// unlucky are the jobs that were given up or denied of late, the latest first.
func (h *Handler) unlucky() []Job {
	now := time.Now()
	return jobsOf(h.journal.Jobs(func(j journal.Job) bool {
		return (j.State == journal.GivenUp || j.State == journal.Denied) && now.Sub(j.Since) < unluckyFor
	}))
}
