package provisionertest

import (
	"context"
	"fmt"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// armedFault is a fault in the hands of the harness.
type armedFault struct {
	*Fault
	*faultPower
}

// arm has the harness apply a fault to its next n calls. A case in which it hits none fails.
func (x *trial) arm(p *faultPower, n int) *armedFault {
	f := &armedFault{&Fault{}, p}
	f.set(0, n)
	p.give(x.Harness, f.Fault)
	x.armed = append(x.armed, f)
	return f
}

// vain says that a fault had no effect.
func (x *trial) vain(f *armedFault, format string, args ...any) {
	why := fmt.Sprintf(format, args...)
	if asked, _ := f.counts(); asked == 0 {
		why += " (the fault's Hit was never asked)"
	}
	x.blame(f.method, why)
}

func (x *trial) blame(method, why string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.idle = append(x.idle, "the harness's "+method+" had no effect: "+why)
}

// held checks that no call which the fault hit has made a machine for this launch. A call that it
// did not hit may have made one.
func (x *trial) held(f *armedFault, l provisioner.Launch) {
	if asked, hits := f.counts(); hits > 0 && asked == hits && len(x.of(l)) > 0 {
		x.vain(f, "it hit each of the %d launch calls, and machine %s was made all the same", hits, x.of(l)[0].ID)
	}
}

// heldLists is about a list that returned no error while all lists fail.
func (x *trial) heldLists(f *armedFault, what string, before, shown int) {
	_, hits := f.counts()
	switch {
	case hits == before:
		x.vain(f, "%s, though %s was called", f.idle, what)
	case shown > 0:
		x.vain(f, "each call of %s was to fail, and it showed %d machines all the same (or does the provider remember them?)", what, shown)
	}
}

// prove has a fault hit the launch of another job, if it has hit nothing: there are providers that
// make no further call, and then a harness that forgets the fault would not be noticed.
func (x *trial) prove(ctx context.Context, f *armedFault) {
	if _, hits := f.counts(); hits > 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	l := x.order(9000, 900)
	_, _ = x.launch(ctx, l)
	x.held(f, l)
}

// lost checks that a launch call which lost its answer had its effect.
func (x *trial) lost(f *armedFault) {
	if _, hits := f.counts(); hits > 0 && len(x.Machines()) == 0 {
		x.vain(f, "a launch call that was to lose its answer made no machine")
	}
}

// silenced launches where n launch calls lose their answers. A launch that succeeds must have got
// an answer from some call, to a launch or to a look for its machine.
func (x *trial) silenced(ctx context.Context, l provisioner.Launch, n int) {
	f, looks := x.arm(loseAnswers, n), x.looks()
	x.launched(ctx, l)
	x.lost(f)
	x.unheard(f, looks, len(x.faults) == 0)
}

// looks counts the calls that read the cloud's machines; nil where the harness can't tell.
func (x *trial) looks() *Fault {
	if !failLists.has(x.Harness) {
		return nil
	}
	looks := &Fault{} // that hits nothing
	failLists.give(x.Harness, looks)
	return looks
}

// unheard is about a launch that succeeded without an answer from anywhere.
func (x *trial) unheard(f *armedFault, looks *Fault, succeeded bool) {
	if !succeeded || looks == nil {
		return
	}
	asked, hits := f.counts()
	if looked, _ := looks.counts(); looked == 0 && hits > 0 && asked == hits {
		x.blame("LoseAnswers or its FailLists",
			"the launch succeeded though each of its launch calls was to lose its answer, and no call read the cloud's machines")
	}
}
