package provisioner

import (
	"iter"
	"slices"
)

// search looks for secrets in a text, under whatever encodings: it takes the encodings off, rather
// than trying all that a secret may have. What was never sent has no encoding to look for.
type search struct {
	text    string
	needles []needle
	found   []span
	budget  int // bytes that may still be looked at; a server's text may be made to take long
}

// needle is all that shows a secret: its parts of one length.
type needle struct {
	length int
	parts  map[string]struct{}
}

// span is a part of the text that is searched, in bytes.
type span struct{ from, to int }

const (
	part     = 12 // characters of a secret, or 16 of its base64, that must not be seen
	shortest = 4  // a secret that is shorter would take out half of all words
	depth    = 3  // encodings on top of each other, escapes not counted
	escapes  = 4  // escapes on top of each other
	most     = 4 << 20
)

func newSearch(text string, secrets []Secret) *search {
	s := &search{text: text, budget: most}
	for _, secret := range secrets {
		for l := range newLayer(secret.Reveal()).bare() { // it may look as if it were escaped itself
			s.add(string(l.text))
		}
	}
	return s
}

func (s *search) add(text string) {
	length := min(part, len(text))
	if length < shortest || length > len(s.text) {
		return
	}
	n := needle{length, make(map[string]struct{}, len(text))}
	for i := range len(text) - length + 1 {
		n.parts[text[i:i+length]] = struct{}{}
	}
	s.needles = append(s.needles, n)
}

// find returns what has to be taken out, in order. A text that takes too long is taken out whole.
func (s *search) find() []span {
	l := newLayer(s.text)
	if s.look(l, depth); s.budget < 0 {
		return []span{{0, len(s.text)}}
	}
	all := append(s.found, words(l.plain())...)
	slices.SortFunc(all, func(a, b span) int { return a.from - b.from })
	var merged []span
	for _, x := range all {
		if n := len(merged); n > 0 && x.from <= merged[n-1].to {
			merged[n-1].to = max(merged[n-1].to, x.to)
		} else {
			merged = append(merged, x)
		}
	}
	return merged
}

func (s *search) look(l layer, depth int) {
	for bare := range l.bare() {
		if s.budget -= len(bare.text); len(s.needles) == 0 || s.budget < 0 {
			return
		}
		s.match(bare)
		if depth == 0 {
			continue
		}
		for _, decoded := range bare.decoded() {
			s.look(decoded, depth-1)
		}
	}
}

func (s *search) match(l layer) {
	for _, n := range s.needles {
		for i := range len(l.text) - n.length + 1 {
			if _, ok := n.parts[string(l.text[i:i+n.length])]; ok {
				s.found = append(s.found, span{l.at[i].from, l.at[i+n.length-1].to})
			}
		}
	}
}

// layer is a text with some encodings taken off. Each byte knows where it comes from.
type layer struct {
	text []byte
	at   []span
}

func newLayer(text string) layer {
	l := layer{text: []byte(text), at: make([]span, len(text))}
	for i := range l.at {
		l.at[i] = span{i, i + 1}
	}
	return l
}

func emptyLayer(size int) layer { return layer{make([]byte, 0, size), make([]span, 0, size)} }

// add appends bytes that stand for l.text[from:to].
func (l *layer) add(of layer, from, to int, text ...byte) {
	for _, c := range text {
		l.text = append(l.text, c)
		l.at = append(l.at, span{of.at[from].from, of.at[to-1].to})
	}
}

// plain takes all escapes off.
func (l layer) plain() layer {
	for changed, n := true, 0; changed && n < escapes; n++ {
		l, changed = l.unescaped()
	}
	return l
}

// bare returns the text without blanks, with no escape, one, two and so on taken off.
func (l layer) bare() iter.Seq[layer] {
	return func(yield func(layer) bool) {
		for n, changed := 0, true; changed && n <= escapes; n++ {
			l = l.squeezed()
			if !yield(l) {
				return
			}
			l, changed = l.unescaped()
		}
	}
}

// squeezed leaves out blanks and line breaks: a secret may be split by them.
func (l layer) squeezed() layer {
	dense := emptyLayer(len(l.text))
	for i, c := range l.text {
		if c > ' ' && c != 0x7f {
			dense.add(l, i, i+1, c)
		}
	}
	return dense
}

// decoded decodes whatever could be base64 or hexadecimal digits. Where it begins within the groups
// of four, or two, is not known, so that each place is tried.
func (l layer) decoded() (all []layer) {
	for _, x := range []struct {
		digits       *alphabet
		groups, bits int // characters in a group, bits in a character
	}{{&base64Digits, 4, 6}, {&hexDigits, 2, 4}} {
		for from := 0; from < len(l.text); from++ {
			to := from
			for to < len(l.text) && x.digits[l.text[to]] >= 0 {
				to++
			}
			for shift := range x.groups {
				if (to-from-shift)*x.bits/8 >= shortest {
					all = append(all, l.decode(x.digits, x.bits, from+shift, to))
				}
			}
			from = to
		}
	}
	return all
}

func (l layer) decode(digits *alphabet, bits, from, to int) layer {
	d := emptyLayer((to - from) * bits / 8)
	held, have, first := 0, 0, from
	for i := from; i < to; i++ {
		if have == 0 {
			first = i
		}
		held = held<<bits | digits[l.text[i]]
		if have += bits; have >= 8 {
			have -= 8
			d.add(l, first, i+1, byte(held>>have)) //nolint:gosec // eight bits are left
			held &= 1<<have - 1
			first = i // its last bits begin the next byte
		}
	}
	return d
}

// alphabet has the value of each digit, or -1.
type alphabet [256]int

var (
	base64Digits = newAlphabet("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", "-_", 62)
	hexDigits    = newAlphabet("0123456789abcdef", "ABCDEF", 10)
)

// newAlphabet gives further characters the values from some value on.
func newAlphabet(digits, further string, from int) (a alphabet) {
	for i := range a {
		a[i] = -1
	}
	for i := range len(digits) {
		a[digits[i]] = i
	}
	for i := range len(further) {
		a[further[i]] = from + i
	}
	return a
}
