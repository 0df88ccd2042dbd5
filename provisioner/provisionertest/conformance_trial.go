package provisionertest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// conformanceCase is one sentence that has to be true of every provider.
type conformanceCase struct {
	name  string
	needs []*need
	check func(ctx context.Context, x *trial)
}

var conformance = slices.Concat(launchCases, silenceCases, wantedCases, powerCases)

// try returns what is wrong with a provider in this case, or why the case has nothing to say.
func (c conformanceCase) try(ctx context.Context, h Harness) (faults []string, skip string) {
	var lacks []string
	for _, n := range c.needs {
		if !n.has(h) {
			lacks = append(lacks, n.lack)
		}
	}
	if len(lacks) > 0 {
		return nil, strings.Join(lacks, "; ")
	}
	x := &trial{Harness: h}
	c.check(ctx, x)
	x.searchSecrets()
	for _, f := range x.armed {
		if _, hits := f.counts(); hits == 0 {
			x.vain(f, "%s", f.idle)
		}
	}
	if len(x.idle) > 0 {
		return x.idle, "" // what else was noticed says nothing of the provider
	}
	if len(x.faults) > 0 {
		return x.faults, ""
	}
	return nil, x.skip
}

// trial is one case with one provider. It keeps what the provider says, to look for secrets in it.
type trial struct {
	Harness
	armed []*armedFault

	mu      sync.Mutex
	faults  []string // of the provider
	idle    []string // powers of the harness that had no effect
	skip    string
	said    []string
	secrets []provisioner.Secret
}

func (x *trial) errorf(format string, args ...any) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.faults = append(x.faults, fmt.Sprintf(format, args...))
}

// The facts that a harness may tell, or their defaults.

func (x *trial) idempotent() bool {
	h, ok := x.Harness.(Idempotency)
	return !ok || h.Idempotent()
}

func (x *trial) listLag() time.Duration {
	if h, ok := x.Harness.(Lagging); ok {
		return h.ListLag()
	}
	return 0
}

func (x *trial) log() string {
	if h, ok := x.Harness.(Logged); ok {
		return h.Log()
	}
	return ""
}

// patience is what a call gets: far more than a provider needs that does not hang.
const patience = 10 * time.Minute

func (x *trial) launch(ctx context.Context, l provisioner.Launch) (provisioner.Machine, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	m, err := x.Provider().Launch(ctx, l)
	x.heard(l.JITConfig, err)
	return m, err
}

// launched launches machines for these jobs, where nothing stands against it.
func (x *trial) launched(ctx context.Context, orders ...provisioner.Launch) (machines []provisioner.Machine) {
	for _, l := range orders {
		m, err := x.launch(ctx, l)
		if err != nil {
			x.errorf("the launch of runner %s (%d) failed: %v", l.Runner.Name, l.Runner.ID, err)
		}
		machines = append(machines, m)
	}
	return machines
}

// order is a launch for a job, under a registration.
func (x *trial) order(job, registration int64) provisioner.Launch {
	t := x.Type()
	j := provisioner.Job{
		ID: job, RunAttempt: 1, Repository: provisioner.Repository{Owner: "octo-org", Name: "app"},
		Labels: t.Labels, Name: "build", CreatedAt: time.Now(),
	}
	return provisioner.Launch{
		Job: j, Type: t, JITConfig: configuration(registration),
		Runner: provisioner.Runner{ID: registration, Name: provisioner.RunnerName(t.Name, j), Labels: t.Labels},
	}
}

// marks says what of a machine is not as its launch wants it; "" if all is well.
func marks(m provisioner.Machine, l provisioner.Launch) string {
	got := fmt.Sprintf("runner %s (%d) of type %s for %s job %d", m.RunnerName, m.RunnerID, m.Type, m.Repository, m.Job)
	want := fmt.Sprintf("runner %s (%d) of type %s for %s job %d", l.Runner.Name, l.Runner.ID, l.Type.Name, l.Job.Repository, l.Job.ID)
	if got == want {
		return ""
	}
	return fmt.Sprintf("machine %s is marked as %s, want %s", m.ID, got, want)
}

// of are the machines that were made with a launch's registration.
func (x *trial) of(l provisioner.Launch) (made []CloudMachine) {
	for _, m := range x.Machines() {
		if m.RunnerID == l.Runner.ID {
			made = append(made, m)
		}
	}
	return made
}

// one checks that a launch, of which the cloud got so many calls, has one machine that can
// register. At an idempotent cloud it has one machine. Elsewhere all machines of it share the one
// configuration. All are as the launch wants them.
func (x *trial) one(l provisioner.Launch, calls int) {
	made := x.of(l)
	switch n := len(made); {
	case n == 0:
		x.errorf("runner %s (%d) has no machine; want exactly one", l.Runner.Name, l.Runner.ID)
	case n > 1 && x.idempotent():
		x.errorf("runner %s (%d) has %d machines; want exactly one (at a cloud without idempotency keys, the harness needs Idempotent() bool)",
			l.Runner.Name, l.Runner.ID, n)
	case n > calls:
		x.errorf("runner %s (%d) has %d machines; want at most %d, one for each time that it was launched", l.Runner.Name, l.Runner.ID, n, calls)
	}
	for _, m := range made {
		if wrong := marks(m.Machine, l); wrong != "" {
			x.errorf("at the cloud, %s", wrong)
		}
		if !strings.Contains(m.Given, l.JITConfig.Reveal()) {
			x.errorf("machine %s was not given its runner's configuration", m.ID)
		}
	}
}

// afterSilence is how many machines a launch may have after n lost answers. A provider that can't
// tell the cloud that a call is a repetition has to look whether the lost one made a machine; where
// lists lag, looking may not help.
func (x *trial) afterSilence(n int) int {
	if finds.has(x.Harness) && x.listLag() == 0 {
		return 1
	}
	return n + 1
}

// none checks that there is no machine at all.
func (x *trial) none(when string) {
	if n := len(x.Machines()); n != 0 {
		x.errorf("%d machines were made %s; want none", n, when)
	}
}

// over has a machine shut itself down.
func (x *trial) over(id string) {
	x.End(id)
	for _, m := range x.Machines() {
		if m.ID == id && m.Alive() {
			x.blame("End", "machine "+id+" is still alive")
		}
	}
}

// failed checks that a launch failed with one of the errors that decisions are taken on.
func (x *trial) failed(err, want error, when string) {
	if err == nil {
		x.errorf("the launch succeeded %s; want %s", when, named(want))
	} else if !errors.Is(err, want) {
		x.errorf("the launch failed %s with %q; want %s", when, err, named(want))
	}
}

// named is an error by the name of its variable.
func named(err error) string {
	return map[error]string{
		provisioner.ErrCapacity: "ErrCapacity", provisioner.ErrRefused: "ErrRefused", provisioner.ErrNoAnswer: "ErrNoAnswer",
		provisioner.ErrMachineEnded: "ErrMachineEnded", provisioner.ErrNotWanted: "ErrNotWanted",
	}[err]
}
