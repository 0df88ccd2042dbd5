package main

import (
	"flag"
	"strings"
	"testing"
)

var wide = flag.Bool("wide", false, "walk the large worlds too: three generations, replicas")

// What clouds grant: a machine that is online is in their lists, and one that has ended stays there
// for an hour, which is longer than an attempt and an unanswered launch.
const world = " -bootfail -lag booting -forget hour"

// The rules of package provisioner. Where one process has the queue to itself, a message's first
// attempt asks only if the reconciler has tried the job; replicas always ask.
const (
	rest       = " -recount asked -by-name -least 2 -confirm -contest-asks -over-ask"
	oneProcess = "-first late -one-process" + rest + world
	replicas   = "-first ask" + rest + world
)

const (
	others = " -foreign -skip-foreign -day" // another deployment holds a name until GitHub forgets it
	late   = " -redeliver"
)

func TestTheProtocolHolds(t *testing.T) {
	for _, c := range []struct {
		args   string
		states int
		large  bool
	}{
		{oneProcess, 26_346, false},
		{oneProcess + others, 45_744, false},
		{replicas, 250_075, true},
		{replicas + others + late, 440_195, true},
		{replicas + " -names 3", 2_221_931, true},
	} {
		t.Run(c.args, func(t *testing.T) {
			if c.large && !*wide {
				t.Skip("a large world: -wide walks it, and make simulate does")
			}
			w := walkBy(t, c.args)
			for _, k := range w.kinds() {
				t.Errorf("%s, in %d states:\n%s", k, w.count[k], strings.Join(w.history(w.found[k]), "\n"))
			}
			if len(w.states) != c.states {
				t.Errorf("%d states, and there were %d: has the model changed?", len(w.states), c.states)
			}
		})
	}
}

// Without any one of them there are two machines.
func TestEveryRuleIsNeeded(t *testing.T) {
	for _, c := range []struct{ without, args, want string }{
		{"asking when late", strings.Replace(oneProcess, "-first late", "-first never", 1), twoWait},
		{"counting anew once registered", strings.Replace(replicas, " -recount asked", "", 1) + " -names 3", twoWait},
		{"asking again after a busy name", strings.Replace(oneProcess, " -confirm", "", 1), waitsBeside},
		{"looking at the second name", strings.Replace(oneProcess+others, " -least 2", "", 1), twoWait},
		{"lists that remember", strings.Replace(oneProcess, " -forget hour", " -forget any", 1) + " -names 3", twoWait},
	} {
		t.Run("without "+c.without, func(t *testing.T) {
			if strings.Contains(c.args, "-first ask") && !*wide {
				t.Skip("a large world: -wide walks it, and make simulate does")
			}
			if w := walkBy(t, c.args); w.count[c.want] == 0 {
				t.Errorf("it holds without, in %d states: %v", len(w.states), w.count)
			}
		})
	}
}

func walkBy(t *testing.T, args string) *walked {
	t.Helper()
	r, err := (rule{first: firstNever, recount: never, names: 2, reconcilers: 1, lag: lagAlways, forget: forgetAny}).with(args)
	if err != nil {
		t.Fatal(err)
	}
	w := walk(r)
	if w.full {
		t.Fatalf("stopped at %d states", len(w.states))
	}
	return w
}
