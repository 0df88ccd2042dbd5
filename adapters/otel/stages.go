package main

import (
	"slices"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/journal"
)

// stage is a part of a job's life.
type stage struct {
	kind     kind
	from, to time.Time      // to is zero while it lasts
	outcome  string         // of the step that ended it
	failed   bool           // it did not lead on
	during   []journal.Step // what else happened
}

// kind is what a stage is, in the order in which they follow each other.
type kind int

const (
	deliver kind = iota // GitHub has the job, and nobody was told
	wait                // until a runner is registered for it
	launch              // until it has a machine
	boot                // until the machine's runner is online
	take                // until that has the job
	run                 // until the job ends
)

func (k kind) String() string {
	return [...]string{"deliver", "wait", "launch", "boot", "take", "run"}[k]
}

// begins says which stage a step begins, if it comes before that stage.
var begins = map[provisioner.EventKind]kind{
	journal.StepCreated:         deliver,
	provisioner.EventAccepted:   wait,
	provisioner.EventDuplicate:  wait,
	provisioner.EventRequeued:   wait,
	provisioner.EventHeld:       wait,
	provisioner.EventRegistered: launch,
	provisioner.EventLaunched:   boot,
	provisioner.EventOnline:     take,
	provisioner.EventStarted:    run,
}

// back says which steps have the job wait again, and during which stages.
var back = map[provisioner.EventKind][]kind{
	provisioner.EventUndone:      {launch},
	provisioner.EventHeld:        {launch},
	provisioner.EventMachineLost: {boot},
	provisioner.EventRequeued:    {launch, boot, take},
}

// ends are the steps that end a stage and begin none, and whether that is a failure.
var ends = map[provisioner.EventKind]bool{
	provisioner.EventEnded: false, provisioner.EventGone: false, provisioner.EventGivenUp: true, provisioner.EventDenied: true,
}

// stages are those of a job's timeline, oldest first. Of a job that was served by several processes
// which do not share a store each knows its own.
func stages(timeline []journal.Step) (all []stage) {
	var now *stage // nil between stages
	end := func(s journal.Step, failed bool) {
		if now != nil {
			now.to, now.outcome, now.failed = s.At, s.Detail, failed
		}
		now = nil
	}
	begin := func(k kind, at time.Time) {
		all = append(all, stage{kind: k, from: at})
		now = &all[len(all)-1]
	}
	for _, s := range timeline {
		next, mayBegin := begins[s.Kind]
		failure, over := ends[s.Kind]
		switch {
		case now != nil && slices.Contains(back[s.Kind], now.kind):
			end(s, true)
			begin(wait, s.At)
		case mayBegin && (now == nil || now.kind < next):
			end(s, false)
			begin(next, s.At)
		case s.Kind == provisioner.EventEnded: // GitHub's word, which is the last
			end(s, false)
			return all
		case over:
			end(s, failure)
		case now != nil:
			now.during = append(now.during, s)
		}
	}
	return all
}
