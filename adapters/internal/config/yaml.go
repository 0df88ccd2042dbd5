package config

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// value is a value of the document, with its aliases followed and its merges done.
type value struct {
	path     string   // such as runners[0].aws
	key      ast.Node // nil in lists
	at       ast.Node // where it is written: the alias, if there is one
	node     ast.Node // what it is
	plain    any      // as encoding/json would have read it
	children map[string]*value
	broken   bool // its fault is known
}

// find returns the value at a place such as [runners 0 aws], or the broken one that it is in.
func (v *value) find(place []string) *value {
	for _, key := range place {
		if v.broken {
			break
		}
		v = v.children[key]
	}
	return v
}

func (v *value) add(key string, child *value) {
	switch plain := v.plain.(type) {
	case map[string]any:
		plain[key] = child.plain
	case []any:
		v.plain = append(plain, child.plain)
	}
	v.children[key] = child
}

// maxValues and maxDepth bound what aliases of aliases can cost; a catalogue of 50 types has some
// 2,000 values, four deep.
const (
	maxValues = 50_000
	maxDepth  = 50
)

// read converts a node and all below it.
func (d *document) read(path string, key, at ast.Node) *value {
	v := &value{path: path, key: key, at: at, node: d.resolve(path, at), children: map[string]*value{}, broken: true}
	switch d.values++; {
	case v.node == nil || d.values > maxValues:
		return v
	case d.values == maxValues:
		d.fault(at, path, "too many values, with those that aliases repeat")
		return v
	case len(d.open) == maxDepth:
		d.fault(at, path, "nested too deeply")
		return v
	case d.open[v.node]:
		d.fault(at, path, "%s refers to itself", at)
		return v
	}
	v.broken = false
	d.open[v.node] = true
	defer delete(d.open, v.node)
	switch n := v.node.(type) {
	case *ast.NullNode:
	case *ast.StringNode:
		v.plain = strings.TrimSpace(n.Value)
	case *ast.LiteralNode:
		v.plain = strings.TrimSpace(n.Value.Value)
	case *ast.BoolNode:
		v.plain = n.Value
	case *ast.IntegerNode:
		v.plain = n.Value
	case *ast.FloatNode:
		v.plain = n.Value
	case *ast.SequenceNode:
		v.plain = []any{}
		for i, item := range n.Values {
			v.add(strconv.Itoa(i), d.read(fmt.Sprintf("%s[%d]", path, i), nil, item))
		}
	case *ast.MappingNode:
		d.mapping(v, n.Values)
	case *ast.MappingValueNode:
		d.mapping(v, []*ast.MappingValueNode{n})
	default:
		d.fault(at, path, "%s, which fits nowhere", describe(n))
		v.broken = true
	}
	return v
}

func (d *document) mapping(v *value, pairs []*ast.MappingValueNode) {
	v.plain = map[string]any{}
	var merge ast.Node
	for _, p := range pairs {
		key, isText := keyText(p.Key)
		switch earlier := v.children[key]; {
		case p.Key.IsMergeKey():
			if merge != nil {
				d.fault(p.Key, v.path, "<< appears twice: write one with a list")
			}
			merge = p.Value
		case !isText:
			d.fault(p.Key, v.path, "the key %s is %s: write it in quotes", p.Key.GetToken().Value, describe(p.Key))
		case earlier != nil:
			d.fault(p.Key, earlier.path, "the key appears twice, first in line %d", earlier.key.GetToken().Position.Line)
		default:
			v.add(key, d.read(join(v.path, key), p.Key, p.Value))
		}
	}
	if merge != nil {
		d.merge(v, merge)
	}
}

// merge adds what << has beyond the keys of a mapping.
func (d *document) merge(v *value, n ast.Node) {
	sources := []ast.Node{n}
	if list, ok := d.resolve(v.path, n).(*ast.SequenceNode); ok {
		sources = list.Values
	}
	for _, n := range sources {
		source := d.read(v.path, nil, n)
		if _, ok := source.plain.(map[string]any); !ok && source.plain != nil {
			d.fault(n, v.path, "%s where a mapping of keys to values belongs", describe(source.node))
			continue
		}
		for key, child := range source.children {
			if v.children[key] == nil {
				v.add(key, child)
			}
		}
	}
}

// maxHops is how many aliases of aliases may lead to one value; more are a circle.
const maxHops = 16

// resolve follows anchors and aliases to the value itself. It returns nil, with a fault, where
// there is none.
func (d *document) resolve(path string, at ast.Node) ast.Node {
	n := at
	for range maxHops {
		switch x := n.(type) {
		case *ast.AnchorNode:
			name := x.Name.GetToken().Value
			if known := d.anchors[name]; known != nil && known != x.Value {
				d.fault(x, "", "the anchor &%s is defined twice", name)
			}
			d.anchors[name] = x.Value
			n = x.Value
		case *ast.AliasNode:
			name := x.Value.GetToken().Value
			if n = d.anchors[name]; n == nil {
				d.fault(x, path, "there is no anchor &%s before it", name)
				return nil
			}
		case *ast.TagNode:
			d.fault(x, path, "YAML tags such as %s are not supported", x.GetToken().Value)
			return nil
		default:
			return n
		}
	}
	d.fault(at, path, "%s refers to itself", at)
	return nil
}

func keyText(k ast.MapKeyNode) (string, bool) {
	var n ast.Node = k
	if explicit, ok := n.(*ast.MappingKeyNode); ok {
		n = explicit.Value
	}
	s, ok := n.(*ast.StringNode)
	if !ok {
		return "", false
	}
	return s.Value, true
}

// describe names what a node is, for a fault about what it should be.
func describe(n ast.Node) string {
	switch n := n.(type) {
	case *ast.NullNode:
		return "nothing"
	case *ast.BoolNode:
		return n.GetToken().Value + " is a truth value"
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value + " is a number"
	case *ast.StringNode:
		return quote(n.Value) + " is text"
	case *ast.LiteralNode:
		return "a block of text"
	case *ast.SequenceNode:
		return "a list"
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a mapping"
	}
	return "something else"
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
