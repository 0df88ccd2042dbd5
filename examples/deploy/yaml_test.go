// Package deploy_test holds the examples of deployment to the code: the policies to the calls that
// are made, the variables to those that are read, the alerts to the metrics that exist, and the
// image to what starts in it.
package deploy_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// object is a YAML mapping.
type object = map[string]any

// readYAML returns the documents of a file. CloudFormation's tags become the mappings that they are
// short for: !Ref X is {Ref: X}, !Sub X is {Fn::Sub: X}.
func readYAML(t *testing.T, path string) []object {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	file, err := parser.ParseBytes(content, 0)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	var docs []object
	for _, d := range file.Docs {
		if d.Body == nil || d.Body.Type() == ast.CommentType {
			continue
		}
		r := reader{anchors: map[string]any{}}
		v, ok := r.value(d.Body).(object)
		if !ok || len(r.faults) > 0 {
			t.Fatalf("%s: not a mapping, or %v", path, r.faults)
		}
		docs = append(docs, v)
	}
	if len(docs) == 0 {
		t.Fatalf("%s: no document", path)
	}
	return docs
}

type reader struct {
	anchors map[string]any
	faults  []string
}

func (r *reader) value(n ast.Node) any {
	switch n := n.(type) {
	case *ast.MappingNode:
		m := object{}
		for _, v := range n.Values {
			r.put(m, v)
		}
		return m
	case *ast.MappingValueNode:
		m := object{}
		r.put(m, n)
		return m
	case *ast.SequenceNode:
		list := make([]any, 0, len(n.Values))
		for _, v := range n.Values {
			list = append(list, r.value(v))
		}
		return list
	case *ast.TagNode:
		return r.tagged(n.Start.Value, r.value(n.Value))
	case *ast.AnchorNode:
		v := r.value(n.Value)
		r.anchors[n.Name.String()] = v
		return v
	case *ast.AliasNode:
		return r.anchors[n.Value.String()]
	case *ast.LiteralNode:
		return n.Value.Value
	case ast.ScalarNode:
		return n.GetValue()
	}
	r.faults = append(r.faults, fmt.Sprintf("%s: %s is not understood", n.GetToken().Position, n.Type()))
	return nil
}

func (r *reader) put(m object, v *ast.MappingValueNode) {
	key := fmt.Sprint(r.value(v.Key))
	if _, twice := m[key]; twice {
		r.faults = append(r.faults, key+" stands there twice")
	}
	m[key] = r.value(v.Value)
}

func (r *reader) tagged(tag string, v any) any {
	name := strings.TrimPrefix(tag, "!")
	switch name {
	case "Ref", "Condition":
		return object{name: v}
	case "GetAtt":
		resource, attribute, _ := strings.Cut(fmt.Sprint(v), ".")
		return object{"Fn::GetAtt": []any{resource, attribute}}
	}
	return object{"Fn::" + name: v}
}

// at follows keys into mappings; what is not there is nil.
func at(v any, keys ...string) any {
	for _, k := range keys {
		m, ok := v.(object)
		if !ok {
			return nil
		}
		v = m[k]
	}
	return v
}

// list returns v, or a list with v alone in it.
func list(v any) []any {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		return v
	}
	return []any{v}
}

// text returns a scalar as it is written.
func text(v any) string {
	switch v.(type) {
	case nil, object, []any:
		return ""
	}
	return fmt.Sprint(v)
}

// walk visits every mapping in v.
func walk(v any, visit func(object)) {
	switch v := v.(type) {
	case object:
		visit(v)
		for _, x := range v {
			walk(x, visit)
		}
	case []any:
		for _, x := range v {
			walk(x, visit)
		}
	}
}

const root = "../.."

// source returns a file of the repository as text.
func source(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(path)))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
