package reconcile_test

import (
	"context"
	"errors"
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

// TestNoBusyMachineIsEverEnded lets the sweeper live through random histories, in which the world also changes in the middle of sweeps, lists fail and answers
// get lost. Beside the title it looks whether a valid registration's machine is ended, whether anything foreign is touched, whether a sweep that has not seen
// everything ends anything, and whether a sweep starts more machines than it saw jobs without; and, when the world has calmed down, whether anything is left.
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
	for _, what := range []string{"ended", "spared a busy runner", "started", "lifetime"} {
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
	runners  map[int64]*provisioner.Runner
	machines []*provisioner.Machine

	sweeper *reconcile.Sweeper
	blind   bool           // a list of this sweep failed
	listed  []int64        // registrations of the machines that this sweep was shown alive
	lacking map[string]int // machines that a sweep may start, by type

	story []func() string // told only when something is wrong
	wrong []string
	did   map[string]int
}

type queuedJob struct {
	provisioner.Job
	state provisioner.JobState
	by    int64 // the runner that has it
}

// kinds are the runner types of a history: one of another place than the rest, and one that the catalogue does not have any more.
var kinds = map[string]provisioner.RunnerType{
	"linux": linux,
	"macos": {
		Name: "macos", Labels: []string{"macos"}, Provider: "cloud", Scope: provisioner.ScopeOrganization, BootDeadline: 5 * time.Minute, MaxLifetime: 2 * time.Hour,
	},
}

func newHistory(seed uint64) *history {
	h := &history{
		random: rand.New(rand.NewPCG(seed, 0)), begun: time.Now(), jobs: map[int64]*queuedJob{}, runners: map[int64]*provisioner.Runner{}, did: map[string]int{},
		lacking: map[string]int{}, storm: true,
	}
	h.sweeper = h.start()
	for _, name := range []string{"my-runner", "grp-windows-1-1", "grp-linux-x"} {
		h.register(name)
	}
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
		for _, r := range h.sorted() {
			h.goOn(r)
		}
		h.sweep(ctx)
	}
	h.judgeEnd()
}

func (h *history) sweep(ctx context.Context) {
	h.blind = false
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
		if _, ours := kinds[kindOf(r.Name)]; ours && r.Name != "grp-linux-x" {
			h.violation("registration %s (%d) is left over", r.Name, r.ID)
		}
	}
	if len(h.runners) < 3 {
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

func (h *history) happen() {
	if !h.storm {
		return
	}
	switch h.random.IntN(8) {
	case 0, 1:
		kind := []string{"linux", "macos"}[h.random.IntN(2)]
		j := &queuedJob{Job: provisioner.Job{ID: h.next(), RunAttempt: 1, Repository: app, Labels: []string{kind}, CreatedAt: time.Now()}, state: provisioner.JobWaiting}
		h.jobs[j.ID] = j
		h.note("job %d is queued", j.ID)
	case 2:
		if j := h.anyJob(provisioner.JobWaiting); j != nil {
			h.note("a webhook of job %d arrives", j.ID)
			_, _ = h.provision(j.Job)
		}
	case 3:
		if j := h.anyJob(provisioner.JobWaiting); j != nil {
			j.state = provisioner.JobEnded
			h.note("job %d is cancelled", j.ID)
		}
	case 4:
		if live := h.alive(); len(live) > 0 {
			m := live[h.random.IntN(len(live))]
			m.State = provisioner.MachineEnded
			h.note("machine %s dies", m.ID)
			h.lost(m.RunnerID)
		}
	case 5:
		old := provisioner.Machine{ID: fmt.Sprint("i-", h.next()), Provider: "cloud", Type: "retired", Repository: app, RunnerID: 1, LaunchedAt: time.Now()}
		old.State = provisioner.MachineAlive
		if h.chance(0.1) {
			h.machines = append(h.machines, &old)
		}
	default:
		if rs := h.sorted(); len(rs) > 0 {
			h.goOn(rs[h.random.IntN(len(rs))])
		}
	}
}

func (h *history) anyJob(s provisioner.JobState) *queuedJob {
	var out []*queuedJob
	for _, id := range slices.Sorted(maps.Keys(h.jobs)) {
		if h.jobs[id].state == s {
			out = append(out, h.jobs[id])
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out[h.random.IntN(len(out))]
}

func (h *history) alive() (out []*provisioner.Machine) {
	for _, m := range h.machines {
		if m.Alive() && m.Type != "retired" {
			out = append(out, m)
		}
	}
	return out
}

// lost is what GitHub makes of a runner whose machine is gone: its job fails, and the registration of one that never had a job stays.
func (h *history) lost(runner int64) {
	r := h.runners[runner]
	if r == nil {
		return
	}
	if r.Busy {
		h.finish(r)
		return
	}
	r.Online = false
}

func (h *history) finish(r *provisioner.Runner) {
	for _, j := range h.jobs {
		if j.by == r.ID {
			j.state = provisioner.JobEnded
		}
	}
	delete(h.runners, r.ID)
	h.note("runner %s finishes its job", r.Name)
}

// goOn lets a runner with a machine take its next step: come online, take a job of its labels, whosoever it was meant for, or finish it.
func (h *history) goOn(r *provisioner.Runner) {
	var m *provisioner.Machine
	for _, x := range h.alive() {
		if x.RunnerID == r.ID {
			m = x
		}
	}
	switch {
	case m == nil:
	case !r.Online && m.Job%7 == 0 && h.machinesOf(m.Job) == 1: // every seventh job's first machine never comes up
	case !r.Online:
		r.Online = true
		h.note("runner %s comes online", r.Name)
	case !r.Busy:
		for _, id := range slices.Sorted(maps.Keys(h.jobs)) {
			if j := h.jobs[id]; j.state == provisioner.JobWaiting && j.Labels[0] == m.Type {
				j.state, j.by, r.Busy = provisioner.JobRunning, r.ID, true
				h.note("runner %s takes job %d", r.Name, j.ID)
				return
			}
		}
	case h.storm && m.Job%5 == 0: // every fifth job's machine runs a job that does not end before its lifetime
		m.LaunchedAt = m.LaunchedAt.Add(-time.Hour)
	default:
		h.finish(r)
		if h.chance(0.8) {
			m.State = provisioner.MachineEnded // else it hangs in its shutdown
		}
	}
}

func (h *history) register(name string) *provisioner.Runner {
	r := &provisioner.Runner{ID: 1000 + h.next(), Name: name}
	h.runners[r.ID] = r
	return r
}

// provision is the engine in short: the name is the lock, and a registration without a machine is replaced.
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

// What the sweeper sees and does. Before every answer something may happen, and every answer may fail.

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

func (h *history) Types() []provisioner.RunnerType {
	return slices.Collect(maps.Values(kinds))
}

func (h *history) TypeFor(j provisioner.Job) (provisioner.RunnerType, error) {
	t, ok := kinds[j.Labels[0]]
	if !ok {
		return t, provisioner.ErrNoRunnerType
	}
	return t, nil
}

func (h *history) Providers() map[string]provisioner.Provider {
	return map[string]provisioner.Provider{"cloud": h}
}

func (h *history) Launch(context.Context, provisioner.Launch) (provisioner.Machine, error) {
	panic("the reconciler launches nothing by itself")
}

func (h *history) List(context.Context) ([]provisioner.Machine, error) {
	clear(h.lacking)
	h.listed = nil
	if err := h.fails("the list of machines"); err != nil {
		h.blind = true
		return nil, err
	}
	var out []provisioner.Machine
	for _, m := range h.machines {
		out = append(out, *m)
		if m.Alive() {
			h.listed = append(h.listed, m.RunnerID)
		}
	}
	return out, nil
}

func (h *history) QueuedJobs(context.Context, provisioner.Repository, bool) (jobs []provisioner.Job, changed bool, err error) {
	if err := h.fails("the list of jobs"); err != nil {
		h.blind = true
		return nil, false, err
	}
	for _, id := range slices.Sorted(maps.Keys(h.jobs)) {
		if j := h.jobs[id]; j.state == provisioner.JobWaiting {
			jobs = append(jobs, j.Job)
			h.lacking[j.Labels[0]]++
		}
	}
	return jobs, true, nil
}

func (h *history) JobState(_ context.Context, j provisioner.Job) (provisioner.JobState, error) {
	if err := h.fails("the question for a job"); err != nil {
		return "", err
	}
	if q := h.jobs[j.ID]; q != nil {
		return q.state, nil
	}
	return provisioner.JobEnded, nil
}

func (h *history) Runners(_ context.Context, t provisioner.Target) (out []provisioner.Runner, err error) {
	if err := h.fails("the list of runners"); err != nil {
		h.blind = true
		return nil, err
	}
	for _, r := range h.sorted() {
		kind, ours := kinds[kindOf(r.Name)]
		if ours && kind.Target(app) != t || h.storm && r.ID%13 == 0 { // GitHub's lists miss what moves from page to page
			continue
		}
		out = append(out, *r)
		if ours && !r.Busy && slices.Contains(h.listed, r.ID) && h.comes(r) {
			h.lacking[kind.Name]--
		}
	}
	return out, nil
}

// comes reports whether a runner is online or may still be.
func (h *history) comes(r *provisioner.Runner) bool {
	for _, m := range h.machines {
		if m.RunnerID == r.ID {
			return r.Online || time.Since(m.LaunchedAt) < kinds[m.Type].BootDeadline
		}
	}
	return false
}

func (h *history) Runner(_ context.Context, _ provisioner.Target, id int64) (provisioner.Runner, error) {
	if err := h.fails("the question for a runner"); err != nil {
		return provisioner.Runner{}, err
	}
	if r := h.runners[id]; r != nil {
		return *r, nil
	}
	return provisioner.Runner{}, provisioner.ErrNotFound
}

func (h *history) Remove(_ context.Context, t provisioner.Target, id int64) error {
	if err := h.fails("the removal of a registration"); err != nil {
		return err
	}
	r := h.runners[id]
	if r == nil {
		return nil
	}
	kind, ours := kinds[kindOf(r.Name)]
	switch {
	case !ours || r.Name == "grp-linux-x" || kind.Target(app) != t:
		h.violation("registration %s of %s is removed", r.Name, t)
	case h.blind:
		h.violation("registration %s is removed in a sweep that has not seen everything", r.Name)
	case r.Busy:
		h.did["spared a busy runner"]++
		return provisioner.ErrRunnerBusy
	}
	h.note("registration %s (%d) is removed", r.Name, id)
	delete(h.runners, id)
	return nil
}

func (h *history) Terminate(_ context.Context, m provisioner.Machine) error {
	if err := h.fails("the end of a machine"); err != nil {
		return err
	}
	old := m.Type == "retired" || time.Since(m.LaunchedAt) > kinds[m.Type].MaxLifetime
	r := h.runners[m.RunnerID]
	switch {
	case h.blind:
		h.violation("machine %s is ended in a sweep that has not seen everything", m.ID)
	case m.Type == "retired" && time.Since(m.LaunchedAt) < 6*time.Hour:
		h.violation("machine %s of a retired runner type is ended", m.ID)
	case old:
		h.did["lifetime"]++
	case r != nil && r.Busy:
		h.violation("machine %s is ended, and is busy", m.ID)
	case r != nil:
		h.violation("machine %s is ended, and its registration is valid", m.ID)
	}
	for _, x := range h.machines {
		if x.ID == m.ID && x.Alive() {
			x.State = provisioner.MachineEnded
			h.did["ended"]++
			h.note("machine %s is ended", m.ID)
			h.lost(m.RunnerID)
		}
	}
	return nil
}

func (h *history) Attempt(_ context.Context, j provisioner.Job, _ time.Time) (provisioner.Outcome, error) {
	if err := h.fails("an attempt"); err != nil {
		return provisioner.Outcome{}, err
	}
	out, err := h.provision(j)
	if out.Status != provisioner.StatusLaunched && !errors.Is(err, provisioner.ErrUnavailable) {
		return out, err
	}
	h.did["started"]++
	if h.lacking[j.Labels[0]]--; h.lacking[j.Labels[0]] < 0 {
		h.violation("a sweep starts a machine for job %d, and has seen no lack of machines", j.ID)
	}
	return out, err
}

func (h *history) Attempting(provisioner.Job) bool                          { return false }
func (h *history) ObserveMachines(string, time.Time, []provisioner.Machine) {}
func (h *history) SetBroken(string, bool)                                   {}
