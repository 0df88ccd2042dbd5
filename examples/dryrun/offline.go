package main

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

var errOffline = errors.New("this example has no network and no credentials")

// refuse stands where the queue would be: a dry run stores nothing.
func refuse(context.Context, string, provisioner.Job) (bool, error) {
	return false, errOffline
}

// noEC2 is an EC2 that can't be reached.
type noEC2 struct{}

func (noEC2) RunInstances(context.Context, *ec2.RunInstancesInput, ...func(*ec2.Options)) (*ec2.RunInstancesOutput, error) {
	return nil, errOffline
}

func (noEC2) DescribeInstances(context.Context, *ec2.DescribeInstancesInput, ...func(*ec2.Options)) (*ec2.DescribeInstancesOutput, error) {
	return nil, errOffline
}

func (noEC2) TerminateInstances(context.Context, *ec2.TerminateInstancesInput, ...func(*ec2.Options)) (*ec2.TerminateInstancesOutput, error) {
	return nil, errOffline
}

// noNetwork is a transport that leads nowhere.
type noNetwork struct{}

func (noNetwork) RoundTrip(*http.Request) (*http.Response, error) { return nil, errOffline }

// noGitHub is where runners would be registered: a dry run registers none.
type noGitHub struct{}

func (noGitHub) Register(context.Context, provisioner.Registration) (provisioner.Runner, provisioner.Secret, error) {
	return provisioner.Runner{}, provisioner.Secret{}, errOffline
}

func (noGitHub) Lookup(context.Context, provisioner.Target, string) (provisioner.Runner, error) {
	return provisioner.Runner{}, errOffline
}
func (noGitHub) Remove(context.Context, provisioner.Target, int64) error { return errOffline }

// oneRelease offers one release of GitHub's runner, as GitHub's API would.
type oneRelease struct{}

func (oneRelease) RunnerDownload(_ context.Context, _ provisioner.Target, os, arch string) (provisioner.RunnerDownload, error) {
	return provisioner.RunnerDownload{
		Version: "2.338.0", SHA256: strings.Repeat("0", 64),
		URL: "https://github.com/actions/runner/releases/download/v2.338.0/actions-runner-" + os + "-" + arch + "-2.338.0.tar.gz",
	}, nil
}

func (oneRelease) RunnerDeprecation(context.Context, provisioner.Target, string) (time.Time, error) {
	return time.Time{}, errOffline
}
