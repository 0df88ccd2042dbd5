package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/datawire/github-runner-provisioner/awsrunner"
	"github.com/datawire/github-runner-provisioner/codemagic"
)

// launch is what matters of a planned RunInstances call.
type launch struct {
	Action string
	Places []struct {
		Spot         bool
		InstanceType string `json:"instance_type"`
		Subnet       string
	}
	RunInstances struct {
		BlockDeviceMappings []struct {
			Ebs struct {
				VolumeSize int
				Encrypted  bool
			}
		}
		InstanceInitiatedShutdownBehavior string
	} `json:"run_instances"`
}

func (l launch) String() string {
	places := make([]string, 0, len(l.Places))
	for _, at := range l.Places {
		s := at.InstanceType + prefixed(" in ", at.Subnet)
		if at.Spot {
			s += " (spot)"
		}
		places = append(places, s)
	}
	facts := []string{l.Action + " " + strings.Join(places, ", else ")}
	for _, d := range l.RunInstances.BlockDeviceMappings {
		s := fmt.Sprintf("%d GiB", d.Ebs.VolumeSize)
		if d.Ebs.Encrypted {
			s += " encrypted"
		}
		facts = append(facts, s)
	}
	if l.RunInstances.InstanceInitiatedShutdownBehavior == "terminate" {
		facts = append(facts, "ends itself after the job")
	}
	return strings.Join(facts, "; ")
}

// build is what matters of a planned build.
type build struct {
	AppID, WorkflowID, Branch, InstanceType string

	Environment struct {
		Variables struct {
			MaxLifetime string `json:"RUNNER_MAX_LIFETIME"` // in seconds
		}
	}
}

func (b build) String() string {
	s := fmt.Sprintf("workflow %s of %s, branch %s", b.WorkflowID, b.AppID, b.Branch) + prefixed(", on ", b.InstanceType)
	if d, err := time.ParseDuration(b.Environment.Variables.MaxLifetime + "s"); err == nil {
		s += fmt.Sprintf("; %g h at most", d.Hours())
	}
	return s
}

// summary says in one line what a provider would be asked for.
func summary(provider string, request any) (string, error) {
	readers := map[string]fmt.Stringer{awsrunner.Name: &launch{}, codemagic.Name: &build{}}
	s, ok := readers[provider]
	if !ok {
		return "", fmt.Errorf("no summary for requests to %s", provider)
	}
	b, err := json.Marshal(request)
	if err != nil {
		return "", err
	}
	if err := json.Unmarshal(b, s); err != nil {
		return "", fmt.Errorf("read the request to %s: %w", provider, err)
	}
	return s.String(), nil
}
