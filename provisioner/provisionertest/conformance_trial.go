package provisionertest

import (
	"context"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// conformanceCase is one sentence that has to be true of every provider.
type conformanceCase struct {
	name  string
	check func(ctx context.Context, x *trial)
}

var conformance = slices.Concat(launchCases, silenceCases, powerCases)

// try returns what is wrong with a provider in this case, or the power that it lacks.
func (c conformanceCase) try(ctx context.Context, h Harness) (faults []string, lacks string) {
	x := &trial{Harness: h}
	c.check(ctx, x)
	x.searchSecrets()
	return x.faults, x.lacks
}

// trial is one case with one provider. It keeps what the provider says, to look for secrets in it.
type trial struct {
	Harness

	mu      sync.Mutex
	faults  []string
	lacks   string
	said    []string
	secrets []provisioner.Secret
}

func (x *trial) fault(format string, args ...any) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.faults = append(x.faults, fmt.Sprintf(format, args...))
}

// power is an optional interface of the provider. Without it the case is over.
func power[T any](x *trial) (p T, ok bool) {
	if p, ok = x.Provider().(T); !ok {
		x.lacks = reflect.TypeFor[T]().Name()
	}
	return p, ok
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
			x.fault("the launch of runner %s (%d) failed: %v", l.Runner.Name, l.Runner.ID, err)
		}
		machines = append(machines, m)
	}
	return machines
}

func (x *trial) heard(secret provisioner.Secret, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !slices.Contains(x.secrets, secret) {
		x.secrets = append(x.secrets, secret)
	}
	if err != nil {
		x.said = append(x.said, fmt.Sprintf("%v\n%+v", err, err))
	}
}

func (x *trial) searchSecrets() {
	log := x.Log()
	for _, s := range x.secrets {
		if shows(log, s) {
			x.fault("the log shows a runner's configuration")
		}
		if slices.ContainsFunc(x.said, func(text string) bool { return shows(text, s) }) {
			x.fault("an error shows a runner's configuration")
		}
	}
}

// shows reports whether a text holds a secret or a good part of it, as it is or in base64.
func shows(text string, secret provisioner.Secret) bool {
	const window = 48
	for part := range slices.Chunk([]byte(secret.Reveal()), window) {
		if len(part) < window {
			break
		}
		if strings.Contains(text, string(part)) {
			return true
		}
		for shift := range 3 { // where the part begins within base64's groups of three bytes is not known
			whole := (window - shift) / 3 * 3
			if strings.Contains(text, base64.StdEncoding.EncodeToString(part[shift:shift+whole])) {
				return true
			}
		}
	}
	return false
}

// order is a launch for a job, under a registration.
func (x *trial) order(job, registration int64) provisioner.Launch {
	t := x.Type()
	j := provisioner.Job{
		ID: job, RunAttempt: 1, Repository: provisioner.Repository{Owner: "octo-org", Name: "app"}, Labels: t.Labels, Name: "build", CreatedAt: time.Now(),
	}
	return provisioner.Launch{
		Job: j, Type: t, Runner: provisioner.Runner{ID: registration, Name: provisioner.RunnerName(t.Name, j), Labels: t.Labels}, JITConfig: configuration(registration),
	}
}

// configuration has the size and the alphabet of GitHub's, and differs from every other registration's.
func configuration(registration int64) provisioner.Secret {
	random := rand.New(rand.NewPCG(uint64(registration), 0))
	raw := make([]byte, 3200)
	for i := range raw {
		raw[i] = byte(random.Uint32())
	}
	return provisioner.Secret(base64.StdEncoding.EncodeToString(raw))
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

// one checks that a launch, of which the cloud got so many calls, has one machine that can register: at an idempotent cloud it has one machine, and elsewhere
// all machines of it share the one configuration. All are as the launch wants them.
func (x *trial) one(l provisioner.Launch, calls int) {
	made := x.of(l)
	most := calls
	if x.Idempotent() {
		most = 1
	}
	if len(made) == 0 || len(made) > most {
		x.fault("runner %s (%d) has %d machines, want 1 to %d", l.Runner.Name, l.Runner.ID, len(made), most)
	}
	for _, m := range made {
		if wrong := marks(m.Machine, l); wrong != "" {
			x.fault("at the cloud, %s", wrong)
		}
		if !strings.Contains(m.Given, l.JITConfig.Reveal()) {
			x.fault("machine %s was not given its runner's configuration", m.ID)
		}
	}
}

// afterSilence is how many machines a launch may have after n lost answers. Who can't tell the cloud that a call is a repetition has to look whether the lost
// one made a machine; where lists lag, looking may not help.
func (x *trial) afterSilence(n int) int {
	if _, looks := x.Provider().(provisioner.Finder); looks && x.ListLag() == 0 {
		return 1
	}
	return n + 1
}

// none checks that there is no machine at all.
func (x *trial) none(when string) {
	if n := len(x.Machines()); n != 0 {
		x.fault("%s: %d machines were made, want none", when, n)
	}
}
