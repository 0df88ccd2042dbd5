package crashsim

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/queue"
	"github.com/datawire/github-runner-provisioner/provisioner/reconcile"
)

// Options of a [Run].
type Options struct {
	// Reconcile lets the reconciler take part. Then webhooks may get lost for good, machines may
	// not boot and runners are stolen, and nothing may be left over. Without it the workers are
	// alone: webhooks are repeated until they are accepted, and registrations of crashed attempts
	// may stay behind.
	Reconcile bool
	// Calm leaves out every fault.
	Calm bool
	// Sabotage replaces parts by worse ones, to see whether the simulation notices.
	Sabotage Sabotage
}

// Sabotage breaks the protocol on purpose: each function wraps a part of every process. The zero
// value breaks nothing.
type Sabotage struct {
	Registrar func(provisioner.Registrar) provisioner.Registrar
	Jobs      func(provisioner.Jobs) provisioner.Jobs
	Runners   func(reconcile.Runners) reconcile.Runners
	Provider  func(Cloud) Cloud
	Lister    func(provisioner.Lister) provisioner.Lister // that counts machines against limits
	Queue     func(queue.Queue) queue.Queue
	EC2       func(http.RoundTripper) http.RoundTripper
}

// Cloud is what the simulation needs of a provider.
type Cloud interface {
	provisioner.Provider
	provisioner.Finder
	provisioner.Lister
	provisioner.Terminator
}

// Result is how a history ended.
type Result struct {
	Seed uint64
	// Wrong lists, in words, what must not have happened. None means that the protocol held.
	Wrong []string
	// History tells what happened.
	History string
	// Jobs, Machines, Crashes and Calls count, for those who ask what it costs.
	Jobs, Machines, Crashes int
	GitHubCalls, EC2Calls   map[string]int
}

// String tells the whole story.
func (r Result) String() string {
	var s strings.Builder
	fmt.Fprintf(&s, "seed %d, %d jobs, %d machines, %d crashes\n%s\n", r.Seed, r.Jobs, r.Machines, r.Crashes, r.History)
	for _, w := range r.Wrong {
		s.WriteString("\nWRONG: " + w)
	}
	return s.String()
}

// The course of a history.
const (
	storm       = 12 * time.Minute // faults, crashes and new jobs
	patience    = 90 * time.Minute // by then every job must have ended
	sweepEvery  = 30 * time.Second
	tick        = 2 * time.Second
	idleTimeout = 5 * time.Minute
	// leftoversGo is how long leftovers may stay after the last job: two sweeps and 30 s by
	// contract, and what a machine takes to notice.
	leftoversGo = 2*sweepEvery + 30*time.Second + time.Minute
)

// Run lives through one history. Two runs of one seed are nearly, not exactly, alike: goroutines
// that wake at the same moment take turns as they like.
func Run(t *testing.T, seed uint64, o Options) (r Result) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(seed, o)
		w.live(t.Context())
		r = w.result()
	})
	return r
}
