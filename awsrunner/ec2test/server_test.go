package ec2test_test

import (
	"encoding/base64"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go"

	"github.com/datawire/github-runner-provisioner/awsrunner/ec2test"
	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest/fakehttp"
)

func ec2Client(fake http.Handler) *ec2.Client {
	return ec2.New(ec2.Options{
		Region: "us-east-1", BaseEndpoint: aws.String("http://ec2.test"), Retryer: aws.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""), HTTPClient: &http.Client{Transport: fakehttp.Loopback(fake)},
	})
}

func runInput(token, subnet string) *ec2.RunInstancesInput {
	in := &ec2.RunInstancesInput{
		ImageId: aws.String("ami-1"), InstanceType: "t4g.small", MinCount: aws.Int32(1), MaxCount: aws.Int32(1), ClientToken: aws.String(token),
		UserData: aws.String(base64.StdEncoding.EncodeToString([]byte("#!/bin/sh"))), InstanceInitiatedShutdownBehavior: types.ShutdownBehaviorTerminate,
		TagSpecifications: []types.TagSpecification{
			{ResourceType: types.ResourceTypeInstance, Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}},
			{ResourceType: types.ResourceTypeVolume, Tags: []types.Tag{{Key: aws.String("disk"), Value: aws.String("v")}}},
		},
	}
	if subnet != "" {
		in.SubnetId = aws.String(subnet)
	}
	return in
}

func codeOf(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode()
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

func TestEC2TerminatesAllOrNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := ec2test.New(ec2test.Config{})
		client := ec2Client(fake)
		for _, token := range []string{"1", "2"} {
			if _, err := client.RunInstances(t.Context(), runInput(token, "")); err != nil {
				t.Fatal(err)
			}
		}
		first, second := fake.Instances()[0].ID, fake.Instances()[1].ID
		end := func(dryRun bool, ids ...string) string {
			_, err := client.TerminateInstances(t.Context(), &ec2.TerminateInstancesInput{InstanceIds: ids, DryRun: aws.Bool(dryRun)})
			return codeOf(err)
		}
		states := func(want ...string) {
			t.Helper()
			for n, i := range fake.Instances() {
				if i.State != want[n] {
					t.Errorf("%s is %s, want %s", i.ID, i.State, want[n])
				}
			}
		}
		states("pending", "pending")
		time.Sleep(time.Minute)
		states("running", "running")
		if code := end(false, first, "i-unknown"); code != "InvalidInstanceID.NotFound" {
			t.Errorf("an unknown one: %q", code)
		}
		if code := end(true, first, second); code != "DryRunOperation" {
			t.Errorf("a dry run: %q", code)
		}
		states("running", "running")
		for range 2 {
			if code := end(false, first); code != "" {
				t.Errorf("terminate: %s", code)
			}
			states("shutting-down", "running")
		}
		time.Sleep(time.Minute)
		states("terminated", "running")
		if code := end(false, first, second); code != "" {
			t.Errorf("terminate both: %s", code)
		}
		if end := fake.Instances()[0].EndedAt; time.Since(end) != time.Minute {
			t.Error("the first one ended twice")
		}
		time.Sleep(2 * time.Hour)
		if code := end(false, second); code != "InvalidInstanceID.NotFound" {
			t.Errorf("one that is forgotten: %q", code)
		}
	})
}

func TestEC2InstancesAreCopies(t *testing.T) {
	fake := ec2test.New(ec2test.Config{})
	if _, err := ec2Client(fake).RunInstances(t.Context(), runInput("t", "")); err != nil {
		t.Fatal(err)
	}
	fake.Instances()[0].Tags["k"] = "changed"
	fake.Instances()[0].Params.Set("InstanceInitiatedShutdownBehavior", "stop")
	fake.Shutdown(fake.Instances()[0].ID)
	if i := fake.Instances()[0]; i.Tags["k"] != "v" || i.State != "terminated" {
		t.Errorf("instance %+v", i)
	}
}

func TestAnInstanceThatIsNotToldToTerminateIsStoppedByItsShutdown(t *testing.T) {
	fake := ec2test.New(ec2test.Config{})
	in := runInput("t", "")
	in.InstanceInitiatedShutdownBehavior = ""
	if _, err := ec2Client(fake).RunInstances(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	fake.Shutdown(fake.Instances()[0].ID)
	if i := fake.Instances()[0]; i.State != "stopped" || !i.Alive() {
		t.Errorf("state %s", i.State)
	}
}
