package labels

import (
	"cmp"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"unicode/utf8"
)

// Matcher finds the runner type that serves a job's labels. [Table] is the matcher of this package.
type Matcher interface {
	// Match returns the name of the runner type that serves a job with these labels, and false when
	// none does.
	Match(labels []string) (name string, ok bool)
}

// Entry is one runner type of a [Table].
type Entry struct {
	Name   string
	Labels []string
}

// Table matches labels to names in the order of its entries. It is immutable and safe for
// concurrent use.
type Table struct {
	names []string
	// having tells for every label which entries have it: bit i%64 of word i/64 stands for entry i.
	having map[string][]uint64
}

var _ Matcher = (*Table)(nil)

// NewTable returns a table of the entries. It reports, all at once, entries without a name, with a
// name used before, or without any label.
func NewTable(entries ...Entry) (*Table, error) {
	var faults []error
	t := &Table{having: make(map[string][]uint64)}
	seen := make(map[string]bool, len(entries))
	for i, e := range entries {
		set := NewSet(e.Labels...)
		if e.Name == "" {
			faults = append(faults, fmt.Errorf("entry %d has no name", i+1))
		} else if seen[e.Name] {
			faults = append(faults, fmt.Errorf("the name %q is used twice", e.Name))
		}
		if set.Len() == 0 {
			faults = append(faults, fmt.Errorf("entry %d, %q, has no labels", i+1, e.Name))
		}
		seen[e.Name] = true
		t.names = append(t.names, e.Name)
		for _, l := range set.sorted {
			if t.having[l] == nil {
				t.having[l] = make([]uint64, (len(entries)+63)/64)
			}
			t.having[l][i/64] |= 1 << (i % 64)
		}
	}
	if err := errors.Join(faults...); err != nil {
		return nil, fmt.Errorf("labels: %w", err)
	}
	return t, nil
}

// Match returns the first entry whose labels contain all the given ones. A job without labels (it
// asks for a runner group alone) matches nothing: the delivery does not tell which group it wants,
// so any answer would be a guess.
//
// Its cost grows with the job's labels, hardly with the entries, and it allocates nothing for up to
// 16 ASCII labels of up to 64 bytes.
func (t *Table) Match(labels []string) (name string, ok bool) {
	var space [16][]uint64
	wanted := space[:0]
	for _, l := range labels {
		if l = strings.TrimSpace(l); l == "" {
			continue
		}
		entries := t.lookup(l)
		if entries == nil {
			return "", false
		}
		wanted = append(wanted, entries)
	}
	if len(wanted) == 0 {
		return "", false
	}
	for word := range wanted[0] {
		fit := ^uint64(0)
		for _, entries := range wanted {
			fit &= entries[word]
		}
		if fit != 0 {
			return t.names[word*64+bits.TrailingZeros64(fit)], true
		}
	}
	return "", false
}

// Lack is an entry that does not serve a job, and those of the job's labels that it does not have,
// as the job spells them.
type Lack struct {
	Name   string
	Labels []string
}

// Lacks says of every entry, in their order, which of these labels it lacks; entries that lack none
// are left out.
func (t *Table) Lacks(labels []string) (lacks []Lack) {
	for i, name := range t.names {
		lack := Lack{Name: name}
		for _, l := range labels {
			l = strings.TrimSpace(l)
			if entries := t.lookup(l); l != "" && (entries == nil || entries[i/64]&(1<<(i%64)) == 0) {
				lack.Labels = append(lack.Labels, l)
			}
		}
		if lack.Labels != nil {
			lacks = append(lacks, lack)
		}
	}
	return lacks
}

// nearest is how many entries a job that none serves is told about.
const nearest = 3

// Explain says which of these labels the entries lack, of those entries that lack least: "ubuntu
// lacks gpu; mac lacks linux, gpu". It is empty if one of them lacks none.
func (t *Table) Explain(labels []string) string {
	lacks := t.Lacks(labels)
	if len(lacks) < len(t.names) {
		return ""
	}
	slices.SortStableFunc(lacks, func(a, b Lack) int { return cmp.Compare(len(a.Labels), len(b.Labels)) })
	var said []string
	for _, l := range lacks[:min(len(lacks), nearest)] {
		said = append(said, l.Name+" lacks "+strings.Join(l.Labels, ", "))
	}
	return strings.Join(said, "; ")
}

// lookup is having[fold(label)], without an allocation for the common label with capitals (macOS,
// X64).
func (t *Table) lookup(label string) []uint64 {
	var space [64]byte
	lower := space[:0]
	for i := range len(label) {
		c := label[i]
		if c >= utf8.RuneSelf || len(label) > len(space) {
			return t.having[fold(label)]
		}
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		lower = append(lower, c)
	}
	return t.having[string(lower)]
}
