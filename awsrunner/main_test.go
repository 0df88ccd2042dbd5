package awsrunner_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go"

	"github.com/datawire/github-runner-provisioner/awsrunner"
	"github.com/datawire/github-runner-provisioner/provisioner"
)

const config = "THE-RUNNERS-CONFIGURATION"

// ec2API answers calls from a script; the last answer stays.
type ec2API struct {
	mu        sync.Mutex
	run       []any // string: the id of the instance; error; a function of the call that returns one
	describe  []any // *ec2.DescribeInstancesOutput; error
	terminate error

	runs      []*ec2.RunInstancesInput
	at        []time.Time
	describes []*ec2.DescribeInstancesInput
	ended     []string
}

func pop(list *[]any) any {
	a := (*list)[0]
	if len(*list) > 1 {
		*list = (*list)[1:]
	}
	return a
}

func (f *ec2API) RunInstances(ctx context.Context, in *ec2.RunInstancesInput, opts ...func(*ec2.Options)) (*ec2.RunInstancesOutput, error) {
	var o ec2.Options
	for _, opt := range opts {
		opt(&o)
	}
	if _, off := o.Retryer.(aws.NopRetryer); !off {
		panic("the SDK would repeat the launch by itself")
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.runs, f.at = append(f.runs, in), append(f.at, time.Now())
	a := pop(&f.run)
	if answer, ok := a.(func(in *ec2.RunInstancesInput) any); ok {
		a = answer(in)
	}
	switch a := a.(type) {
	case string:
		return &ec2.RunInstancesOutput{Instances: []types.Instance{{
			InstanceId: aws.String(a), LaunchTime: aws.Time(time.Now()), Tags: in.TagSpecifications[0].Tags, State: &types.InstanceState{Name: types.InstanceStateNamePending},
		}}}, nil
	case types.InstanceStateName:
		return &ec2.RunInstancesOutput{Instances: []types.Instance{{InstanceId: aws.String("i-over"), State: &types.InstanceState{Name: a}}}}, nil
	case error:
		return nil, a
	default: // hang
		f.mu.Unlock()
		<-ctx.Done()
		f.mu.Lock()
		return nil, ctx.Err()
	}
}

func (f *ec2API) DescribeInstances(_ context.Context, in *ec2.DescribeInstancesInput, _ ...func(*ec2.Options)) (*ec2.DescribeInstancesOutput, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := *in
	f.describes = append(f.describes, &c)
	switch a := pop(&f.describe).(type) {
	case error:
		return nil, a
	case *ec2.DescribeInstancesOutput:
		return a, nil
	}
	return &ec2.DescribeInstancesOutput{}, nil
}

func (f *ec2API) TerminateInstances(_ context.Context, in *ec2.TerminateInstancesInput, _ ...func(*ec2.Options)) (*ec2.TerminateInstancesOutput, error) {
	f.ended = append(f.ended, in.InstanceIds...)
	return &ec2.TerminateInstancesOutput{}, f.terminate
}

func code(c string) error { return &smithy.GenericAPIError{Code: c, Message: "the message"} }

// releases offer one release, or an error.
type releases struct {
	err        error
	deprecated time.Time
	depErr     error
}

func (r releases) RunnerDownload(_ context.Context, _ provisioner.Target, os, arch string) (provisioner.RunnerDownload, error) {
	return provisioner.RunnerDownload{Version: "2.338.0", URL: "https://github.test/" + os + "-" + arch + ".tar.gz", SHA256: strings.Repeat("ab", 32)}, r.err
}

func (r releases) RunnerDeprecation(context.Context, provisioner.Target, string) (time.Time, error) {
	return r.deprecated, r.depErr
}

var linux = provisioner.RunnerType{Name: "linux", Labels: []string{"linux"}, Provider: awsrunner.Name, MaxLifetime: 6 * time.Hour}

func order() provisioner.Launch {
	return provisioner.Launch{
		Job:       provisioner.Job{ID: 42, RunAttempt: 1, Repository: provisioner.Repository{Owner: "octo-org", Name: "app"}},
		Type:      linux,
		Runner:    provisioner.Runner{ID: 7, Name: "grp-linux-42-1"},
		JITConfig: provisioner.NewSecret(config),
	}
}

func settings() awsrunner.Settings {
	return awsrunner.Settings{Image: "ami-1", InstanceTypes: []string{"small", "large"}, Subnets: []string{"a", "b"}}
}

func provider(t *testing.T, api *ec2API, s awsrunner.Settings, log *bytes.Buffer) *awsrunner.Provider {
	t.Helper()
	cfg := awsrunner.Config{}
	if log != nil {
		cfg.Logger = slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	p, err := awsrunner.New(api, releases{}, map[string]awsrunner.Settings{"linux": s}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func instance(runner string, s types.InstanceStateName) *ec2.DescribeInstancesOutput {
	return &ec2.DescribeInstancesOutput{Reservations: []types.Reservation{{Instances: []types.Instance{{
		InstanceId: aws.String("i-found"), State: &types.InstanceState{Name: s}, LaunchTime: aws.Time(time.Unix(1, 0)),
		Tags: []types.Tag{{Key: aws.String(awsrunner.TagRunner), Value: aws.String(runner)}, {Key: aws.String(awsrunner.TagJob), Value: aws.String("42")}},
	}}}}}
}

func places(api *ec2API) string {
	var s []string
	for _, in := range api.runs {
		p := string(in.InstanceType) + "/" + aws.ToString(in.SubnetId)
		if in.InstanceMarketOptions != nil {
			p += "/spot"
		}
		s = append(s, p)
	}
	return strings.Join(s, " ")
}
