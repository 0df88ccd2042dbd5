package statuspage

import (
	"net/http"
	"strconv"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner/journal"
)

// Machines is the JSON of /machines.
type Machines struct {
	// Machines are those that are alive, oldest first.
	Machines []Machine `json:"machines"`
}

// Machine is a machine that is alive.
type Machine struct {
	// ID is the provider's: an instance id, a build id.
	ID    string               `json:"id"`
	Type  string               `json:"type"`
	State journal.MachineState `json:"state"`
	// Runner is the name that it is registered by, JobID the job that it was launched for and
	// Repository that job's: empty, or 0, while it has none.
	Runner     string    `json:"runner"`
	JobID      int64     `json:"job_id"`
	Repository string    `json:"repository"`
	LaunchedAt time.Time `json:"launched_at,omitzero"`
	Provider   string    `json:"provider"`
	// Place is where it runs, as its provider names it.
	Place string `json:"place,omitempty"`
}

func machineOf(m journal.Machine) Machine {
	out := Machine{
		ID: m.ID, Type: m.Type, State: m.State, Runner: m.RunnerName, JobID: m.Job, LaunchedAt: utc(m.LaunchedAt), Provider: m.Provider, Place: m.Place,
	}
	if m.Repository.Owner != "" {
		out.Repository = m.Repository.String()
	}
	return out
}

func (h *Handler) serveMachines(w http.ResponseWriter, r *http.Request) {
	machines := Machines{Machines: []Machine{}}
	for _, m := range h.journal.Machines() {
		machines.Machines = append(machines.Machines, machineOf(m))
	}
	p := h.page("/machines", "Machines")
	h.answer(w, r, p, machines, machinesPage(p, machines))
}

// where is a machine's provider, and its place.
func (m Machine) where() string {
	if m.Place == "" {
		return m.Provider
	}
	return m.Provider + ", " + m.Place
}

func (m Machine) job() string { return strconv.FormatInt(m.JobID, 10) }
