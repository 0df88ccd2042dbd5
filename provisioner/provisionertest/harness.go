package provisionertest

import (
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// Harness is a provider and the fake cloud that it talks to. These four methods are all that
// [TestProvider] cannot do without.
//
// Everything else that clouds differ in is an optional power: an interface of one method that the
// harness may implement too. The cases that need a power which the harness lacks are skipped, and
// say which method is missing.
//
//   - Facts about the cloud: [Idempotency], [Lagging], [Logged].
//   - Faults: [AnswerLoser], [CallDropper], [Refuser], [Exhauster], [Throttler], [ListFailer],
//     [Quoter].
//
// "Launch calls" are the calls to the cloud that make machines. A case calls a power at most once,
// before its first launch, so a harness can keep the fault without a lock. It may call two of them;
// a harness then asks the fault of LoseAnswers first, and no other one for a call that it hits.
type Harness interface {
	// Provider is the provider under test, the same one at every call.
	Provider() provisioner.Provider
	// Type is a runner type that the provider has settings for.
	Type() provisioner.RunnerType
	// Machines are all machines that the cloud ever made, ended ones included, in any order. It is
	// the truth, read from the cloud and not through the provider.
	Machines() []CloudMachine
	// End is a machine shutting itself down, as it does when its runner ends. When End returns,
	// Machines shows it as ended.
	End(machineID string)
}

// CloudMachine is a machine as the cloud knows it.
type CloudMachine struct {
	provisioner.Machine
	// Given is what the machine was given to start with, in clear text: user data, variables. The
	// runner's configuration must be in it.
	Given string
}

// Idempotency is a fact about the cloud. Idempotent says whether it takes the same launch call
// twice for one. A harness without it stands for true, which is the stricter demand: one launch,
// repeated or not, is one machine. Where it is false, a launch that is made again may leave further
// machines of the same registration, of which only one can register; but a provider that is a
// Finder looks before it repeats a call that got no answer.
type Idempotency interface{ Idempotent() bool }

// Lagging is a fact about the cloud. ListLag is how long a new machine is missing from its lists. A
// harness without it stands for 0.
type Lagging interface{ ListLag() time.Duration }

// Logged gives the suite what the provider has logged so far, debug level included. It is searched
// for the configurations of runners after every case. A harness without it has no such search.
type Logged interface{ Log() string }

// AnswerLoser is the power to lose answers. A launch call that f hits has its effect: the machine
// is made. The provider never gets its answer, as when a connection breaks or a timeout passes.
type AnswerLoser interface{ LoseAnswers(f *Fault) }

// CallDropper is the power to lose calls on their way. A launch call that f hits has no effect, and
// the provider gets no answer. f also hits the calls that the provider's Plan makes.
type CallDropper interface{ DropCalls(f *Fault) }

// Refuser is the power to refuse, as a cloud does when a permission is missing. A launch call that
// f hits has no effect, and is answered so. f also hits the calls that the provider's Plan makes.
type Refuser interface{ Refuse(f *Fault) }

// Exhauster is the power to be full. A launch call that f hits has no effect, and is answered that
// there is no room; where there are several placements, that is so at each of them. A repetition of
// a call whose machine exists needs no room: a cloud that knows it by its key does not ask f.
type Exhauster interface{ Exhaust(f *Fault) }

// Throttler is the power to throttle. A launch call that f hits has no effect, and is answered with
// the cloud's rate limit.
type Throttler interface{ Throttle(f *Fault) }

// Quoter is the power to refuse as some servers do, and proxies before them. A launch call that f
// hits has no effect, and is answered by a refusal that repeats what was sent, in the cloud's own
// form, each time in another way: fakehttp.InTurn has them. f also hits the calls that the
// provider's Plan makes.
type Quoter interface{ Quote(f *Fault) }

// ListFailer is the power to fail what reads machines: List, Find, and whatever a launch uses to
// look for its machine. A page of a list is a call. A call that f hits is answered with an error of
// the cloud's, or not at all.
type ListFailer interface{ FailLists(f *Fault) }
