package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
)

var (
	most  = flag.Int("most", 25_000_000, "states")
	quiet = flag.Bool("q", false, "only counts")
)

func main() {
	rules.flags(flag.CommandLine)
	flag.Parse()
	w := walk(rules)
	fmt.Printf("%d states, %d of them ends\n", len(w.states), w.ends)
	for _, k := range w.kinds() {
		fmt.Printf("\n%s: %d states\n", k, w.count[k])
		if !*quiet {
			for _, line := range w.history(w.found[k]) {
				fmt.Println("  " + line)
			}
		}
	}
	if len(w.found) > 0 {
		os.Exit(1)
	}
}

// walked is every state that can be reached, and what is wrong with some.
type walked struct {
	states []state
	prev   []int32
	ends   int
	found  map[string]int32 // the first state of each kind of wrong ones
	count  map[string]int
	full   bool // the walk stopped at -most
}

func walk(r rule) *walked {
	rules = r
	start := state{w: attempt{pc: away}}
	w := &walked{states: []state{start}, prev: []int32{-1}, found: map[string]int32{}, count: map[string]int{}}
	index := map[state]int32{start: 0}
	var from, to []int32 // fault-free edges
	for i := int32(0); int(i) < len(w.states); i++ {
		if len(w.states) > *most {
			w.full = true
			return w
		}
		s := w.states[i]
		if k := s.judge(); k != "" {
			w.note(k, i)
		}
		for _, e := range edges(s) {
			j, ok := index[e.to]
			if !ok {
				j = int32(len(w.states))
				index[e.to] = j
				w.states, w.prev = append(w.states, e.to), append(w.prev, i)
			}
			if !e.fault {
				from, to = append(from, i), append(to, j)
			}
		}
	}
	reach := make([]bool, len(w.states))
	for i, s := range w.states {
		if s.clean() {
			reach[i] = true
			w.ends++
		}
	}
	for changed := true; changed; {
		changed = false
		for k, f := range slices.Backward(from) {
			if reach[to[k]] && !reach[f] {
				reach[f], changed = true, true
			}
		}
	}
	for i := range w.states {
		if !reach[i] {
			w.note("stuck", int32(i))
		}
	}
	return w
}

func (w *walked) note(kind string, i int32) {
	if w.count[kind]++; w.count[kind] == 1 {
		w.found[kind] = i
	}
}

func (w *walked) kinds() (kinds []string) {
	for k := range w.found {
		kinds = append(kinds, k)
	}
	slices.Sort(kinds)
	return kinds
}

// history names the steps of a shortest way to a state.
func (w *walked) history(i int32) (lines []string) {
	tracing = true
	defer func() { tracing = false }()
	for ; i > 0; i = w.prev[i] {
		for _, e := range edges(w.states[w.prev[i]]) {
			if e.to == w.states[i] {
				lines = append(lines, e.what)
				break
			}
		}
	}
	slices.Reverse(lines)
	return lines
}

const (
	twoWait     = "two wait"
	waitsBeside = "one waits beside"
)

func (s *state) judge() string {
	waiting, runs := 0, 0
	for _, m := range s.m {
		if !m.alive() {
			continue
		}
		switch s.registration(m) {
		case offline, online:
			waiting++
		case busy:
			runs++
		}
	}
	switch {
	case waiting > 1:
		return twoWait
	case waiting+runs > 1:
		return waitsBeside
	}
	return ""
}

// clean reports whether the job needs nothing and nothing is left that costs or confuses.
func (s *state) clean() bool {
	for _, m := range s.m {
		if m.alive() {
			return false
		}
	}
	return s.job == over && s.reg == [mostName]reg{} && s.ghost.cfg == 0 && !s.w.underWay() && !s.reconciling()
}
