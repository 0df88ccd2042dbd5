package main

import (
	"flag"
	"strconv"
	"strings"
)

// rule is the protocol and the world that are checked.
type rule struct {
	// The protocol.
	first       string // what a message's first attempt does before it registers
	atRegister  bool
	memory      bool
	leave       bool
	recount     string
	byName      bool
	least       uint8
	leastFirst  uint8
	confirm     bool
	contestAsks bool
	overAsk     bool
	registered  bool
	skipForeign bool

	// The world.
	names       uint8
	reconcilers uint8
	lag         string
	forget      string
	oneProcess  bool
	forgetful   bool
	redeliver   bool
	lateOnly    bool
	bootFail    bool
	foreign     bool
	day         bool
}

const (
	firstNever    = "never"
	firstAsks     = "ask"
	firstAsksLate = "late"

	never  = "never"
	asked  = "asked"
	always = "always"

	lagNever   = "never"
	lagBooting = "booting"
	lagAlways  = "always"

	forgetAny  = "any"
	forgetHour = "hour"
)

var rules = rule{first: firstNever, recount: never, names: 2, reconcilers: 1, lag: lagAlways, forget: forgetAny}

func (r *rule) flags(f *flag.FlagSet) {
	f.StringVar(&r.first, "first", r.first, "a message's first attempt asks GitHub and the cloud before it registers: never, late (if the reconciler has attempted the job), ask")
	f.BoolVar(&r.atRegister, "at-register", r.atRegister, "whether it is late is judged at the very registration, not when it begins")
	f.BoolVar(&r.memory, "memory", r.memory, "what the reconciler launches first is put into the queue's memory; a webhook for it is a duplicate then")
	f.BoolVar(&r.leave, "leave", r.leave, "the reconciler leaves a job alone as long as its message is in the queue")
	f.StringVar(&r.recount, "recount", r.recount, "an attempt counts the job's machines after it has registered, not before: never, asked (those that ask), always")
	f.BoolVar(&r.byName, "by-name", r.byName, "the highest generation among the machines counts, too")
	f.Var((*small)(&r.least), "least", "names that an attempt looks up at least, after it has registered")
	f.Var((*small)(&r.leastFirst), "least-first", "the same of an attempt that does not ask (the smaller of both counts)")
	f.BoolVar(&r.confirm, "confirm", r.confirm, "an attempt that passed over a busy name asks GitHub again before it launches")
	f.BoolVar(&r.contestAsks, "contest-asks", r.contestAsks, "an attempt asks GitHub again after it has found its taken name free")
	f.BoolVar(&r.overAsk, "over-ask", r.overAsk, "a launch whose job is over is given up between two calls; its registration is removed")
	f.BoolVar(&r.skipForeign, "skip-foreign", r.skipForeign, "a name held by another deployment is treated like one that is busy with another job")
	f.BoolVar(&r.registered, "registered", r.registered, "the reconciler leaves a job alone as long as any of its names is held by a registration that is not busy, whether its machine is shown or not")

	f.Var((*small)(&r.names), "names", "generations: 2 or 3")
	f.Var((*small)(&r.reconcilers), "reconcilers", "1 or 2 (replicas)")
	f.StringVar(&r.lag, "lag", r.lag, "live machines that lists may not show: never, booting, always")
	f.StringVar(&r.forget, "forget", r.forget, "lists forget ended machines: never, hour (not while anything else is under way), any")
	f.BoolVar(&r.oneProcess, "one-process", r.oneProcess, "worker and reconciler know of each other's attempts")
	f.BoolVar(&r.forgetful, "forgetful", r.forgetful, "the queue may lose its memory")
	f.BoolVar(&r.redeliver, "redeliver", r.redeliver, "the webhook may arrive again")
	f.BoolVar(&r.lateOnly, "late-only", r.lateOnly, "the webhook arrives only after the reconciler has attempted the job, and while it does nothing")
	f.BoolVar(&r.bootFail, "bootfail", r.bootFail, "machines may die while booting")
	f.BoolVar(&r.foreign, "foreign", r.foreign, "another deployment may hold a name with an offline registration, which nobody here removes")
	f.BoolVar(&r.day, "day", r.day, "GitHub removes such a registration in the end")
}

type small uint8

func (s *small) String() string { return strconv.Itoa(int(*s)) }

func (s *small) Set(v string) error {
	n, err := strconv.ParseUint(v, 10, 2)
	*s = small(n)
	return err
}

// with returns the rule changed by flags.
func (r rule) with(args string) (rule, error) {
	f := flag.NewFlagSet(args, flag.ContinueOnError)
	r.flags(f)
	err := f.Parse(strings.Fields(args))
	return r, err
}
