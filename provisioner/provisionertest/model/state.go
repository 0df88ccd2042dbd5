package main

import "slices"

const (
	slots    = 3 // machines at once
	mostName = 3 // generations at most; rules.names says how many there are

	reconcilers = 2 // at most; rules.reconcilers says how many there are
)

type job uint8

const (
	queued job = iota
	running
	over // done, cancelled, or run by somebody else's machine
)

type regState uint8

const (
	none    regState = iota
	offline          // registered, not yet connected
	online           // idle: GitHub may give it any job
	busy             // with our job
	stolen           // busy with another job
	foreign          // offline, and another deployment's, whose process is dead
)

type reg struct {
	id uint8
	st regState
}

type machState uint8

const (
	unused machState = iota
	booting
	up
	gone // its token is remembered as long as somebody could still use it
)

type mach struct {
	cfg, gen uint8 // the registration it was launched with, and that one's name
	st       machState
	vis      bool // lists show it
}

// ghost is a launch without an answer that may still have its effect.
type ghost struct{ cfg, gen uint8 }

type state struct {
	job      job
	known    bool // the queue remembers that it accepted the job
	touched  bool // the reconciler has attempted the job
	reg      [mostName]reg
	m        [slots]mach
	ghost    ghost
	w        attempt              // the worker's
	r        [reconcilers]attempt // the reconcilers'
	past     uint8                // ended machines that lists show
	pastName uint8                // the highest generation among them
}

func (m mach) alive() bool { return m.st == booting || m.st == up }

// registration is that of a machine; none once it is gone.
func (s *state) registration(m mach) regState {
	if r := s.reg[m.gen]; r.st != none && r.id == m.cfg {
		return r.st
	}
	return none
}

// holder returns the generation whose name a registration holds.
func (s *state) holder(id uint8) (gen uint8, ok bool) {
	for g, r := range s.reg {
		if r.st != none && r.id == id {
			return uint8(g), true
		}
	}
	return 0, false
}

func (s *state) state(id uint8) regState {
	if g, ok := s.holder(id); ok {
		return s.reg[g].st
	}
	return none
}

// unregister removes a registration by its id.
func (s *state) unregister(id uint8) {
	if g, ok := s.holder(id); ok {
		s.reg[g] = reg{}
	}
}

// sees reports whether lists show a live machine with this registration.
func (s *state) sees(id uint8) bool {
	for _, m := range s.m {
		if m.alive() && m.vis && m.cfg == id {
			return true
		}
	}
	return false
}

// shown counts the job's machines in the lists, ended ones included, and returns the highest
// generation among them.
func (s *state) shown() (n, highest uint8) {
	n, highest = s.past, s.pastName
	for _, m := range s.m {
		if m.alive() && m.vis {
			n, highest = n+1, max(highest, m.gen)
		}
	}
	return n, highest
}

func (s *state) token(cfg uint8) *mach {
	for i := range s.m {
		if s.m[i].st != unused && s.m[i].cfg == cfg {
			return &s.m[i]
		}
	}
	return nil
}

func (s *state) create(cfg, gen uint8) bool {
	for i := range s.m {
		if s.m[i].st == unused {
			s.m[i] = mach{cfg: cfg, gen: gen, st: booting, vis: rules.lag == lagNever}
			return true
		}
	}
	return false
}

// end ends a machine; lists that showed it go on to do so.
func (s *state) end(i int) {
	m := &s.m[i]
	m.st = gone
	s.record(*m)
}

func (s *state) record(m mach) {
	if !m.vis {
		return
	}
	s.past = min(s.past+1, rules.names-1)
	if rules.byName {
		s.pastName = max(s.pastName, m.gen)
	}
}

// held marks the registrations whose configuration somebody holds: they may launch with it.
func (s *state) held() (ids [32]bool) {
	ids[s.ghost.cfg] = true
	for _, a := range s.attempts() {
		ids[a.id] = true
	}
	return ids
}

func (s *state) attempts() []*attempt { return []*attempt{&s.w, &s.r[0], &s.r[1]} }

func (s *state) reconciling() bool { return s.r[0].underWay() || s.r[1].underWay() }

func (s *state) ids() [32]bool {
	ids := s.held()
	for _, r := range s.reg {
		ids[r.id] = true
	}
	for _, a := range s.attempts() {
		ids[a.look] = true
		for _, id := range a.seen {
			ids[id] = true
		}
	}
	return ids
}

func (s *state) fresh() uint8 {
	used := s.ids()
	for _, m := range s.m {
		used[m.cfg] = true
	}
	for i := uint8(1); ; i++ {
		if !used[i] {
			return i
		}
	}
}

// canon forgets what can't matter any more, orders the machines, and renames registrations in order
// of appearance.
func (s state) canon() state {
	for _, a := range s.attempts() {
		for g, id := range a.seen {
			if s.reg[g].id != id {
				a.seen[g] = 0 // ids never return
			}
		}
		if a.pc == reap && s.state(a.look) == none {
			*a = attempt{}
		}
	}
	if g := s.ghost.cfg; g != 0 && s.state(g) == none && !slices.ContainsFunc(s.attempts(), func(a *attempt) bool { return a.id == g }) {
		s.ghost = ghost{} // its machine would end at once
	}
	if rules.reconcilers == 2 && rank(s.r[1], &s) < rank(s.r[0], &s) {
		s.r[0], s.r[1] = s.r[1], s.r[0]
	}
	used, held := s.ids(), s.held()
	for i, m := range s.m {
		switch {
		case m.alive() && !used[m.cfg]:
			s.record(m)
			s.m[i] = mach{}
		case m.st == gone && !held[m.cfg]:
			s.m[i] = mach{}
		case m.st == gone:
			s.m[i].vis = false
		}
	}
	var name [32]uint8
	next := uint8(1)
	ren := func(id *uint8) {
		if *id == 0 {
			return
		}
		if name[*id] == 0 {
			name[*id], next = next, next+1
		}
		*id = name[*id]
	}
	for g := range s.reg {
		ren(&s.reg[g].id)
	}
	for _, a := range s.attempts() {
		ren(&a.id)
		ren(&a.look)
		for g := range a.seen {
			ren(&a.seen[g])
		}
	}
	ren(&s.ghost.cfg)
	for i := range s.m {
		ren(&s.m[i].cfg)
	}
	key := func(m mach) int {
		if m.st == unused {
			return 1 << 30
		}
		return int(m.cfg)<<8 | int(m.st)<<4 | bit(m.vis)
	}
	for i := 1; i < slots; i++ {
		for j := i; j > 0 && key(s.m[j]) < key(s.m[j-1]); j-- {
			s.m[j], s.m[j-1] = s.m[j-1], s.m[j]
		}
	}
	return s
}

// rank orders attempts by what does not depend on the names of registrations.
func rank(a attempt, s *state) int {
	k := int(a.pc)<<16 | int(a.gen)<<14 | int(a.before)<<12 | int(a.at)<<10 | int(a.why)<<8 | bit(a.passed)<<7
	for g, r := range s.reg {
		if r.st != none {
			k |= bit(a.id == r.id || a.look == r.id) << g
			k |= bit(a.seen[g] == r.id) << (g + 3)
		}
	}
	return k
}

func bit(x bool) int {
	if x {
		return 1
	}
	return 0
}
