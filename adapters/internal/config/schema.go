package config

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

//go:generate cp runners.schema.json ../../../examples/runners.schema.json

//go:embed runners.schema.json
var schemaText []byte

// schema says what a catalogue may hold, to this package and to editors.
type schema struct {
	*jsonschema.Schema
	written any // as it is written, in its order
}

const durationFormat = "go-duration"

// loadSchema compiles the schema when the first catalogue is read. That it compiles is seen by the
// tests.
var loadSchema = sync.OnceValue(func() (s schema) {
	const location = "file:///runners.schema.json" // in memory: nothing is looked up
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	c.RegisterFormat(&jsonschema.Format{Name: durationFormat, Validate: checkDuration})
	c.RegisterFormat(&jsonschema.Format{Name: "https-url", Validate: checkHTTPSURL})
	content, err := jsonschema.UnmarshalJSON(bytes.NewReader(schemaText))
	if err == nil {
		err = c.AddResource(location, content)
	}
	if err == nil {
		err = yaml.UnmarshalWithOptions(schemaText, &s.written, yaml.UseOrderedMap())
	}
	if err != nil {
		panic(err)
	}
	s.Schema = c.MustCompile(location)
	return s
})

// checkDuration knows what the schema's pattern, which is for editors, can't say.
func checkDuration(v any) error {
	text, ok := v.(string)
	if !ok {
		return nil
	}
	d, err := time.ParseDuration(text)
	switch {
	case err != nil:
		return fmt.Errorf("%s is not a duration: write it like 6h, 30m or 90s", quote(text))
	case d <= 0:
		return fmt.Errorf("%s is not longer than 0", quote(text))
	}
	return nil
}

func checkHTTPSURL(v any) error {
	text, _ := v.(string)
	if wrong := wrongURL(text); text != "" && wrong != "" {
		return errors.New(wrong)
	}
	if strings.HasPrefix(text, "http:") {
		return errors.New("machines download over https alone: write https://")
	}
	return nil
}

// at returns what is written at a place that the validator names, such as
// file:///runners.schema.json#/$defs/aws, or below it.
func (s schema) at(place string, keys ...string) any {
	v := s.written
	if _, pointer, ok := strings.Cut(place, "#/"); ok {
		for token := range strings.SplitSeq(pointer, "/") {
			token, _ = url.PathUnescape(token)
			v = below(v, strings.ReplaceAll(token, "~1", "/"))
		}
	}
	return below(v, keys...)
}

// text is the text there, "" if there is none.
func (s schema) text(place string, keys ...string) string {
	if v := s.at(place, keys...); v != nil {
		return fmt.Sprint(v)
	}
	return ""
}

// below returns what is written under keys, nil if nothing is.
func below(v any, keys ...string) any {
	for _, key := range keys {
		switch parent := v.(type) {
		case yaml.MapSlice:
			v = parent.ToMap()[key]
		case []any:
			i, _ := strconv.Atoi(key)
			v = parent[i]
		default:
			return nil
		}
	}
	return v
}
