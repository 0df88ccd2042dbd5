package provisionertest

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

// ec2Model is the part of EC2's API model that the fake speaks; see testdata/ec2-model/README.md.
//
//go:embed testdata/ec2-api.json
var ec2Model []byte

const ec2Version = "2016-11-15"

// ec2Shape is a type of the API: a structure, a list, or a scalar, which is a string unless Type says otherwise.
type ec2Shape struct {
	Members  map[string]*ec2Shape `json:"members"`
	Required []string             `json:"required"`
	List     *ec2Shape            `json:"list"`
	Enum     []string             `json:"enum"`
	Type     string               `json:"type"`
}

// ec2Actions holds the input and the output of each action.
type ec2Actions map[string]struct{ Input, Output *ec2Shape }

var ec2API = sync.OnceValue(func() (a ec2Actions) {
	if err := json.Unmarshal(ec2Model, &a); err != nil {
		panic(err)
	}
	return a
})

// check refuses what the real API would not understand.
func (a ec2Actions) check(action string, form url.Values) *ec2Error {
	op, ok := a[action]
	if !ok {
		return invalid("InvalidAction", "The action %s is not valid for this web service.", action)
	}
	if v := form.Get("Version"); v != ec2Version {
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

func (s *ec2Shape) checkParameter(whole string, path []string, value string) *ec2Error {
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

func (s *ec2Shape) checkValue(whole, value string) *ec2Error {
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
