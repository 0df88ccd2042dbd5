package ec2test

import (
	_ "embed"
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// model is the part of EC2's API model that the fake speaks; see testdata/ec2-model/README.md.
//
//go:embed testdata/ec2-api.json
var model []byte

const apiVersion = "2016-11-15"

// shape is a type of the API: a structure, a list, or a scalar, which is a string unless Type says
// otherwise.
type shape struct {
	Members  map[string]*shape `json:"members"`
	Required []string          `json:"required"`
	List     *shape            `json:"list"`
	Enum     []string          `json:"enum"`
	Type     string            `json:"type"`
}

// actions holds the input and the output of each action.
type actions map[string]struct{ Input, Output *shape }

var api = sync.OnceValue(func() (a actions) {
	if err := json.Unmarshal(model, &a); err != nil {
		panic(err)
	}
	return a
})

// check refuses what the real API would not understand.
func (a actions) check(action string, form url.Values) *apiError {
	op, ok := a[action]
	if !ok {
		return invalid("InvalidAction", "The action %s is not valid for this web service.", action)
	}
	if v := form.Get("Version"); v != apiVersion {
		return invalid("NoSuchVersion", "The requested version (%s) of service AmazonEC2 does not exist", v)
	}
	names := slices.Sorted(maps.Keys(form))
	for _, name := range names {
		if name == "Action" || name == "Version" {
			continue
		}
		if err := op.Input.checkParameter(name, strings.Split(name, "."), form.Get(name)); err != nil {
			return err
		}
	}
	for _, name := range op.Input.Required {
		if !slices.ContainsFunc(names, func(k string) bool { return k == name || strings.HasPrefix(k, name+".") }) {
			return invalid("MissingParameter", "The request must contain the parameter %s", name)
		}
	}
	return nil
}

func (s *shape) checkParameter(whole string, path []string, value string) *apiError {
	if len(path) == 0 {
		return s.checkValue(whole, value)
	}
	switch {
	case s.List != nil:
		if n, err := strconv.Atoi(path[0]); err != nil || n < 1 {
			return invalid("InvalidParameterValue", "The parameter %s has no number where a list wants one", whole)
		}
		return s.List.checkParameter(whole, path[1:], value)
	case s.Members[path[0]] != nil:
		return s.Members[path[0]].checkParameter(whole, path[1:], value)
	default:
		return invalid("UnknownParameter", "The parameter %s is unknown", whole)
	}
}

func (s *shape) checkValue(whole, value string) *apiError {
	ok := s.Members == nil && s.List == nil
	switch s.Type {
	case "integer", "long":
		_, err := strconv.ParseInt(value, 10, 64)
		ok = ok && err == nil
	case "boolean":
		ok = ok && (value == "true" || value == "false")
	}
	if !ok || len(s.Enum) > 0 && !slices.Contains(s.Enum, value) {
		return invalid("InvalidParameterValue", "Value (%s) for parameter %s is invalid.", value, whole)
	}
	return nil
}
