package config

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// block is a mapping of the catalogue whose keys are known. Its methods read one key each: they return the zero value, or the given default, when the key
// is left out, and note a fault when its value is wrong.
type block struct {
	doc    *document
	at     ast.Node
	path   string
	fields map[string]entry
	meant  map[string]bool // known keys that an unknown one was probably meant to be
}

// block reads a mapping and reports its unknown keys. ok is false when the value is no mapping.
func (d *document) block(v value, known ...string) (b *block, ok bool) {
	entries, ok := d.entries(v, 0)
	b = &block{doc: d, at: v.node, path: v.path, fields: make(map[string]entry, len(entries)), meant: map[string]bool{}}
	for _, e := range entries {
		if slices.Contains(known, e.key) {
			b.fields[e.key] = e
			continue
		}
		hint := "known are " + strings.Join(known, ", ")
		if near := nearest(e.key, known); near != "" {
			hint = "did you mean " + near + "?"
			b.meant[near] = true
		}
		d.fault(e.at, "%s: unknown key; %s", join(v.path, e.key), hint)
	}
	return b, ok
}

func (b *block) has(key string) bool {
	_, ok := b.fields[key]
	return ok
}

func (b *block) value(key string) value { return value{b.fields[key].node, join(b.path, key)} }

// fault notes what is wrong with a key: at its value, or at the block's beginning when it is left out.
func (b *block) fault(key, format string, args ...any) {
	at := b.at
	if e, ok := b.fields[key]; ok {
		if at = e.node; at.Type() == ast.NullType {
			at = e.at
		}
	}
	b.doc.fault(at, "%s: %s", join(b.path, key), fmt.Sprintf(format, args...))
}

// missing notes that a key is left out, unless its misspelling has been noted.
func (b *block) missing(key, meaning string) {
	if b.has(key) || !b.meant[key] {
		b.fault(key, "missing: %s", meaning)
	}
}

// set returns a key's node, nil when it is left out or has no value.
func (b *block) set(key string) ast.Node {
	if !b.has(key) {
		return nil
	}
	n := b.doc.resolve(b.value(key))
	if n != nil && n.Type() == ast.NullType {
		return nil
	}
	return n
}

func (b *block) text(key string) string {
	s, _ := b.asText(key)
	return s
}

func (b *block) asText(key string) (s string, given bool) {
	n := b.set(key)
	if n == nil {
		return "", false
	}
	s, ok := scalar(n)
	if !ok {
		b.fault(key, "%s", notText(n))
	}
	return s, ok
}

// requiredText is a text that must not be empty.
func (b *block) requiredText(key, meaning string) string {
	n := len(b.doc.faults)
	s := b.text(key)
	if s == "" && len(b.doc.faults) == n {
		b.missing(key, meaning)
	}
	return s
}

// matching is a text that fits a pattern, if it is given.
func (b *block) matching(key string, pattern *regexp.Regexp, meaning string) string {
	s := b.text(key)
	if s != "" && !pattern.MatchString(s) {
		b.fault(key, "%s is not %s", quote(s), meaning)
	}
	return s
}

// oneOf is one of the options, if it is given.
func (b *block) oneOf(key string, options ...string) string {
	s, given := b.asText(key)
	if given && !slices.Contains(options, s) {
		hint := ""
		if near := nearest(s, options); near != "" {
			hint = "; did you mean " + near + "?"
		}
		b.fault(key, "%s is not one of %s%s", quote(s), strings.Join(options, ", "), hint)
	}
	return s
}

// whole is a whole number between least and most, 0 if it is left out.
func (b *block) whole(key string, least, most int) int {
	n := b.set(key)
	if n == nil {
		return 0
	}
	i, ok := n.(*ast.IntegerNode)
	if !ok {
		b.fault(key, "%s, not a whole number", describe(n))
		return 0
	}
	number, err := strconv.ParseInt(fmt.Sprint(i.Value), 10, 64)
	if err != nil || number < int64(least) || number > int64(most) {
		if most == math.MaxInt32 {
			b.fault(key, "%s is less than %d or too large", i.GetToken().Value, least)
		} else {
			b.fault(key, "%s is not between %d and %d", i.GetToken().Value, least, most)
		}
		return 0
	}
	return int(number)
}

// duration is longer than nothing; byDefault if it is left out.
func (b *block) duration(key string, byDefault time.Duration) time.Duration {
	n := b.set(key)
	if n == nil {
		return byDefault
	}
	if i, ok := n.(*ast.IntegerNode); ok {
		b.fault(key, "%s has no unit: write it like 6h, 30m or 90s", i.GetToken().Value)
		return byDefault
	}
	s, ok := scalar(n)
	if !ok {
		b.fault(key, "%s, not a duration: write it like 6h, 30m or 90s", describe(n))
		return byDefault
	}
	d, err := time.ParseDuration(s)
	switch {
	case err != nil:
		b.fault(key, "%s is not a duration: write it like 6h, 30m or 90s", quote(s))
	case d <= 0:
		b.fault(key, "%s is not longer than 0", quote(s))
	}
	return d
}

// list is a list of texts, none of them empty. check, if given, says what is wrong with an item.
func (b *block) list(key string, check func(item string) (fault string)) []string {
	n := b.set(key)
	if n == nil {
		return nil
	}
	items, ok := n.(*ast.SequenceNode)
	if !ok {
		b.fault(key, "%s, not a list: write it like [a, b]", describe(n))
		return nil
	}
	texts := make([]string, 0, len(items.Values))
	for i, item := range items.Values {
		v := value{item, fmt.Sprintf("%s[%d]", join(b.path, key), i)}
		n := b.doc.resolve(v)
		if n == nil {
			continue
		}
		s, ok := scalar(n)
		switch {
		case !ok:
			b.doc.fault(n, "%s: %s", v.path, notText(n))
		case s == "":
			b.doc.fault(n, "%s: empty", v.path)
		case check != nil && check(s) != "":
			b.doc.fault(n, "%s: %s %s", v.path, quote(s), check(s))
		}
		texts = append(texts, s)
	}
	return texts
}

// requiredList is a list with at least one item.
func (b *block) requiredList(key, meaning string, check func(item string) (fault string)) []string {
	n := len(b.doc.faults)
	list := b.list(key, check)
	switch {
	case len(list) > 0 || len(b.doc.faults) > n:
	case b.set(key) != nil:
		b.fault(key, "empty: %s", meaning)
	default:
		b.missing(key, meaning)
	}
	return list
}

// texts is a mapping of texts to texts. check says what is wrong with a pair.
func (b *block) texts(key string, check func(key, text string) (fault string)) map[string]string {
	if b.set(key) == nil {
		return nil
	}
	entries, _ := b.doc.entries(b.value(key), 0)
	texts := make(map[string]string, len(entries))
	for _, e := range entries {
		v := value{e.node, join(join(b.path, key), e.key)}
		n := b.doc.resolve(v)
		if n == nil {
			continue
		}
		s, ok := scalar(n)
		if n.Type() == ast.NullType {
			ok = true
		}
		if !ok {
			b.doc.fault(n, "%s: %s", v.path, notText(n))
		} else if wrong := check(e.key, s); wrong != "" {
			b.doc.fault(e.at, "%s: %s", v.path, wrong)
		}
		texts[e.key] = s
	}
	return texts
}

// scalar returns a node's text without the blanks around it.
func scalar(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return strings.TrimSpace(n.Value), true
	case *ast.LiteralNode:
		return strings.TrimSpace(n.Value.Value), true
	}
	return "", false
}

// notText says that a node is no text. Numbers are not taken for text: YAML reads 24.10 as 24.1.
func notText(n ast.Node) string {
	switch n.Type() {
	case ast.SequenceType, ast.MappingType, ast.MappingValueType:
		return describe(n) + " where a text belongs"
	case ast.NullType:
		return "empty"
	}
	return describe(n) + ", not text: write it in quotes"
}

var plainKey = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

func join(path, key string) string {
	if !plainKey.MatchString(key) {
		key = quote(key)
	}
	if path == "" {
		return key
	}
	return path + "." + key
}
