package provisionertest

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// Harness is a provider and the fake cloud that it talks to, as [TestProvider] wants them. What clouds differ in is asked of the harness; the cases are the same
// for all of them.
//
// "Launch calls" are the calls that make machines. What LoseAnswers, FailBefore, Refuse, Exhaust, Throttle and FailLists order holds until it is used up or
// ordered otherwise; a case orders one of them at a time, or LoseAnswers together with one of the others, which then begins after the lost answers.
type Harness interface {
	// Provider is the provider under test, the same one at every call.
	Provider() provisioner.Provider
	// Type is a runner type that the provider has settings for.
	Type() provisioner.RunnerType

	// Machines are all machines that the cloud ever made, ended ones included, in any order: the truth, read from the cloud and not through the provider.
	Machines() []CloudMachine
	// End is a machine shutting itself down, as it does when its runner ends.
	End(machineID string)
	// Log is what the provider has logged so far, debug level included.
	Log() string

	// Idempotent says that the cloud takes the same launch call twice for one. At other clouds a launch that is made again may leave further machines of the same
	// registration, of which only one can register; but a provider that is a Finder looks before it repeats a call that got no answer.
	Idempotent() bool
	// ListLag is how long a new machine is missing from the cloud's lists.
	ListLag() time.Duration

	// LoseAnswers lets the next n launch calls have their effect and loses their answers.
	LoseAnswers(n int)
	// FailBefore loses the next n launch calls before they have an effect. 0 mends it.
	FailBefore(n int)
	// Refuse has the cloud refuse launch calls, as it does when a permission lacks.
	Refuse(on bool)
	// Exhaust leaves the cloud without room for new machines, at every placement.
	Exhaust(on bool)
	// Throttle answers the next n launch calls with the cloud's rate limit. 0 mends it.
	Throttle(n int)
	// FailLists lets the next `after` calls of the cloud's lists through (a page is a call) and fails those that follow. A negative number mends it.
	FailLists(after int)
}

// CloudMachine is a machine as the cloud knows it.
type CloudMachine struct {
	provisioner.Machine
	// Given is what the machine was given to start with, in clear text: user data, variables. The runner's configuration must be in it.
	Given string
}

// TestProvider holds a provider to what [provisioner.Provider] and the optional interfaces beside it demand. newHarness is called once for each case, in a
// testing/synctest bubble of the case's own, so that waiting takes no time: the provider's client must reach its cloud without a network (see [Loopback]), and
// everything that starts goroutines must be made by newHarness. Cases that need a power which the provider lacks are skipped.
func TestProvider(t *testing.T, newHarness func(t *testing.T) Harness) {
	t.Helper()
	for _, c := range conformance {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				faults, lacks := c.try(t.Context(), newHarness(t))
				if lacks != "" {
					t.Skip("the provider is no " + lacks)
				}
				if len(faults) > 0 {
					t.Error(strings.Join(faults, "\n"))
				}
			})
		})
	}
}
