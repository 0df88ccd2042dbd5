package codemagic

import (
	"encoding/json"
	"maps"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// StartRequest asks for a build. Encoded as JSON it is the API's request with placeholders for the
// secrets, fit to be shown.
type StartRequest struct {
	AppID      string
	WorkflowID string
	Branch     string
	// InstanceType overrides the workflow's, unless it is empty.
	InstanceType string
	Labels       []string
	// Variables and Secrets become the build's environment variables, all of them. Codemagic treats
	// them alike and shows them to whoever may see the build; the difference is that this package
	// never shows a secret.
	Variables map[string]string
	Secrets   map[string]provisioner.Secret
}

// startBody is the request in the API's form. Its source: the example at
// https://docs.codemagic.io/rest-api/builds/.
type startBody struct {
	AppID        string           `json:"appId"`
	WorkflowID   string           `json:"workflowId"`
	Branch       string           `json:"branch"`
	InstanceType string           `json:"instanceType,omitempty"`
	Labels       []string         `json:"labels,omitempty"`
	Environment  startEnvironment `json:"environment"`
}

type startEnvironment struct {
	Variables map[string]string `json:"variables"`
}

// MarshalJSON encodes the request without its secrets.
func (r StartRequest) MarshalJSON() ([]byte, error) {
	return json.Marshal(r.body(provisioner.Secret.String))
}

func (r StartRequest) body(show func(provisioner.Secret) string) startBody {
	variables := make(map[string]string, len(r.Variables)+len(r.Secrets))
	maps.Copy(variables, r.Variables)
	for name, secret := range r.Secrets {
		variables[name] = show(secret)
	}
	return startBody{
		AppID: r.AppID, WorkflowID: r.WorkflowID, Branch: r.Branch, InstanceType: r.InstanceType, Labels: r.Labels,
		Environment: startEnvironment{Variables: variables},
	}
}
