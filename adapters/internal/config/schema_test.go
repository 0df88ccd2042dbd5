package config_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/datawire/github-runner-provisioner/adapters/internal/config"
)

var examples = filepath.Join("..", "..", "..", "examples")

type object = map[string]any

// readSchema returns the schema, and its definition of a runner type, of aws and of codemagic.
func readSchema(t *testing.T) (whole, runner, aws, codemagic object) {
	t.Helper()
	if err := json.Unmarshal(config.SchemaText, &whole); err != nil {
		t.Fatal(err)
	}
	defs := whole["$defs"].(object)
	return whole, defs["runner"].(object), defs["aws"].(object), defs["codemagic"].(object)
}

func TestTheSchemaIsAValidOne(t *testing.T) {
	content, err := jsonschema.UnmarshalJSON(bytes.NewReader(config.SchemaText))
	if err != nil {
		t.Fatal(err)
	}
	const draft = "https://json-schema.org/draft/2020-12/schema"
	if got := content.(object)["$schema"]; got != draft {
		t.Errorf("$schema is %v", got)
	}
	if err := jsonschema.NewCompiler().MustCompile(draft).Validate(content); err != nil {
		t.Error(err)
	}
}

func TestTheSchemaOfTheExamplesIsTheBuiltInOne(t *testing.T) {
	copied, err := os.ReadFile(filepath.Join(examples, "runners.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(copied, config.SchemaText) {
		t.Error("they differ: make generate")
	}
}

func TestEveryExampleNamesTheSchemaAndFits(t *testing.T) {
	n := 0
	err := filepath.WalkDir(examples, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() != "runners.yaml" {
			return err
		}
		n++
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		first, _, _ := strings.Cut(string(text), "\n")
		named, ok := strings.CutPrefix(first, "# yaml-language-server: $schema=")
		if !ok || filepath.Join(filepath.Dir(path), named) != filepath.Join(examples, "runners.schema.json") {
			t.Errorf("the first line of %s is %q", path, first)
		}
		if _, faults := config.ParseCatalogue(path, text); len(faults) > 0 {
			t.Error(strings.Join(faults, "\n"))
		}
		return nil
	})
	if err != nil || n < 2 {
		t.Errorf("%d catalogues, %v", n, err)
	}
}

func TestEverySettingIsAKeyOfTheSchemaAndEveryKeyASetting(t *testing.T) {
	whole, runner, aws, codemagic := readSchema(t)
	r := reflect.TypeFor[config.Runner]()
	field := func(name string) reflect.Type {
		f, _ := r.FieldByName(name)
		return f.Type
	}
	for name, c := range map[string]struct {
		schema object
		fields []string
	}{
		"catalogue": {whole, []string{"runners"}},
		"runner":    {runner, append(fields(field("RunnerType")), "aws", "codemagic")},
		"aws":       {aws, fields(field("AWS").Elem())},
		"codemagic": {codemagic, fields(field("Codemagic").Elem())},
	} {
		var keys []string
		for key := range c.schema["properties"].(object) {
			keys = append(keys, strings.ReplaceAll(key, "_", ""))
		}
		slices.Sort(keys)
		slices.Sort(c.fields)
		if diff := cmp.Diff(c.fields, keys); diff != "" {
			t.Errorf("%s: -settings +keys:\n%s", name, diff)
		}
		if c.schema["additionalProperties"] != false {
			t.Errorf("%s: unknown keys are accepted", name)
		}
	}
}

func fields(t reflect.Type) (names []string) {
	for f := range t.Fields() {
		names = append(names, strings.ToLower(f.Name))
	}
	return names
}

func TestEveryKeyIsExplained(t *testing.T) {
	whole, runner, aws, codemagic := readSchema(t)
	for _, block := range []object{whole, runner, aws, codemagic} {
		required, _ := block["required"].([]any)
		for key, p := range block["properties"].(object) {
			property := p.(object)
			if name, ok := property["$ref"].(string); ok && property["title"] == nil {
				property = whole["$defs"].(object)[filepath.Base(name)].(object)
			}
			if property["title"] == nil || property["description"] == nil {
				t.Errorf("%s has no title or no description", key)
			}
			byProvider := key == "aws" || key == "codemagic" || key == "boot_deadline"
			if _, ok := property["default"]; ok == (byProvider || slices.Contains(required, any(key))) {
				t.Errorf("%s: a default: %v", key, ok)
			}
		}
	}
}

// What aws leaves out is awsrunner's to fill in; its tests compare that.
func TestADefaultOfTheSchemaIsWhatALeftOutKeyMeans(t *testing.T) {
	_, runner, _, codemagic := readSchema(t)
	for i, provider := range []string{"aws", "codemagic"} {
		block := object{"image": "a", "instance_types": []string{"a"}}
		if provider == "codemagic" {
			block = object{"app_id": "a"}
		}
		typ := object{"name": "a", "labels": []string{"a"}, "provider": provider, provider: block}
		leftOut := parseJSON(t, object{"runners": []any{typ}})
		setDefaults(typ, runner)
		setDefaults(typ, runner["allOf"].([]any)[i].(object)["then"].(object))
		if provider == "codemagic" {
			setDefaults(block, codemagic)
		}
		if typ["max_lifetime"] == nil || typ["boot_deadline"] == nil {
			t.Errorf("defaults are missing: %v", typ)
		}
		if diff := cmp.Diff(leftOut, parseJSON(t, object{"runners": []any{typ}})); diff != "" {
			t.Errorf("%s: -left out +the schema's defaults:\n%s", provider, diff)
		}
	}
}

func setDefaults(block, schema object) {
	for key, property := range schema["properties"].(object) {
		if d, ok := property.(object)["default"]; ok {
			block[key] = d
		}
	}
}

// parseJSON reads a catalogue that is written in JSON, which is YAML, too.
func parseJSON(t *testing.T, catalogue any) []config.Runner {
	t.Helper()
	text, err := json.Marshal(catalogue)
	if err != nil {
		t.Fatal(err)
	}
	types, faults := config.ParseCatalogue("c", text)
	if len(faults) > 0 {
		t.Fatal(strings.Join(faults, "\n"))
	}
	return types
}
