package codemagic

import (
	"cmp"
	"errors"
)

// Settings say which Codemagic workflow hosts a runner type.
type Settings struct {
	// AppID is the id of the Codemagic app: the last part of its page's address.
	AppID string
	// WorkflowID is the workflow's key in the app's codemagic.yaml. Defaults to github-runner.
	WorkflowID string
	// Branch is where codemagic.yaml is read from. Defaults to main.
	Branch string
	// InstanceType overrides the workflow's, such as mac_mini_m2. Defaults to the workflow's.
	InstanceType string
}

func (s Settings) withDefaults() Settings {
	s.WorkflowID = cmp.Or(s.WorkflowID, "github-runner")
	s.Branch = cmp.Or(s.Branch, "main")
	return s
}

func (s Settings) validate() error {
	if s.AppID == "" {
		return errors.New("the app id is missing")
	}
	return nil
}

// workflow identifies the builds of one workflow, which several runner types may share.
func (s Settings) workflow() Filter { return Filter{AppID: s.AppID, WorkflowID: s.WorkflowID} }
