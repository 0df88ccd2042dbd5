package config

import (
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// value is a node of the document and the path that leads there, such as runners[0].aws.
type value struct {
	node ast.Node
	path string
}

// entry is a key of a mapping with its value.
type entry struct {
	key  string
	at   ast.Node // the key
	node ast.Node
}

func (d *document) collectAnchors(n ast.Node) {
	switch n := n.(type) {
	case *ast.AnchorNode:
		name := n.Name.GetToken().Value
		if d.anchors[name] != nil {
			d.fault(n, "the anchor &%s is defined twice", name)
		} else {
			d.anchors[name] = n.Value
		}
		d.collectAnchors(n.Value)
	case *ast.TagNode:
		d.collectAnchors(n.Value)
	case *ast.SequenceNode:
		for _, item := range n.Values {
			d.collectAnchors(item)
		}
	case *ast.MappingValueNode:
		d.collectAnchors(n.Value)
	case *ast.MappingNode:
		for _, e := range n.Values {
			d.collectAnchors(e.Value)
		}
	}
}

// maxHops is how many aliases or merges may lead to one value; more are a circle. maxMerges bounds what circles and repetitions can cost together.
const (
	maxHops   = 16
	maxMerges = 1000
)

// resolve follows anchors and aliases to the value itself. It returns nil, with a fault, where there is none.
func (d *document) resolve(v value) ast.Node {
	n := v.node
	for range maxHops {
		switch x := n.(type) {
		case *ast.AnchorNode:
			n = x.Value
		case *ast.AliasNode:
			name := x.Value.GetToken().Value
			if n = d.anchors[name]; n == nil {
				d.fault(x, "%s: there is no anchor &%s", v.path, name)
				return nil
			}
		case *ast.TagNode:
			d.fault(x, "%s: YAML tags such as %s are not supported", v.path, x.GetToken().Value)
			return nil
		default:
			return n
		}
	}
	d.fault(v.node, "%s: the alias refers to itself", v.path)
	return nil
}

// entries returns the keys of a mapping, those that << merges included. ok is false, with a fault, when the value is no mapping.
func (d *document) entries(v value, hops int) (list []entry, ok bool) {
	n := d.resolve(v)
	var pairs []*ast.MappingValueNode
	switch n := n.(type) {
	case nil:
		return nil, false
	case *ast.NullNode:
		return nil, true
	case *ast.MappingNode:
		pairs = n.Values
	case *ast.MappingValueNode:
		pairs = []*ast.MappingValueNode{n}
	default:
		d.fault(n, "%s: %s where a mapping of keys to values belongs", v.path, describe(n))
		return nil, false
	}
	var merge ast.Node
	seen := map[string]*token.Token{}
	for _, p := range pairs {
		if p.Key.IsMergeKey() {
			if merge != nil {
				d.fault(p.Key, "%s: << appears twice: write one with a list", v.path)
			}
			merge = p.Value
			continue
		}
		key, isText := keyText(p.Key)
		switch earlier := seen[key]; {
		case !isText:
			d.fault(p.Key, "%s: the key %s is %s: write it in quotes", v.path, p.Key.GetToken().Value, describe(p.Key))
		case earlier != nil:
			d.fault(p.Key, "%s: the key appears twice, first in line %d", join(v.path, key), earlier.Position.Line)
		default:
			seen[key] = p.Key.GetToken()
			list = append(list, entry{key, p.Key, p.Value})
		}
	}
	if merge != nil {
		list = append(list, d.merged(value{merge, v.path}, seen, hops)...)
	}
	return list, true
}

// merged returns what << adds to the keys seen so far.
func (d *document) merged(v value, seen map[string]*token.Token, hops int) (list []entry) {
	if d.merges++; hops >= maxHops || d.merges > maxMerges {
		d.fault(v.node, "%s: << refers to itself, or too often to others", v.path)
		return nil
	}
	sources := []ast.Node{v.node}
	if s, ok := d.resolve(v).(*ast.SequenceNode); ok {
		sources = s.Values
	}
	for _, s := range sources {
		entries, _ := d.entries(value{s, v.path}, hops+1)
		for _, e := range entries {
			if seen[e.key] == nil {
				seen[e.key] = e.at.GetToken()
				list = append(list, e)
			}
		}
	}
	return list
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
