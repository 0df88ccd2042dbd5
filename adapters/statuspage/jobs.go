package statuspage

import (
	"net/http"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/journal"
)

// Jobs is the JSON of /jobs.
type Jobs struct {
	// Jobs are those that wait longest first, then the others that are not over, then those that
	// were over last.
	Jobs []Job `json:"jobs"`
	// Total counts those that the filter lets through, shown or not.
	Total int `json:"total"`
}

// Job is a job, of which /jobs leaves out the timeline.
type Job struct {
	ID int64 `json:"job_id"`
	// Repository is owner/name.
	Repository string `json:"repository"`
	// Type is the runner type that serves it; empty if none does.
	Type  string        `json:"type"`
	State journal.State `json:"state"`
	// Because is the sentence that says why it is where it is; empty only if it runs or has ended.
	// Reason is its word for programs. Until is when it is tried again, or is over.
	Because string              `json:"because"`
	Reason  provisioner.Because `json:"reason,omitempty"`
	Until   time.Time           `json:"until,omitzero"`
	// Since is when the state began.
	Since time.Time `json:"since"`

	// What follows is left out where it is not known.
	Name     string    `json:"name,omitempty"`
	Workflow string    `json:"workflow,omitempty"`
	URL      string    `json:"url,omitempty"`
	Labels   []string  `json:"labels,omitempty"`
	Attempt  int       `json:"attempt,omitempty"`
	Accepted time.Time `json:"accepted_at,omitzero"`
	Runner   string    `json:"runner,omitempty"`
	Machine  string    `json:"machine,omitempty"`
	Provider string    `json:"provider,omitempty"`

	// Timeline is what happened, oldest first.
	Timeline []Step `json:"timeline,omitempty"`
}

// Step is something that happened to a job.
type Step struct {
	At     time.Time             `json:"at"`
	Step   provisioner.EventKind `json:"step"`
	Detail string                `json:"detail"`
	// Times is how often it happened in a row, the last time at Last; left out if once.
	Times int       `json:"times,omitempty"`
	Last  time.Time `json:"last,omitzero"`
}

func jobOf(j journal.Job) Job {
	job := Job{
		ID: j.ID, Repository: j.Repository.String(), Type: j.Type, State: j.State, Because: j.Because(), Reason: j.Reason.Because, Until: utc(j.Reason.Until),
		Since: utc(j.Since), Name: j.Name, Workflow: j.Workflow, Labels: j.Labels, Attempt: j.RunAttempt, Accepted: utc(j.Accepted),
		Runner: j.Runner, Machine: j.Machine, Provider: j.Provider,
	}
	if address, ok := elsewhere(j.URL); ok {
		job.URL = string(address)
	}
	for _, s := range j.Timeline {
		job.Timeline = append(job.Timeline, Step{At: utc(s.At), Step: s.Kind, Detail: s.Detail, Times: s.Times, Last: utc(s.Last)})
	}
	return job
}

func jobsOf(some []journal.Job) []Job {
	jobs := make([]Job, len(some))
	for i, j := range some {
		jobs[i] = jobOf(j)
	}
	return jobs
}

// shown is how many jobs a page has, if nothing else is asked for.
const shown = 200

func (h *Handler) serveJobs(w http.ResponseWriter, r *http.Request) {
	if q := r.URL.Query().Get("q"); q != "" {
		h.find(w, r, q)
		return
	}
	f, err := filterOf(r.URL.Query())
	if err != nil {
		h.fail(w, r, http.StatusBadRequest, err.Error())
		return
	}
	if f.limit == 0 && !prefersJSON(r.Header.Values("Accept")) {
		f.limit = shown
	}
	all := h.journal.Jobs(f.wants)
	some := all[min(f.offset, len(all)):]
	if f.limit > 0 {
		some = some[:min(f.limit, len(some))]
	}
	jobs := Jobs{Jobs: jobsOf(some), Total: len(all)}
	p := h.page("/jobs", "Jobs")
	h.answer(w, r, p, jobs, jobsPage(p, jobs, f, h.typeNames()))
}

func (h *Handler) typeNames() (names []string) {
	for _, t := range h.journal.Types() {
		names = append(names, t.Name)
	}
	return names
}

// find sends to the job that is looked for.
func (h *Handler) find(w http.ResponseWriter, r *http.Request, q string) {
	id, err := ParseJob(q)
	if err != nil {
		p := h.page("", "No such job")
		p.code, p.query = http.StatusBadRequest, q
		problem := Problem{Error: err.Error()}
		h.answer(w, r, p, problem, problemPage(p, problem))
		return
	}
	http.Redirect(w, r, h.prefix+jobPath(id), http.StatusSeeOther) //nolint:gosec // G710: nothing of q is left in it but a number
}

// NewJob is a job as the page's JSON has it.
func NewJob(j journal.Job) Job { return jobOf(j) }
