package labels

import (
	"slices"
	"strings"
)

// Set is an immutable set of labels: lower case, trimmed, sorted, without duplicates and empty
// labels. The zero Set is empty.
type Set struct {
	sorted []string
}

// NewSet folds labels into a Set.
func NewSet(labels ...string) Set {
	folded := make([]string, 0, len(labels))
	for _, l := range labels {
		if l = fold(l); l != "" {
			folded = append(folded, l)
		}
	}
	slices.Sort(folded)
	return Set{sorted: slices.Compact(folded)}
}

// Len is the number of labels in s.
func (s Set) Len() int { return len(s.sorted) }

// Contains reports whether s has the label, whatever its case and surrounding blanks.
func (s Set) Contains(label string) bool {
	_, found := slices.BinarySearch(s.sorted, fold(label))
	return found
}

// SubsetOf reports whether t has every label of s. The empty set is a subset of every set.
func (s Set) SubsetOf(t Set) bool {
	for _, l := range s.sorted {
		if _, found := slices.BinarySearch(t.sorted, l); !found {
			return false
		}
	}
	return true
}

// Strings returns the labels, folded and sorted, in a slice of the caller's own.
func (s Set) Strings() []string { return slices.Clone(s.sorted) }

// String returns the labels separated by commas.
func (s Set) String() string { return strings.Join(s.sorted, ",") }

// fold makes labels comparable. It allocates only for labels that are not folded yet.
func fold(label string) string { return strings.ToLower(strings.TrimSpace(label)) }
