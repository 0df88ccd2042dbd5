package statuspage

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/journal"
)

func jobPath(id int64) string { return "/jobs/" + strconv.FormatInt(id, 10) }

// Unseen is what it can mean that a job is not known, in the words of the page: commands that ask
// it say the same.
var Unseen = []string{
	"Its webhook never came: look at the hook's recent deliveries at GitHub. The service finds such a job by itself within two of its sweeps, if it may read the repository.",
	"Nothing has happened to it for 7 days, or more than 10,000 jobs came after it: what is older is forgotten, and without a SQLite file a restart forgets everything.",
	"Another replica or another installation serves it: each page knows its own jobs.",
	"The number is mistyped, or is that of a workflow run: the job's own is the last in its address at GitHub, .../actions/runs/RUN/job/JOB.",
}

func (h *Handler) serveJob(w http.ResponseWriter, r *http.Request, name string) {
	id, ok := parseID(name)
	var found journal.Job
	if ok {
		found, ok = h.journal.Explain(id)
	}
	if !ok {
		h.fail(w, r, http.StatusNotFound, fmt.Sprintf("No job %.40q is known here.", name), Unseen...)
		return
	}
	job := jobOf(found)
	p := h.page("job", word(job.State)+": "+cmp.Or(job.Name, "job "+name))
	h.answer(w, r, p, job, jobPage(p, job, barOf(found, p.now)))
}

// sentence is what is said of a job first: why it is where it is, or what became of it.
func (j Job) sentence() string {
	switch {
	case j.Because != "":
		return j.Because
	case j.State == journal.Running:
		return "It runs" + on(j.Runner) + "."
	case j.State == journal.Ended:
		return "It ran" + on(j.Runner) + ", and has ended" + j.conclusion() + "."
	default:
		return "It is " + word(j.State) + "."
	}
}

func on(runner string) string {
	if runner == "" {
		return ""
	}
	return " on runner " + runner
}

// conclusion is how GitHub said that it ended.
func (j Job) conclusion() string {
	for _, s := range slices.Backward(j.Timeline) {
		if s.Step == provisioner.EventEnded && s.Detail != "" {
			return ": " + s.Detail
		}
	}
	return ""
}

// title is a job's name, or its number.
func (j Job) title() string { return cmp.Or(j.Name, "job "+j.number()) }

func (j Job) number() string { return strconv.FormatInt(j.ID, 10) }

// address is a job's address as it is shown.
func (j Job) address() string {
	_, address, _ := strings.Cut(j.URL, "://")
	return address
}

// took is the time from the step before to this one.
func (j Job) took(i int) string {
	if i == 0 {
		return ""
	}
	before := j.Timeline[i-1]
	end := before.At
	if before.Last.After(end) {
		end = before.Last
	}
	return "+" + lasts(max(j.Timeline[i].At.Sub(end), 0))
}

// days reports whether a timeline's times need their day.
func (j Job) days(now time.Time) bool {
	return len(j.Timeline) > 0 && now.Sub(j.Timeline[0].At) > 20*time.Hour
}
