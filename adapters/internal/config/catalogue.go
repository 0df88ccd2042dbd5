package config

import (
	"bytes"
	"cmp"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

type catalogue struct {
	document
	schema schema
	root   *value
	meant  map[string]bool // paths of known keys that unknown ones were probably meant to be
}

// parseCatalogue reads a catalogue of runner types. The faults begin with file, line and column;
// the types are complete only if there are none, but those that have a provider are returned in any
// case, so that what they need can be checked as well.
func parseCatalogue(file string, content []byte) (types []Runner, faults []string) {
	c := &catalogue{
		document: document{file: file, anchors: map[string]ast.Node{}, open: map[ast.Node]bool{}},
		schema:   loadSchema(),
		meant:    map[string]bool{},
	}
	if body := c.parse(bytes.TrimPrefix(content, []byte("\ufeff"))); body != nil {
		c.root = c.read("", nil, body)
		c.validate()
		types = c.types()
	}
	return types, c.sorted()
}

// types decodes the runner types, of a faulty catalogue what can be.
func (c *catalogue) types() []Runner {
	var decoded struct{ Runners []Runner }
	content, err := json.Marshal(c.schema.fields(c.root.plain, c.schema.written))
	if err == nil {
		d := json.NewDecoder(bytes.NewReader(content))
		d.DisallowUnknownFields()
		err = d.Decode(&decoded)
	}
	if err != nil && len(c.faults) == 0 {
		c.fault(nil, "", "the runner types can't be read: %v", err)
	}
	first := map[string]int{}
	for i := range decoded.Runners {
		r := &decoded.Runners[i]
		if j, twice := first[r.Name]; twice {
			name := c.root.find([]string{"runners", strconv.Itoa(i), "name"})
			c.fault(name.at, name.path, "%s is the name of runners[%d] already", quote(r.Name), j)
		} else if r.Name != "" {
			first[r.Name] = i
		}
		r.setDefaults()
	}
	return decoded.Runners
}

// fields keeps what the schema describes, and names it as encoding/json wants it for a [Runner]:
// max_lifetime is MaxLifetime there, whatever the case. Durations become nanoseconds.
func (s schema) fields(plain, described any) any {
	if ref, ok := below(described, "$ref").(string); ok {
		described = s.at(ref)
	}
	switch plain := plain.(type) {
	case map[string]any:
		properties := below(described, "properties")
		if properties == nil {
			return plain
		}
		fields := make(map[string]any, len(plain))
		for key, v := range plain {
			if property := below(properties, key); property != nil {
				fields[strings.ReplaceAll(key, "_", "")] = s.fields(v, property)
			}
		}
		return fields
	case []any:
		items := make([]any, len(plain))
		for i, v := range plain {
			items[i] = s.fields(v, below(described, "items"))
		}
		return items
	case string:
		if d, err := time.ParseDuration(plain); err == nil && below(described, "format") == durationFormat {
			return d
		}
	}
	return plain
}

func (r *Runner) setDefaults() {
	bootDeadline := defaultBootDeadlineAWS
	if r.Codemagic != nil {
		bootDeadline = defaultBootDeadlineCodemagic
		r.Codemagic.WorkflowID = cmp.Or(r.Codemagic.WorkflowID, "github-runner")
		r.Codemagic.Branch = cmp.Or(r.Codemagic.Branch, "main")
	}
	r.Scope = cmp.Or(r.Scope, provisioner.ScopeRepository)
	r.Group = cmp.Or(r.Group, defaultGroup)
	r.MaxLifetime = cmp.Or(r.MaxLifetime, defaultMaxLifetime)
	r.BootDeadline = cmp.Or(r.BootDeadline, bootDeadline)
}
