package ec2test_test

import (
	"context"
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/datawire/github-runner-provisioner/awsrunner/ec2test"
	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest/fakehttp"
)

// The answer to the first call is lost, after EC2 has launched the instance. Calling again with the
// same client token launches no second one.
func ExampleNew() {
	fake := ec2test.New(ec2test.Config{})
	fake.SetFaults(func(operation string, _ *http.Request) *fakehttp.Fault {
		return &fakehttp.Fault{Lose: fake.Calls()[operation] == 1}
	})
	client := ec2.New(ec2.Options{
		Region: "eu-central-1", BaseEndpoint: aws.String("http://ec2.test"), Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""),
		HTTPClient: &http.Client{Transport: fakehttp.Loopback(fake)}, Retryer: aws.NopRetryer{},
	})
	for range 2 {
		out, err := client.RunInstances(context.Background(), &ec2.RunInstancesInput{
			ImageId: aws.String("ami-1"), InstanceType: "t4g.small", MinCount: aws.Int32(1), MaxCount: aws.Int32(1), ClientToken: aws.String("grp-linux-42-1"),
		})
		if err != nil {
			fmt.Println("no answer")
			continue
		}
		fmt.Println(*out.Instances[0].InstanceId)
	}
	fmt.Println(len(fake.Instances()), "instance")
	// Output:
	// no answer
	// i-00000000000000001
	// 1 instance
}
