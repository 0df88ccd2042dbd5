package queue

import (
	"slices"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// Turns holds something for each repository that has jobs in a lane, and lets the repositories take
// turns: one with thousands of jobs delays another's first job by one. Queues keep their messages,
// or what they know of them, in it. The zero value is empty. It is not safe for concurrent use.
type Turns[T any] struct {
	values map[provisioner.Repository]T
	order  []provisioner.Repository
	next   int // whose turn it is, in order
}

// Get returns what is held for a repository.
func (t *Turns[T]) Get(r provisioner.Repository) (v T, ok bool) {
	v, ok = t.values[r]
	return v, ok
}

// Put holds something for a repository. A new one has its turn after all others.
func (t *Turns[T]) Put(r provisioner.Repository, v T) {
	if t.values == nil {
		t.values = make(map[provisioner.Repository]T)
	}
	if _, known := t.values[r]; !known {
		t.order = slices.Insert(t.order, t.next, r)
		t.next++
	}
	t.values[r] = v
}

// Delete forgets a repository.
func (t *Turns[T]) Delete(r provisioner.Repository) {
	i := slices.Index(t.order, r)
	if i < 0 {
		return
	}
	delete(t.values, r)
	t.order = slices.Delete(t.order, i, i+1)
	if i < t.next {
		t.next--
	}
}

// Len is the number of repositories.
func (t *Turns[T]) Len() int { return len(t.order) }

// Take offers the turn to one repository after the other, until one takes it; the next is then the
// one after that. try must not change the Turns.
func (t *Turns[T]) Take(try func(r provisioner.Repository, v T) bool) bool {
	for i := range t.order {
		at := (t.next + i) % len(t.order)
		if r := t.order[at]; try(r, t.values[r]) {
			t.next = at + 1
			return true
		}
	}
	return false
}
