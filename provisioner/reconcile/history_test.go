package reconcile_test

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/reconcile"
)

var (
	histories = flag.Int("histories", 500, "how many random histories the sweeper lives through")
	oneSeed   = flag.Uint64("seed", 0, "live through the history of this seed alone")
)

// TestNoBusyMachineIsEverEnded lets the sweeper live through random histories, in which the world
// also changes in the middle of sweeps, lists fail and answers get lost. Beside the title it looks
// whether a valid registration's machine is ended, whether anything foreign is touched, whether a
// sweep ends anything that it has not seen all about, and whether a sweep asks for more machines
// than it saw jobs without; and, when the world has calmed down, whether anything is left.
func TestNoBusyMachineIsEverEnded(t *testing.T) {
	first, n := rand.Uint64()>>16, uint64(*histories)
	if *oneSeed != 0 {
		first, n = *oneSeed, 1
	}
	did := map[string]int{}
	for seed := first; seed < first+n; seed++ {
		var h *history
		synctest.Test(t, func(t *testing.T) {
			h = newHistory(seed)
			h.live(t.Context())
		})
		if len(h.wrong) > 0 {
			for _, line := range h.story {
				t.Log(line())
			}
			t.Fatalf("WRONG: %s\nalone: go test ./provisioner/reconcile -run %s -seed %d", strings.Join(h.wrong, "\nWRONG: "), t.Name(), seed)
		}
		for what, times := range h.did {
			did[what] += times
		}
	}
	for _, what := range []string{"ended", "spared a busy runner", "requeued", "lifetime"} {
		if did[what] == 0 && n >= 100 {
			t.Errorf("in %d histories from seed %d it never happened that the sweeper %s: they prove nothing", n, first, what)
		}
	}
	t.Logf("%d histories from seed %d: %v", n, first, did)
}

// history is a world that changes by chance.
type history struct {
	random *rand.Rand
	storm  bool
	begun  time.Time
	id     int64

	jobs     map[int64]*queuedJob
	waiting  map[int64]provisioner.Job // in the queue
	runners  map[int64]*provisioner.Runner
	machines []*provisioner.Machine

	sweeper *reconcile.Sweeper
	blind   map[string]bool // runner types of which a list of this sweep failed
	listed  []int64         // registrations of the machines that this sweep was shown alive
	lacking map[string]int  // machines that a sweep may ask for, by type

	jobsBlind bool           // the list of jobs failed in this sweep
	coming    map[int64]bool // registrations that this sweep was shown on their way, or up

	story []func() string // told only when something is wrong
	wrong []string
	did   map[string]int
}

type queuedJob struct {
	provisioner.Job
	state provisioner.JobState
	by    int64 // the runner that has it
}

// kinds are the runner types of a history: one of another place than the rest, and one that the
// catalogue does not have any more.
var kinds = map[string]provisioner.RunnerType{
	"linux": linux,
	"macos": {
		Name: "macos", Labels: []string{"macos"}, Provider: "cloud", Scope: provisioner.ScopeOrganization, BootDeadline: 5 * time.Minute, MaxLifetime: 2 * time.Hour,
	},
}

func newHistory(seed uint64) *history {
	h := &history{
		random: rand.New(rand.NewPCG(seed, 0)), begun: time.Now(), jobs: map[int64]*queuedJob{}, waiting: map[int64]provisioner.Job{}, runners: map[int64]*provisioner.Runner{}, did: map[string]int{},
		lacking: map[string]int{}, storm: true,
	}
	h.sweeper = h.start()
	for _, name := range []string{"my-runner", "grp-windows-1-1", "grp-linux-x"} {
		h.register(name)
	}
	h.register("grp-linux-999-1").Labels = []string{"linux", "grp-deployment-theirs"}
	return h
}

func (h *history) start() *reconcile.Sweeper {
	return reconcile.New(h, h, h, h, reconcile.Config{Repositories: []provisioner.Repository{app}, Concurrency: 1})
}

func (h *history) note(format string, args ...any) {
	at := time.Since(h.begun).Seconds()
	h.story = append(h.story, func() string { return fmt.Sprintf("%8.0fs  ", at) + fmt.Sprintf(format, args...) })
}

func (h *history) violation(format string, args ...any) {
	h.wrong = append(h.wrong, fmt.Sprintf(format, args...))
}

func (h *history) chance(p float64) bool { return h.random.Float64() < p }

func (h *history) next() int64 { h.id++; return h.id }

// live is a storm of half an hour, and then calm until everything should be over.
func (h *history) live(ctx context.Context) {
	for time.Since(h.begun) < 30*time.Minute {
		for range h.random.IntN(8) {
			h.happen()
		}
		h.sweep(ctx)
		if h.chance(0.1) {
			h.note("the process is started anew")
			h.sweeper = h.start()
		}
	}
	h.storm = false
	h.note("the weather turns calm")
	for range 30 {
		for _, id := range slices.Sorted(maps.Keys(h.waiting)) {
			h.work(id)
		}
		for _, r := range h.sorted() {
			h.goOn(r)
		}
		h.sweep(ctx)
	}
	h.judgeEnd()
}

func (h *history) sweep(ctx context.Context) {
	h.blind, h.jobsBlind, h.coming = map[string]bool{}, false, map[int64]bool{}
	h.note("sweep")
	if _, err := h.sweeper.Sweep(ctx); err != nil && !h.storm {
		h.violation("a sweep in calm weather: %v", err)
	}
	time.Sleep(time.Minute)
}

func (h *history) judgeEnd() {
	for _, j := range h.jobs {
		if j.state != provisioner.JobEnded && h.machinesOf(j.ID) <= 3 {
			h.violation("job %d is %s for ever", j.ID, j.state)
		}
	}
	for _, m := range h.machines {
		if m.Alive() && m.Type != "retired" {
			h.violation("machine %s is left over", m.ID)
		}
	}
	for _, r := range h.runners {
		if _, ours := kinds[kindOf(r.Name)]; ours && r.Name != "grp-linux-x" && h.Deployment().Owns(*r) {
			h.violation("registration %s (%d) is left over", r.Name, r.ID)
		}
	}
	if len(h.runners) < 4 {
		h.violation("registrations of others are gone")
	}
}

func kindOf(name string) string {
	parts := strings.Split(name, "-")
	if len(parts) < 4 || parts[0] != "grp" {
		return ""
	}
	return parts[1]
}

func (h *history) machinesOf(job int64) (n int) {
	for _, m := range h.machines {
		if m.Job == job {
			n++
		}
	}
	return n
}

func (h *history) sorted() []*provisioner.Runner {
	var out []*provisioner.Runner
	for _, id := range slices.Sorted(maps.Keys(h.runners)) {
		out = append(out, h.runners[id])
	}
	return out
}

// What happens by itself.

// work has a job of the queue tried.
func (h *history) work(id int64) {
	j := h.waiting[id]
	delete(h.waiting, id)
	_, _ = h.provision(j)
}

// provision is the engine in short: the name is the lock, and a registration without a machine is
// replaced.
func (h *history) provision(j provisioner.Job) (provisioner.Outcome, error) {
	if h.jobs[j.ID].state != provisioner.JobWaiting {
		return provisioner.Outcome{Status: provisioner.StatusGone}, nil
	}
	name := provisioner.RunnerName(j.Labels[0], j)
	for _, r := range h.sorted() {
		if r.Name != name {
			continue
		}
		if r.Online || slices.ContainsFunc(h.alive(), func(m *provisioner.Machine) bool { return m.RunnerID == r.ID }) {
			return provisioner.Outcome{Status: provisioner.StatusServed}, nil
		}
		delete(h.runners, r.ID)
	}
	r := h.register(name)
	if h.storm && h.chance(0.1) {
		h.note("a crash leaves registration %s", name)
		return provisioner.Outcome{}, provisioner.ErrUnavailable
	}
	m := &provisioner.Machine{
		ID: fmt.Sprint("i-", h.next()), Provider: "cloud", Type: j.Labels[0], Repository: app, Job: j.ID, RunnerName: name, RunnerID: r.ID,
		State: provisioner.MachineAlive, LaunchedAt: time.Now(),
	}
	h.machines = append(h.machines, m)
	h.note("machine %s starts for job %d as runner %s", m.ID, j.ID, name)
	return provisioner.Outcome{Status: provisioner.StatusLaunched, Machine: *m}, nil
}

// What the sweeper sees and does. Before every answer something may happen, and every answer may
// fail.

func (h *history) fails(what string) error {
	for h.storm && h.chance(0.2) {
		h.happen()
	}
	if h.storm && h.chance(0.03) {
		h.note("%s fails", what)
		return provisioner.ErrUnavailable
	}
	return nil
}
