package config

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// document is a YAML file that is being read. It collects every fault with its position instead of
// stopping at the first.
type document struct {
	file    string
	anchors map[string]ast.Node // so far
	open    map[ast.Node]bool   // being read
	values  int                 // read so far
	faults  []yamlFault
}

type yamlFault struct {
	line, column int
	text         string
}

// maxFile keeps a mistaken RUNNERS_FILE from being parsed for minutes; a catalogue of 50 types has
// some 30 KB.
const maxFile = 256 << 10

// parse returns the file's only document. It returns nil, and a fault, when there is none.
func (d *document) parse(content []byte) ast.Node {
	switch {
	case len(content) > maxFile:
		d.fault(nil, "", "the file is larger than 256 KiB")
		return nil
	case !utf8.Valid(content):
		d.fault(nil, "", "the file is not text in UTF-8")
		return nil
	}
	file, err := parseYAML(content)
	if err != nil {
		if at, ok := errors.AsType[yaml.Error](err); ok {
			d.faultAt(at.GetToken(), at.GetMessage())
		} else {
			d.faultAt(nil, err.Error())
		}
		return nil
	}
	var body ast.Node
	for _, doc := range file.Docs {
		switch {
		case doc.Body == nil || doc.Body.Type() == ast.DirectiveType || doc.Body.Type() == ast.CommentType:
		case body != nil:
			d.fault(doc.Body, "", "a second YAML document begins here: the catalogue is one document, without --- in between")
			return body
		default:
			body = doc.Body
		}
	}
	if body == nil {
		d.fault(nil, "", "the file is empty: it must hold a list named runners")
		return nil
	}
	return body
}

// parseYAML guards against the parser's own faults: what an operator wrote must not end the process
// with a stack trace.
func parseYAML(content []byte) (f *ast.File, err error) {
	defer func() {
		if p := recover(); p != nil {
			f, err = nil, fmt.Errorf("the YAML can't be parsed: %v", p)
		}
	}()
	return parser.ParseBytes(content, 0, parser.AllowDuplicateMapKey()) // duplicates are reported with the rest
}

// fault notes what is wrong at a node. path is what the node is in the document, "" for the whole.
func (d *document) fault(at ast.Node, path, format string, args ...any) {
	var t *token.Token
	if at != nil {
		t = first(at)
	}
	if path != "" {
		path += ": "
	}
	d.faultAt(t, path+fmt.Sprintf(format, args...))
}

func (d *document) faultAt(t *token.Token, text string) {
	line, column := 1, 1
	if t != nil && t.Position != nil {
		line, column = max(t.Position.Line, 1), max(t.Position.Column, 1)
	}
	d.faults = append(d.faults, yamlFault{line, column, oneLine(text)})
}

// sorted returns the faults as FILE:LINE:COLUMN: TEXT from the top of the file to its end.
func (d *document) sorted() []string {
	slices.SortStableFunc(d.faults, func(a, b yamlFault) int {
		return cmp.Or(cmp.Compare(a.line, b.line), cmp.Compare(a.column, b.column), cmp.Compare(a.text, b.text))
	})
	lines := make([]string, 0, len(d.faults))
	for _, f := range d.faults {
		lines = append(lines, fmt.Sprintf("%s:%d:%d: %s", d.file, f.line, f.column, f.text))
	}
	return slices.Compact(lines)
}

// first is the token at which a node begins; the parser files block mappings under their first
// colon.
func first(n ast.Node) *token.Token {
	switch n := n.(type) {
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 {
			return first(n.Values[0].Key)
		}
	case *ast.MappingValueNode:
		return first(n.Key)
	}
	return n.GetToken()
}
