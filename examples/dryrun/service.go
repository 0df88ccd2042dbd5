package main

import (
	"net/http"

	"github.com/datawire/github-runner-provisioner/awsrunner"
	"github.com/datawire/github-runner-provisioner/codemagic"
	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/webhook"
)

// types are the runner types on offer; the first whose labels fit a job serves it.
var types = []provisioner.RunnerType{
	{Name: "ubuntu-arm64", Provider: awsrunner.Name, Labels: []string{"self-hosted", "linux", "arm64", "ubuntu-arm64"}},
	{Name: "macOS-arm64", Provider: codemagic.Name, Labels: []string{"self-hosted", "macOS", "arm64", "macOS-arm64"}},
}

var (
	onEC2 = map[string]awsrunner.Settings{"ubuntu-arm64": {
		Image:         "resolve:ssm:/aws/service/canonical/ubuntu/server/24.04/stable/current/arm64/hvm/ebs-gp3/ami-id",
		InstanceTypes: []string{"t4g.xlarge", "m7g.xlarge"},
	}}
	onCodemagic = map[string]codemagic.Settings{"macOS-arm64": {AppID: "your-app", InstanceType: "mac_mini_m2"}}
)

// codemagicAccess is a made-up token, sent nowhere.
const codemagicAccess = "FAKE_CODEMAGIC_TOKEN"

// newHandler wires the webhook as the service does, with clouds that can't be reached.
func newHandler() (http.Handler, error) {
	instances, err := awsrunner.New(noEC2{}, oneRelease{}, onEC2, awsrunner.Config{})
	if err != nil {
		return nil, err
	}
	config := codemagic.Config{Transport: noNetwork{}}
	client, err := codemagic.NewClient(provisioner.NewSecret(codemagicAccess), config)
	if err != nil {
		return nil, err
	}
	builds, err := codemagic.New(client, onCodemagic, config)
	if err != nil {
		return nil, err
	}
	providers := map[string]provisioner.Provider{awsrunner.Name: instances, codemagic.Name: builds}
	engine, err := provisioner.New(types, providers, noGitHub{}, provisioner.Config{})
	if err != nil {
		return nil, err
	}
	return webhook.New(provisioner.NewSecret(secret), engine, webhook.AccepterFunc(refuse), engine, webhook.Config{})
}
