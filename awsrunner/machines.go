package awsrunner

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// listTimeout is for all pages of a list, with the SDK's own repetitions.
const listTimeout = 60 * time.Second

// Find implements [provisioner.Finder]. EC2 shows terminated instances for about an hour.
func (p *Provider) Find(ctx context.Context, _ provisioner.RunnerType, j provisioner.Job) ([]provisioner.Machine, error) {
	return p.describe(ctx, fmt.Sprintf("find the machines of %s", j), TagJob, strconv.FormatInt(j.ID, 10))
}

// List implements [provisioner.Lister].
func (p *Provider) List(ctx context.Context) ([]provisioner.Machine, error) {
	return p.describe(ctx, "list machines", "", "")
}

func (p *Provider) describe(ctx context.Context, what, tag, value string) ([]provisioner.Machine, error) {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	in := &ec2.DescribeInstancesInput{MaxResults: aws.Int32(1000), Filters: []types.Filter{
		{Name: aws.String("tag:" + TagManaged), Values: []string{"true"}},
		{Name: aws.String("tag:" + TagDeployment), Values: []string{string(p.deployment)}},
	}}
	if tag != "" {
		in.Filters = append(in.Filters, types.Filter{Name: aws.String("tag:" + tag), Values: []string{value}})
	}
	var machines []provisioner.Machine
	pages := ec2.NewDescribeInstancesPaginator(p.client, in)
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, read(what, err)
		}
		for _, r := range page.Reservations {
			for _, i := range r.Instances {
				machines = append(machines, machine(i))
			}
		}
	}
	return machines, nil
}

// Terminate implements [provisioner.Terminator].
func (p *Provider) Terminate(ctx context.Context, m provisioner.Machine) error {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	_, err := p.client.TerminateInstances(ctx, &ec2.TerminateInstancesInput{InstanceIds: []string{m.ID}})
	var api smithy.APIError
	if errors.As(err, &api) && api.ErrorCode() == "InvalidInstanceID.NotFound" {
		return nil
	}
	if err != nil {
		return read("terminate "+m.ID, err)
	}
	return nil
}
