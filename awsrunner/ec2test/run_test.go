package ec2test_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/datawire/github-runner-provisioner/awsrunner/ec2test"
	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest/fakehttp"
)

func TestEC2TellsLaunchesApartByTheirTokens(t *testing.T) {
	fake := ec2test.New(ec2test.Config{})
	client := ec2Client(fake)
	launch := func(in *ec2.RunInstancesInput) (id, code string) {
		out, err := client.RunInstances(t.Context(), in)
		if err != nil {
			return "", codeOf(err)
		}
		return *out.Instances[0].InstanceId, ""
	}
	first, _ := launch(runInput("token", "a"))
	if again, code := launch(runInput("token", "a")); again != first {
		t.Errorf("the same call again: %s %s", again, code)
	}
	if other, _ := launch(runInput("token", "b")); other == first {
		t.Error("tokens are kept by zone: the same one in another subnet makes another instance")
	}
	changed := runInput("token", "a")
	changed.InstanceType = "t4g.large"
	if _, code := launch(changed); code != "IdempotentParameterMismatch" {
		t.Errorf("other parameters: %s", code)
	}
	if _, err := client.TerminateInstances(t.Context(), &ec2.TerminateInstancesInput{InstanceIds: []string{first}}); err != nil {
		t.Fatal(err)
	}
	if _, code := launch(runInput("token", "a")); code != "IdempotentInstanceTerminated" {
		t.Errorf("a spent token: %s", code)
	}
	if n := len(fake.Instances()); n != 2 {
		t.Errorf("%d instances", n)
	}
	if i := fake.Instances()[0]; i.Tags["k"] != "v" || i.VolumeTags["disk"] != "v" || i.UserData != "#!/bin/sh" || i.Subnet != "a" {
		t.Errorf("instance %+v", i)
	}
}

func TestEC2RefusesWhatTheRealOneWould(t *testing.T) {
	tagged := func(key, value string) func(in *ec2.RunInstancesInput) {
		return func(in *ec2.RunInstancesInput) {
			in.TagSpecifications[0].Tags = append(in.TagSpecifications[0].Tags, types.Tag{Key: aws.String(key), Value: aws.String(value)})
		}
	}
	hops := func(n int32) func(in *ec2.RunInstancesInput) {
		return func(in *ec2.RunInstancesInput) {
			in.MetadataOptions = &types.InstanceMetadataOptionsRequest{HttpPutResponseHopLimit: aws.Int32(n)}
		}
	}
	for _, c := range []struct {
		name, want string
		change     func(in *ec2.RunInstancesInput)
	}{
		{"nothing wrong", "", func(*ec2.RunInstancesInput) {}},
		{"a dry run", "DryRunOperation", func(in *ec2.RunInstancesInput) { in.DryRun = aws.Bool(true) }},
		{"user data in clear", "InvalidUserData.Malformed", func(in *ec2.RunInstancesInput) { in.UserData = aws.String("not base64!") }},
		{"the most user data", "", userData(16 << 10)},
		{"more user data", "InvalidParameterValue", userData(16<<10 + 1)},
		{"a value outside its enumeration", "InvalidParameterValue", func(in *ec2.RunInstancesInput) { in.InstanceInitiatedShutdownBehavior = "explode" }},
		{"no image", "MissingParameter", func(in *ec2.RunInstancesInput) { in.ImageId = nil }},
		{"a long token", "InvalidParameterValue", func(in *ec2.RunInstancesInput) { in.ClientToken = aws.String(strings.Repeat("x", 65)) }},
		{"one hop", "", hops(1)},
		{"no hop", "InvalidParameterValue", hops(0)},
		{"too many hops", "InvalidParameterValue", hops(65)},
		{"a tag twice", "InvalidParameterValue", tagged("k", "w")},
		{"a reserved tag", "InvalidParameterValue", tagged("AWS:x", "v")},
		{"a tag without a key", "InvalidParameterValue", tagged("", "v")},
		{"a long key", "InvalidParameterValue", tagged(strings.Repeat("k", 129), "v")},
		{"a long value", "InvalidParameterValue", tagged("long", strings.Repeat("v", 257))},
		{"a slash in a key", "", tagged("a/b", "v")},
		{"a slash in a key that the metadata shows", "InvalidParameterValue", func(in *ec2.RunInstancesInput) {
			tagged("a/b", "v")(in)
			in.MetadataOptions = &types.InstanceMetadataOptionsRequest{InstanceMetadataTags: types.InstanceMetadataTagsStateEnabled}
		}},
		{"many tags", "TagLimitExceeded", func(in *ec2.RunInstancesInput) {
			for i := range 50 {
				tagged(fmt.Sprint(i), "v")(in)
			}
		}},
		{"tags of what a launch does not make", "InvalidParameterValue", func(in *ec2.RunInstancesInput) { in.TagSpecifications[0].ResourceType = types.ResourceTypeVpc }},
		{"several at once", "InvalidParameterValue", func(in *ec2.RunInstancesInput) { in.MaxCount = aws.Int32(2) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := runInput("t", "")
			c.change(in)
			fake := ec2test.New(ec2test.Config{})
			_, err := ec2Client(fake).RunInstances(t.Context(), in)
			if codeOf(err) != c.want || (len(fake.Instances()) == 1) != (c.want == "") {
				t.Errorf("%v, want %q; %d instances", err, c.want, len(fake.Instances()))
			}
		})
	}
}

func userData(size int) func(in *ec2.RunInstancesInput) {
	return func(in *ec2.RunInstancesInput) {
		in.UserData = aws.String(base64.StdEncoding.EncodeToString(make([]byte, size)))
	}
}

func TestEC2HasCapacityFaultsAndATokenBucket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := ec2test.New(ec2test.Config{LaunchRate: 2, LaunchBurst: 2})
		client := ec2Client(fake)
		run := func(token string) string {
			_, err := client.RunInstances(t.Context(), runInput(token, "a"))
			return codeOf(err)
		}
		if a, b, c := run("1"), run("2"), run("3"); a != "" || b != "" || c != "RequestLimitExceeded" {
			t.Errorf("%q %q %q", a, b, c)
		}
		time.Sleep(time.Second)
		fake.SetCapacity(func(_, subnet string, _ bool) string {
			return map[string]string{"a": "InsufficientInstanceCapacity"}[subnet]
		})
		if code := run("4"); code != "InsufficientInstanceCapacity" {
			t.Error(code)
		}
		fake.SetCapacity(nil)
		fake.SetFaults(func(string, *http.Request) *fakehttp.Fault { return &fakehttp.Fault{Lose: true} })
		if code := run("5"); !strings.Contains(code, "connection lost") || len(fake.Instances()) != 3 {
			t.Errorf("a lost answer: %q, %d instances", code, len(fake.Instances()))
		}
		if fake.Calls()["RunInstances"] != 5 {
			t.Errorf("calls %v", fake.Calls())
		}
	})
}
