//go:build ignore

// Command ec2-model makes ec2-api.json, the part of EC2's API model that the fake EC2 speaks, from
// models/apis/ec2/2016-11-15/api-2.json of the module github.com/aws/aws-sdk-go v1.55.8 (Apache
// License 2.0, Copyright Amazon.com, Inc. or its affiliates):
//
//	go mod download -json github.com/aws/aws-sdk-go@v1.55.8   # in an empty module; prints Dir
//	go run testdata/ec2-model/main.go DIR/models/apis/ec2/2016-11-15/api-2.json > testdata/ec2-api.json
package main

import (
	"encoding/json"
	"os"
	"sort"
	"strings"
)

type ref struct {
	Shape        string `json:"shape"`
	LocationName string `json:"locationName"`
	QueryName    string `json:"queryName"`
}

type model struct {
	Operations map[string]struct {
		Input, Output ref
	} `json:"operations"`
	Shapes map[string]struct {
		Type     string         `json:"type"`
		Members  map[string]ref `json:"members"`
		Member   *ref           `json:"member"`
		Required []string       `json:"required"`
		Enum     []string       `json:"enum"`
	} `json:"shapes"`
}

type shape struct {
	Members  map[string]*shape `json:"members,omitempty"`
	Required []string          `json:"required,omitempty"`
	List     *shape            `json:"list,omitempty"`
	Enum     []string          `json:"enum,omitempty"`
	Type     string            `json:"type,omitempty"`
}

func main() {
	var m model
	b, err := os.ReadFile(os.Args[1])
	must(err)
	must(json.Unmarshal(b, &m))
	// InstanceType alone has over a thousand values; what is new there is no drift of ours.
	out := map[string]map[string]*shape{}
	for _, op := range []string{"RunInstances", "DescribeInstances", "TerminateInstances", "DescribeImages"} {
		out[op] = map[string]*shape{"input": m.shape(m.Operations[op].Input.Shape, true), "output": m.shape(m.Operations[op].Output.Shape, false)}
	}
	enc := json.NewEncoder(os.Stdout)
	enc.SetIndent("", " ")
	must(enc.Encode(out))
}

func (m model) shape(name string, input bool) *shape {
	s := m.Shapes[name]
	x := &shape{}
	switch s.Type {
	case "structure":
		x.Members = map[string]*shape{}
		names := map[string]string{}
		for member, r := range s.Members {
			names[member] = wire(member, r, input)
			x.Members[names[member]] = m.shape(r.Shape, input)
		}
		for _, r := range s.Required {
			if input {
				x.Required = append(x.Required, names[r])
			}
		}
		sort.Strings(x.Required)
	case "list":
		x.List = m.shape(s.Member.Shape, input)
	case "string":
		if input && name != "InstanceType" {
			x.Enum = s.Enum
		}
	default:
		x.Type = s.Type
	}
	return x
}

// wire is a member's name on the wire: the EC2 protocol has its own rule for requests.
func wire(member string, r ref, input bool) string {
	if !input {
		if r.LocationName != "" {
			return r.LocationName
		}
		return member
	}
	switch {
	case r.QueryName != "":
		return r.QueryName
	case r.LocationName != "":
		return strings.ToUpper(r.LocationName[:1]) + r.LocationName[1:]
	}
	return member
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
