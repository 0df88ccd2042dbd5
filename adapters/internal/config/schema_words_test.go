package config_test

import (
	"slices"
	"testing"
)

// What the validator says itself is about the schema; an operator is told about the catalogue. A
// keyword that is new here needs words in schema_faults.go.
func TestThereAreWordsForEveryKeywordOfTheSchema(t *testing.T) {
	whole, _, _, _ := readSchema(t)
	eachSchema("", whole, func(place string, s object) {
		known := []string{
			"$schema", "$id", "$defs", "$ref", "$comment", "title", "description", "default", "x-fault", "patternErrorMessage",
			"type", "enum", "const", "format", "pattern", "minLength", "maxLength", "minimum", "maximum", "minItems", "maxItems", "maxProperties",
			"properties", "patternProperties", "additionalProperties", "required", "dependentRequired", "items", "allOf", "if", "then", "else", "not",
		}
		for keyword := range s {
			if !slices.Contains(known, keyword) {
				t.Errorf("%s has the keyword %s", place, keyword)
			}
		}
		says, _ := s["x-fault"].(object)
		for _, keyword := range []string{"maxItems", "maxProperties", "not"} {
			if s[keyword] != nil && says[keyword] == nil {
				t.Errorf("%s has no words for %s", place, keyword)
			}
		}
		if s["pattern"] != nil && s["patternErrorMessage"] == nil {
			t.Errorf("%s has no words for its pattern", place)
		}
		if (s["minimum"] == nil) != (s["maximum"] == nil) {
			t.Errorf("%s has one limit only", place)
		}
		properties, _ := s["properties"].(object)
		required, _ := s["required"].([]any)
		for _, key := range required {
			if property, ok := properties[key.(string)].(object); !ok || property["title"] == nil && property["const"] == nil {
				t.Errorf("%s has no title for %s, which is required", place, key)
			}
		}
	})
}

// eachSchema visits a schema and those in it.
func eachSchema(place string, s object, visit func(place string, s object)) {
	visit(place, s)
	for keyword, v := range s {
		below := place + "/" + keyword
		switch keyword {
		case "properties", "patternProperties", "$defs":
			for key, v := range v.(object) {
				eachSchema(below+"/"+key, v.(object), visit)
			}
		case "allOf":
			for _, v := range v.([]any) {
				eachSchema(below, v.(object), visit)
			}
		case "items", "additionalProperties", "if", "then", "else":
			if v, ok := v.(object); ok {
				eachSchema(below, v, visit)
			}
		}
	}
}
