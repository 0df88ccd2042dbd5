package main

import "fmt"

type edge struct {
	to    state
	what  string
	fault bool
}

// tracing is set while a history is written: edges are named only then.
var tracing bool

func edges(s state) (out []edge) {
	add := func(n state, fault bool, what string, args ...any) {
		if tracing && len(args) > 0 {
			what = fmt.Sprintf(what, args...)
		}
		out = append(out, edge{n.canon(), what, fault})
	}
	s.github(add)
	s.cloud(add)
	s.queue(add)
	s.step(worker, add)
	for i := range int(rules.reconcilers) {
		s.reconciler(i, add)
		s.step(i, add)
	}
	return out
}

func (s state) github(add adder) {
	if s.job == queued {
		n := s
		n.job = over
		add(n, true, "the job is cancelled, or run elsewhere")
	}
	for g, r := range s.reg {
		switch {
		case r.st == none && rules.foreign && uint8(g) < rules.names:
			n := s
			n.reg[g] = reg{s.fresh(), foreign}
			add(n, true, "another deployment registers name %d and dies", g+1)
		case r.st == foreign && rules.day:
			n := s
			n.reg[g] = reg{}
			add(n, false, "GitHub removes the other deployment's registration of name %d after a day", g+1)
		}
	}
}

func (s state) cloud(add adder) {
	for i, m := range s.m {
		if !m.alive() {
			continue
		}
		to := func(fault bool, st regState, f func(n *state), what string) {
			n := s
			n.reg[m.gen].st = st
			if st == none {
				n.reg[m.gen].id = 0
			}
			f(&n)
			add(n, fault, what, m.gen+1)
		}
		end := func(n *state) { n.end(i) }
		st := s.registration(m)
		switch {
		case st == none:
			n := s
			n.end(i)
			add(n, false, "a machine of name %d has no registration and ends", m.gen+1)
		case m.st == booting:
			to(false, online, func(n *state) { n.m[i].st, n.m[i].vis = up, m.vis || rules.lag != lagAlways }, "runner %d comes online")
		case st == online:
			if s.job == queued {
				to(false, busy, func(n *state) { n.job = running }, "runner %d takes the job")
			} else {
				to(false, offline, end, "runner %d finds no job, its machine ends")
			}
			to(true, stolen, func(*state) {}, "runner %d is given to another job")
		case st == busy:
			to(false, none, func(n *state) { n.end(i); n.job = over }, "runner %d finishes the job")
		case st == stolen:
			to(false, none, end, "runner %d finishes the other job")
		}
		if m.st == booting && rules.bootFail {
			n := s
			n.end(i)
			add(n, true, "a machine of name %d dies while booting", m.gen+1)
		}
		if !m.vis {
			n := s
			n.m[i].vis = true
			add(n, false, "the machine of runner %d shows in lists", m.gen+1)
		}
	}
	if g := s.ghost; g.cfg != 0 {
		n := s
		n.ghost = ghost{}
		if s.token(g.cfg) != nil || n.create(g.cfg, g.gen) {
			add(n, false, "the late launch of runner %d arrives", g.gen+1)
		}
	}
	if s.past > 0 && s.mayForget() {
		n := s
		if n.past--; n.past == 0 {
			n.pastName = 0
		}
		add(n, true, "lists forget an ended machine")
		if n.pastName > 0 {
			n.pastName--
			add(n, true, "lists forget an ended machine")
		}
	}
}

// mayForget: an hour passes before lists forget. With forgetHour nothing that takes minutes spans
// it.
func (s *state) mayForget() bool {
	if rules.forget != forgetHour {
		return rules.forget == forgetAny
	}
	if s.w.underWay() || s.reconciling() || s.ghost.cfg != 0 {
		return false
	}
	for _, m := range s.m {
		if m.alive() && (!m.vis || m.st == booting) {
			return false
		}
	}
	return true
}

func (s state) queue(add adder) {
	if s.known && rules.forgetful {
		n := s
		n.known = false
		add(n, true, "the queue loses its memory")
	}
	switch s.w.pc {
	case away, ended:
		if s.w.pc == ended && !rules.redeliver {
			return
		}
		if rules.lateOnly && (!s.touched || s.reconciling()) {
			return
		}
		n := s
		if rules.memory && s.known {
			n.w = attempt{pc: ended}
			add(n, false, "the webhook arrives: a duplicate")
			return
		}
		n.w, n.known = attempt{}, rules.memory
		add(n, false, "the webhook arrives: a message is put into the queue")
	case idle:
		if rules.oneProcess && s.reconciling() {
			return
		}
		n := s
		n.w.asks = s.w.asks || rules.first == firstAsks || rules.first == firstAsksLate && s.touched
		if n.w.pc = register; n.w.asks {
			n.w.pc = check
		}
		add(n, false, "worker takes the message (asks first: %v)", n.w.asks)
	}
}

// reconciler adds what a reconciler may begin.
func (s state) reconciler(i int, add adder) {
	if s.r[i].pc != idle {
		return
	}
	for g, r := range s.reg {
		if r.st == offline && !s.sees(r.id) {
			n := s
			n.r[i] = attempt{pc: reap, look: r.id}
			add(n, false, "reconciler finds runner %d offline, without a machine", g+1)
		}
	}
	served := false
	for _, m := range s.m {
		st := s.registration(m)
		if !m.alive() || !m.vis || st != offline && st != online {
			continue
		}
		served = true
		if s.job != queued || m.st == booting && rules.bootFail {
			n := s
			n.r[i] = attempt{pc: reap, look: m.cfg}
			add(n, false, "reconciler finds that runner %d is late or not needed", m.gen+1)
		}
	}
	for _, r := range s.reg {
		served = served || rules.registered && (r.st == offline || r.st == online)
	}
	if s.job != queued || served || rules.oneProcess && s.w.underWay() || rules.leave && s.w.pc != away && s.w.pc != ended {
		return
	}
	for g := range rules.names {
		if st := s.reg[g].st; st == busy || st == stolen || st == foreign && rules.skipForeign {
			continue
		}
		n := s
		n.r[i] = attempt{pc: check, gen: g, asks: true}
		n.known = s.known || rules.memory
		n.touched = rules.first == firstAsksLate || rules.atRegister || rules.lateOnly
		add(n, false, "reconciler begins an attempt under name %d", g+1)
		return
	}
}
