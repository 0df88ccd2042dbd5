package main

import (
	"encoding/json"
	"testing"

	"github.com/datawire/github-runner-provisioner/awsrunner"
	"github.com/datawire/github-runner-provisioner/codemagic"
)

func TestASummarySaysWhatTheRequestSays(t *testing.T) {
	for _, c := range []struct{ name, provider, request, want string }{
		{
			"spot, subnets and a plain volume", awsrunner.Name,
			`{"action": "RunInstances", "places": [{"spot": true, "instance_type": "c7g.large", "subnet": "subnet-a"}],
			  "run_instances": {"BlockDeviceMappings": [{"Ebs": {"VolumeSize": 8}}]}}`,
			"RunInstances c7g.large in subnet-a (spot); 8 GiB",
		},
		{
			"an instance that ends", awsrunner.Name,
			`{"action": "RunInstances", "places": [{"instance_type": "c7g.large"}],
			  "run_instances": {"InstanceInitiatedShutdownBehavior": "terminate"}}`,
			"RunInstances c7g.large; ends itself after the job",
		},
		{
			"an instance that stops", awsrunner.Name,
			`{"action": "RunInstances", "places": [{"instance_type": "c7g.large"}],
			  "run_instances": {"InstanceInitiatedShutdownBehavior": "stop"}}`,
			"RunInstances c7g.large",
		},
		{
			"a build of the workflow's own instance type", codemagic.Name,
			`{"appId": "a", "workflowId": "w", "branch": "b", "environment": {"variables": {}}}`,
			"workflow w of a, branch b",
		},
		{
			"a build with a limit", codemagic.Name,
			`{"appId": "a", "workflowId": "w", "branch": "b", "instanceType": "i", "environment": {"variables": {"RUNNER_MAX_LIFETIME": "5400"}}}`,
			"workflow w of a, branch b, on i; 1.5 h at most",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := summary(c.provider, json.RawMessage(c.request))
			if err != nil || got != c.want {
				t.Errorf("%q, %v, want %q", got, err, c.want)
			}
		})
	}
}

func TestARequestThatCantBeReadIsAnError(t *testing.T) {
	for _, provider := range []string{awsrunner.Name, "somebody else"} {
		if got, err := summary(provider, "no object"); err == nil {
			t.Errorf("%s: no error but %q", provider, got)
		}
	}
}
