package config

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// validate notes what the schema finds wrong. What takes away the reason of other faults comes
// first.
func (c *catalogue) validate() {
	err := c.schema.Validate(c.root.plain)
	c.each(err, c.misplaced)
	c.each(err, c.unknown)
	c.each(err, c.tell)
}

// each calls f for the faults that have no causes of their own.
func (c *catalogue) each(err error, f func(*jsonschema.ValidationError, *value)) {
	e, ok := errors.AsType[*jsonschema.ValidationError](err)
	if !ok {
		return
	}
	for _, cause := range e.Causes {
		c.each(cause, f)
	}
	if v := c.root.find(e.InstanceLocation); len(e.Causes) == 0 && !v.broken {
		f(e, v)
	}
}

// misplaced notes what must not be where it is. What is wrong inside does not matter then.
func (c *catalogue) misplaced(e *jsonschema.ValidationError, v *value) {
	if _, ok := e.ErrorKind.(*kind.Not); ok {
		c.fault(v.key, v.path, "%s", c.schema.text(e.SchemaURL, "x-fault", "not"))
		v.broken = true
	}
}

// unknown notes unknown keys, and the known ones that were probably meant: those are not missing.
func (c *catalogue) unknown(e *jsonschema.ValidationError, v *value) {
	k, ok := e.ErrorKind.(*kind.AdditionalProperties)
	if !ok {
		return
	}
	properties, _ := c.schema.at(e.SchemaURL, "properties").(yaml.MapSlice)
	var known []string
	for _, p := range properties {
		known = append(known, fmt.Sprint(p.Key))
	}
	for _, key := range k.Properties {
		hint := "known are " + strings.Join(known, ", ")
		if near := nearest(key, known); near != "" {
			hint = "did you mean " + near + "?"
			c.meant[join(v.path, near)] = true
		}
		c.fault(v.children[key].key, v.children[key].path, "unknown key; %s", hint)
	}
}

// tell notes the other faults. Their words are the schema's: title, patternErrorMessage (which
// editors show, too) and x-fault, a text for each keyword.
func (c *catalogue) tell(e *jsonschema.ValidationError, v *value) {
	switch k := e.ErrorKind.(type) {
	case *kind.AdditionalProperties:
	case *kind.Required:
		c.missing(e, v, k.Missing)
	case *kind.DependentRequired:
		if len(k.Missing) == 1 {
			c.missing(e, v, k.Missing)
		} else {
			c.fault(v.children[k.Prop].at, v.children[k.Prop].path, "needs %s beside it", strings.Join(k.Missing, " and "))
		}
	default:
		at := v.at
		if v.key != nil && v.node.Type() == ast.NullType {
			at = v.key
		}
		c.fault(at, v.path, "%s", c.wrong(e, v))
	}
}

func (c *catalogue) missing(e *jsonschema.ValidationError, v *value, keys []string) {
	for _, key := range keys {
		if path := join(v.path, key); !c.meant[path] {
			c.fault(v.at, path, "missing: %s", c.schema.text(e.SchemaURL, "properties", key, "title"))
		}
	}
}

// wrong says what is wrong with a value.
func (c *catalogue) wrong(e *jsonschema.ValidationError, v *value) string {
	says := func(below ...string) string { return c.schema.text(e.SchemaURL, below...) }
	switch k := e.ErrorKind.(type) {
	case *kind.Type:
		return wrongType(k, v.node, says)
	case *kind.MinItems, *kind.MinLength:
		return empty(says)
	case *kind.MaxItems:
		return fmt.Sprintf("%d %s", k.Got, says("x-fault", "maxItems"))
	case *kind.MaxProperties:
		return fmt.Sprintf("%d %s", k.Got, says("x-fault", "maxProperties"))
	case *kind.MaxLength:
		return fmt.Sprintf("the value has more than %d characters", k.Want)
	case *kind.Minimum, *kind.Maximum:
		return fmt.Sprintf("%s is not between %s and %s", v.node.GetToken().Value, says("minimum"), says("maximum"))
	case *kind.Pattern:
		return quote(k.Got) + " " + says("patternErrorMessage")
	case *kind.Format:
		return k.Err.Error()
	case *kind.Enum:
		var options []string
		for _, option := range k.Want {
			if option, ok := option.(string); ok {
				options = append(options, option)
			}
		}
		text, _ := v.plain.(string)
		hint := ""
		if near := nearest(text, options); near != "" {
			hint = "; did you mean " + near + "?"
		}
		return fmt.Sprintf("%s is not one of %s%s", quote(text), strings.Join(options, ", "), hint)
	}
	return e.Error()
}

func empty(says func(...string) string) string {
	if meaning := cmp.Or(says("x-fault", "minItems"), says("title")); meaning != "" {
		return "empty: " + meaning
	}
	return "empty"
}

func wrongType(k *kind.Type, n ast.Node, says func(...string) string) string {
	given, wanted := says("x-fault", k.Got), says("x-fault", "type")
	switch {
	case k.Got == "null":
		return empty(says)
	case given != "":
		return strings.TrimSuffix(describe(n), " is a number") + " " + given
	case wanted != "":
		return describe(n) + ", " + wanted
	case slices.Contains(k.Want, "object"):
		return describe(n) + " where a mapping of keys to values belongs"
	case slices.Contains(k.Want, "array"):
		return describe(n) + ", not a list: write it like [a, b]"
	case slices.Contains(k.Want, "integer"):
		return describe(n) + ", not a whole number"
	case k.Got == "array" || k.Got == "object":
		return describe(n) + " where a text belongs"
	}
	// Numbers are not taken for text: YAML reads 24.10 as 24.1.
	return describe(n) + ", not text: write it in quotes"
}
