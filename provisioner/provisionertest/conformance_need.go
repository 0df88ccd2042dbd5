package provisionertest

import (
	"reflect"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// need is a power of the harness or of the provider that a case can't do without.
type need struct {
	has  func(Harness) bool
	lack string // what a skipped case says
}

// faultPower is the power of a harness to have something go wrong.
type faultPower struct {
	*need
	method string
	idle   string // what is true of a method that does nothing
	give   func(Harness, *Fault)
}

var (
	loseAnswers = faulty("LoseAnswers", "no answer was lost", "say how an answer of this cloud gets lost", AnswerLoser.LoseAnswers)
	dropCalls   = faulty("DropCalls", "no call was dropped", "say how a call to this cloud gets lost", CallDropper.DropCalls)
	refuse      = faulty("Refuse", "no call was refused", "say how this cloud refuses", Refuser.Refuse)
	exhaust     = faulty("Exhaust", "no call was told that there is no room", "say how this cloud tells that it is full", Exhauster.Exhaust)
	throttle    = faulty("Throttle", "no call was throttled", "say how this cloud throttles", Throttler.Throttle)
	quote       = faulty("Quote", "no call was answered by what was sent", "say how this cloud refuses, with the request in the message", Quoter.Quote)
	failLists   = faulty("FailLists", "no list failed", "say how a list of this cloud fails", ListFailer.FailLists)

	logs = &need{has[Logged], "the harness has no Log() string: keep what the provider logs to run this case"}

	finds = able[provisioner.Finder]("Find")
	lists = able[provisioner.Lister]("List")
	ends  = able[provisioner.Terminator]("Terminate")
	plans = able[provisioner.Planner]("Plan")
)

func faulty[P any](method, idle, hint string, give func(P, *Fault)) *faultPower {
	return &faultPower{
		need:   &need{has[P], "the harness has no " + method + "(*Fault): " + hint + " to run this case"},
		method: method, idle: idle, give: func(h Harness, f *Fault) { give(h.(P), f) },
	}
}

func has[P any](h Harness) bool {
	_, ok := h.(P)
	return ok
}

func able[P any](method string) *need {
	return &need{
		has: func(h Harness) bool {
			_, ok := h.Provider().(P)
			return ok
		},
		lack: "the provider has no " + method + ": it is no " + reflect.TypeFor[P]().String(),
	}
}

// needed is a need or a faultPower.
type needed interface{ itself() *need }

func (n *need) itself() *need { return n }

func needs(all ...needed) (list []*need) {
	for _, n := range all {
		list = append(list, n.itself())
	}
	return list
}
