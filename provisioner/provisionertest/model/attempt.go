package main

import "fmt"

type pc uint8

const (
	idle      pc = iota // the worker's message waits; the reconciler looks around
	away                // the webhook has not arrived
	ended               // the message is done with
	check               // ask GitHub whether the job still waits
	look                // look at the cloud for its machines
	lookup              // look up the registrations of those under other names
	register            // register the own name
	count               // having registered, look at the cloud (again)
	alone               // look up the other names, one after the other
	confirm             // ask GitHub again, because a name was passed over that is busy
	launch              //
	undo                // remove the own registration
	getRunner           // the name is taken: by whom?
	find                // has that registration a machine?
	remove              // it has none: remove it
	reap                // the reconciler removes a registration
)

var pcNames = []string{"idle", "away", "ended", "check", "look", "lookup", "register", "count", "alone", "confirm", "launch", "undo", "getRunner", "find", "remove", "reap"}

// why an attempt undoes its registration, and what follows.
type why uint8

const (
	again    why = iota // to try later
	machGone            // to start anew at once
	jobOver             // the job needs nothing
)

type attempt struct {
	pc     pc
	gen    uint8           // its own name, 0 = the first
	id     uint8           // the registration whose configuration it holds
	look   uint8           // the registration it looked at
	seen   [mostName]uint8 // registrations of machines under other names, to be looked up
	before uint8           // machines it saw, or the highest generation among them
	at     uint8           // the name it looks up next
	passed bool            // it passed over a busy name
	asks   bool            // not the message's first attempt
	why    why
}

func (a attempt) underWay() bool { return a.pc > ended }

type adder func(n state, fault bool, what string, args ...any)

const worker = -1

// step adds the edges of the worker's or a reconciler's attempt.
func (s state) step(i int, add adder) {
	who := "reconciler"
	self := func(n *state) *attempt { return &n.r[i] }
	later, end := attempt{}, attempt{}
	if i == worker {
		who = "worker"
		self = func(n *state) *attempt { return &n.w }
		later, end = attempt{asks: true}, attempt{pc: ended}
	}
	a := *self(&s)
	to := func(fault bool, f func(n *state, a *attempt), what string, args ...any) {
		n := s
		f(&n, self(&n))
		if tracing {
			what = fmt.Sprintf(who+" "+what, args...)
		}
		add(n, fault, what)
	}
	become := func(next attempt, what string, args ...any) {
		to(false, func(_ *state, a *attempt) { *a = next }, what, args...)
	}
	move := func(p pc, what string, args ...any) {
		to(false, func(_ *state, a *attempt) { a.pc = p }, what, args...)
	}
	if a.underWay() {
		to(true, func(_ *state, a *attempt) { *a = later }, "crashes at %s", pcNames[a.pc])
	}
	own := a.gen
	switch a.pc {
	case away, idle, ended:
	case check:
		if s.job != queued {
			become(end, "sees that the job needs nothing")
			break
		}
		move(look, "sees that the job is queued")
	case look:
		n, highest := s.shown()
		to(false, func(n2 *state, a *attempt) {
			*a = attempt{pc: register, gen: own, asks: true}
			if rules.recount == never {
				a.before = bound(n, highest)
			}
			for _, m := range s.m {
				if m.alive() && m.vis && m.gen != own && s.registration(m) != none {
					a.seen[m.gen], a.pc = m.cfg, lookup
				}
			}
		}, "sees %d machines of the job", n)
	case lookup:
		var g uint8
		for g < mostName && a.seen[g] == 0 {
			g++
		}
		if g == mostName {
			move(register, "is told that they have lost their registrations")
			break
		}
		if st := s.reg[g].st; st != busy && st != stolen {
			become(end, "finds runner %d ready: done", g+1)
			break
		}
		to(false, func(_ *state, a *attempt) {
			if a.seen[g] = 0; a.seen == [mostName]uint8{} {
				a.pc = register
			}
		}, "finds runner %d busy", g+1)
	case register:
		if rules.atRegister && !a.asks && s.touched {
			to(false, func(_ *state, a *attempt) { a.pc, a.asks = check, true }, "finds that it is late")
			break
		}
		if s.reg[own].st != none {
			move(getRunner, "gets 409 for name %d", own+1)
			break
		}
		id := s.fresh()
		to(false, func(n *state, a *attempt) {
			n.reg[own] = reg{id, offline}
			a.id, a.pc = id, count
			if rules.recount == never || rules.recount == asked && !a.asks {
				a.enterAlone(a.before)
			}
		}, "registers name %d", own+1)
		to(true, func(n *state, a *attempt) { n.reg[own] = reg{id, offline} }, "registers name %d, the answer is lost", own+1)
	case count:
		n, highest := s.shown()
		to(false, func(_ *state, a *attempt) { a.enterAlone(bound(n, highest)) }, "sees %d machines after registering", n)
	case alone:
		g := a.at
		switch st := s.reg[g].st; {
		case st == none:
			to(false, func(_ *state, a *attempt) { a.advance() }, "finds nobody under name %d", g+1)
		case st == busy, st == stolen, st == foreign && rules.skipForeign:
			to(false, func(_ *state, a *attempt) {
				a.passed = rules.confirm
				a.advance()
			}, "passes over runner %d, which is busy", g+1)
		default:
			move(undo, "finds runner %d: gives up its own", g+1)
		}
	case confirm:
		if s.job != queued {
			to(false, func(_ *state, a *attempt) { a.pc, a.why = undo, jobOver }, "sees that the job needs nothing any more")
			break
		}
		move(launch, "sees that the job is still queued")
	case launch:
		m := s.token(a.id)
		if rules.overAsk && s.job != queued {
			to(false, func(_ *state, a *attempt) { a.pc, a.why = undo, jobOver }, "learns between two calls that the job is over")
		}
		switch {
		case m == nil:
			n := s
			if !n.create(a.id, own) {
				break
			}
			to(false, func(n *state, a *attempt) { n.create(a.id, own); *a = end }, "launches under name %d", own+1)
			to(true, func(n *state, a *attempt) { n.create(a.id, own) }, "launches under name %d, the answer is lost", own+1)
			if s.ghost.cfg == 0 {
				to(true, func(n *state, a *attempt) { n.ghost = ghost{a.id, own} }, "launches under name %d: no answer, still under way", own+1)
			}
			if s.ghost.cfg != a.id {
				to(true, func(_ *state, a *attempt) { a.pc = undo }, "finds no capacity")
			}
		case m.st == gone:
			to(false, func(_ *state, a *attempt) { a.pc, a.why = undo, machGone }, "hears that its machine is terminated already")
		default:
			become(end, "hears that its machine runs already")
		}
	case undo:
		if st := s.state(a.id); st == busy || st == stolen {
			become(end, "gets 422: its runner is busy")
			break
		}
		to(false, func(n *state, a *attempt) {
			n.unregister(a.id)
			switch a.why {
			case again:
				*a = later
			case machGone:
				*a = attempt{pc: check, gen: own, asks: true}
			case jobOver:
				*a = end
			}
		}, "removes its registration of name %d", own+1)
	case getRunner:
		switch r := s.reg[own]; r.st {
		case none:
			to(false, func(_ *state, a *attempt) { a.free() }, "finds name %d free again", own+1)
		case foreign:
			become(later, "finds name %d held by another deployment", own+1)
		case offline:
			to(false, func(_ *state, a *attempt) { a.look, a.pc = r.id, find }, "finds runner %d offline", own+1)
		default:
			become(end, "finds runner %d up: done", own+1)
		}
	case find:
		if s.sees(a.look) {
			become(end, "finds the machine of runner %d: done", own+1)
			break
		}
		become(later, "finds no machine and comes back later")
		move(remove, "finds no machine and takes over")
	case remove:
		if st := s.state(a.look); st == busy || st == stolen {
			become(end, "gets 422: that runner is busy")
			break
		}
		to(false, func(n *state, a *attempt) {
			n.unregister(a.look)
			a.free()
		}, "removes runner %d", own+1)
	case reap:
		if st := s.state(a.look); st == busy || st == stolen {
			become(end, "gets 422: that runner is busy")
			break
		}
		to(false, func(n *state, a *attempt) {
			n.unregister(a.look)
			*a = end
		}, "removes that runner")
	}
}

// bound is what an attempt remembers of the cloud: with it, names up to bound+1 are looked up.
func bound(n, highest uint8) uint8 {
	if rules.byName && n > 0 {
		n = max(n, highest+1)
	}
	return min(n, rules.names-1)
}

// free says that the name is free again.
func (a *attempt) free() {
	a.look, a.pc = 0, register
	if rules.contestAsks {
		a.pc, a.before, a.asks = check, 0, true
	}
}

// enterAlone looks up the names 1 to max(own, before+1), and at least as many as the rule says.
func (a *attempt) enterAlone(before uint8) {
	a.pc, a.at, a.before = alone, 0, before
	if a.at == a.gen {
		a.at++
	}
	a.leaveAlone()
}

func (a *attempt) advance() {
	if a.at++; a.at == a.gen {
		a.at++
	}
	a.leaveAlone()
}

func (a *attempt) leaveAlone() {
	least := rules.least
	if !a.asks && rules.recount != always {
		least = min(least, rules.leastFirst)
	}
	if a.at < min(max(a.gen+1, a.before+1, least), rules.names) {
		return
	}
	if a.pc = launch; a.passed {
		a.pc = confirm
	}
	a.at, a.before, a.passed = 0, 0, false
}
