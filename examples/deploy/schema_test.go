package deploy_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

func TestTheTemplateFitsTheSchemasOfItsResources(t *testing.T) {
	schemas := readSchemas(t)
	template := readTemplate(t)
	globals, _ := at(template.doc, "Globals", "Function").(object)
	for name, r := range template.doc["Resources"].(object) {
		kind := text(at(r, "Type"))
		schema, known := schemas[kind].(object)
		if !known {
			t.Errorf("%s: the schema of %s is not in testdata", name, kind)
			continue
		}
		properties, _ := at(r, "Properties").(object)
		if kind == "AWS::Serverless::Function" { // what it leaves out is taken from the globals
			merged := maps.Clone(globals)
			maps.Copy(merged, properties)
			properties = merged
		}
		for _, fault := range faults(schema, schema, properties, name) {
			t.Error(fault)
		}
		for key := range r.(object) {
			if !slices.Contains([]string{"Type", "Properties", "Condition", "DependsOn", "Metadata", "DeletionPolicy", "UpdateReplacePolicy"}, key) {
				t.Errorf("%s: %s is no attribute of a resource", name, key)
			}
		}
	}
}

// The check above is ours, so it is checked too.
func TestAMistakeInTheTemplateIsFound(t *testing.T) {
	schemas := readSchemas(t)
	for fault, c := range map[string]struct {
		kind       string
		properties object
	}{
		"x.VisibilityTimout is unknown":                 {"AWS::SQS::Queue", object{"VisibilityTimout": uint64(720)}},
		"x.VisibilityTimeout is string, not [integer]":  {"AWS::SQS::Queue", object{"VisibilityTimeout": "long"}},
		"x.RetentionInDays is 31, which is not among":   {"AWS::Logs::LogGroup", object{"RetentionInDays": uint64(31)}},
		"x lacks AssumeRolePolicyDocument":              {"AWS::IAM::Role", object{}},
		"x.Timeout is 901, not between":                 {"AWS::Serverless::Function", object{"Timeout": uint64(901)}},
		"x.Architectures[0] is arm, which is not among": {"AWS::Serverless::Function", object{"Architectures": []any{"arm"}}},
		"x.Events.Jobs fits none of the alternatives":   {"AWS::Serverless::Function", object{"Events": object{"Jobs": object{"Type": "SQS", "Properties": object{"Que": "q"}}}}},
		"x.Metrics[0].MetricStat.Metric.Dimension is unknown": {"AWS::CloudWatch::Alarm", object{
			"Metrics": []any{object{"Id": "m", "MetricStat": object{"Metric": object{"Dimension": []any{}}, "Period": uint64(60), "Stat": "Sum"}}},
		}},
	} {
		schema := schemas[c.kind].(object)
		if found := strings.Join(faults(schema, schema, c.properties, "x"), "\n"); !strings.Contains(found, fault) {
			t.Errorf("%q is not among\n%s", fault, found)
		}
	}
}

func readSchemas(t *testing.T) object {
	t.Helper()
	b, err := os.ReadFile("testdata/cloudformation.json")
	if err != nil {
		t.Fatal(err)
	}
	var schemas object
	if err := json.Unmarshal(b, &schemas); err != nil {
		t.Fatal(err)
	}
	return schemas
}

// faults compares a value with the part of JSON Schema that the schemas use. What CloudFormation
// computes fits everything; of Fn::If both branches must fit.
func faults(doc, schema object, v any, where string) (all []string) {
	if m, ok := v.(object); ok && len(m) == 1 {
		for f := range m {
			if f == "Fn::If" {
				for _, branch := range list(m[f])[1:] {
					all = append(all, faults(doc, schema, branch, where)...)
				}
				return all
			}
			if f == "Ref" || strings.HasPrefix(f, "Fn::") {
				return nil
			}
		}
	}
	if ref, ok := schema["$ref"].(string); ok {
		return faults(doc, at(doc, "definitions", strings.TrimPrefix(ref, "#/definitions/")).(object), v, where)
	}
	for _, s := range list(schema["allOf"]) {
		all = append(all, faults(doc, s.(object), v, where)...)
	}
	if options := slices.Concat(list(schema["anyOf"]), list(schema["oneOf"])); len(options) > 0 {
		if !slices.ContainsFunc(options, func(s any) bool { return len(faults(doc, s.(object), v, where)) == 0 }) {
			all = append(all, where+" fits none of the alternatives")
		}
	}
	if types := list(schema["type"]); len(types) > 0 && !slices.ContainsFunc(kinds(v), func(k string) bool { return slices.Contains(types, any(k)) }) {
		return append(all, fmt.Sprintf("%s is %s, not %v", where, kinds(v)[0], types))
	}
	if options := list(schema["enum"]); len(options) > 0 && !slices.ContainsFunc(options, func(o any) bool { return text(o) == text(v) }) {
		all = append(all, fmt.Sprintf("%s is %s, which is not among %v", where, text(v), options))
	}
	switch v := v.(type) {
	case object:
		return append(all, objectFaults(doc, schema, v, where)...)
	case []any:
		if items, ok := schema["items"].(object); ok {
			for i, x := range v {
				all = append(all, faults(doc, items, x, fmt.Sprintf("%s[%d]", where, i))...)
			}
		}
	case uint64:
		least, most := schema["minimum"], schema["maximum"]
		if l, ok := least.(float64); ok && float64(v) < l {
			all = append(all, fmt.Sprintf("%s is %d, not between %v and %v", where, v, least, most))
		}
		if m, ok := most.(float64); ok && float64(v) > m {
			all = append(all, fmt.Sprintf("%s is %d, not between %v and %v", where, v, least, most))
		}
	}
	return all
}

func objectFaults(doc, schema, v object, where string) (all []string) {
	for _, r := range list(schema["required"]) {
		if _, ok := v[text(r)]; !ok {
			all = append(all, where+" lacks "+text(r))
		}
	}
	for key, x := range v {
		path := where + "." + key
		if s, ok := at(schema, "properties", key).(object); ok {
			all = append(all, faults(doc, s, x, path)...)
		} else if s, ok := schema["additionalProperties"].(object); ok {
			all = append(all, faults(doc, s, x, path)...)
		} else if schema["additionalProperties"] == false {
			all = append(all, path+" is unknown")
		}
	}
	return all
}

// kinds are JSON Schema's names for a value.
func kinds(v any) []string {
	switch v.(type) {
	case object:
		return []string{"object"}
	case []any:
		return []string{"array"}
	case bool:
		return []string{"boolean"}
	case uint64, int64:
		return []string{"integer", "number"}
	case float64:
		return []string{"number"}
	case nil:
		return []string{"null"}
	}
	return []string{"string"}
}
