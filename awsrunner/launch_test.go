package awsrunner_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
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
	run       []any // string: the id of the instance; error
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
	switch a := pop(&f.run).(type) {
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
		JITConfig: config,
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

func TestLaunch(t *testing.T) {
	full := code("InsufficientInstanceCapacity")
	silence := errors.New("connection reset by peer")
	nothing := &ec2.DescribeInstancesOutput{}
	for _, c := range []struct {
		name    string
		market  awsrunner.Market
		api     *ec2API
		wantErr error
		machine string
		places  string
	}{
		{name: "one call makes one machine", api: &ec2API{run: []any{"i-1"}}, machine: "i-1", places: "small/a"},
		{name: "a lack of capacity leads to the next subnet, then to the next type", api: &ec2API{run: []any{full, full, "i-1"}}, machine: "i-1", places: "small/a small/b large/a"},
		{name: "no room anywhere is a lack of capacity", api: &ec2API{run: []any{full}}, wantErr: provisioner.ErrCapacity, places: "small/a small/b large/a large/b"},
		{
			name: "spot comes first everywhere, then on demand", market: awsrunner.SpotThenOnDemand,
			api:    &ec2API{run: []any{full, full, full, full, "i-1"}},
			places: "small/a/spot small/b/spot large/a/spot large/b/spot small/a", machine: "i-1",
		},
		{name: "spot alone stays spot", market: awsrunner.Spot, api: &ec2API{run: []any{full}}, wantErr: provisioner.ErrCapacity, places: "small/a/spot small/b/spot large/a/spot large/b/spot"},
		{name: "silence means the same call again", api: &ec2API{run: []any{silence, silence, "i-1"}}, machine: "i-1", places: "small/a small/a small/a"},
		{name: "so does a server that broke down", api: &ec2API{run: []any{code("InternalError"), code("Unavailable"), "i-1"}}, machine: "i-1", places: "small/a small/a small/a"},
		{name: "so does a call that hangs", api: &ec2API{run: []any{nil, "i-1"}}, machine: "i-1", places: "small/a small/a"},
		{name: "a throttled call is repeated", api: &ec2API{run: []any{code("RequestLimitExceeded"), "i-1"}}, machine: "i-1", places: "small/a small/a"},
		{name: "one that stays throttled waits for longer than a launch", api: &ec2API{run: []any{code("RequestLimitExceeded")}}, wantErr: &provisioner.RetryAfterError{}, places: strings.TrimSpace(strings.Repeat("small/a ", 6))},
		{name: "a refusal is final", api: &ec2API{run: []any{code("UnauthorizedOperation")}}, wantErr: provisioner.ErrRefused, places: "small/a"},
		{name: "a spent token is a machine that is over", api: &ec2API{run: []any{code("IdempotentInstanceTerminated")}}, wantErr: provisioner.ErrMachineEnded, places: "small/a"},
		{name: "so is an answer with a terminated machine", api: &ec2API{run: []any{types.InstanceStateNameTerminated}}, wantErr: provisioner.ErrMachineEnded, places: "small/a"},
		{
			name: "other parameters under the token are a machine of this registration, if it is alive",
			api:  &ec2API{run: []any{code("IdempotentParameterMismatch")}, describe: []any{instance("7", types.InstanceStateNameRunning)}}, machine: "i-found", places: "small/a",
		},
		{
			name: "or one that is over",
			api:  &ec2API{run: []any{code("IdempotentParameterMismatch")}, describe: []any{instance("7", types.InstanceStateNameTerminated)}}, wantErr: provisioner.ErrMachineEnded, places: "small/a",
		},
		{
			name: "or one that no list shows yet, so the call is repeated",
			api:  &ec2API{run: []any{code("IdempotentParameterMismatch")}, describe: []any{nothing, instance("7", types.InstanceStateNamePending)}}, machine: "i-found", places: "small/a small/a",
		},
		{
			name: "a lack of capacity after silence does not lead to the next place: the silent call may have made a machine",
			api:  &ec2API{run: []any{silence, full}, describe: []any{nothing}}, wantErr: provisioner.ErrUnavailable, places: "small/a small/a",
		},
		{
			name: "and is a launch when the machine is there",
			api:  &ec2API{run: []any{silence, full}, describe: []any{instance("7", types.InstanceStateNamePending)}}, machine: "i-found", places: "small/a small/a",
		},
		{
			name: "a machine of another registration is none of this launch",
			api:  &ec2API{run: []any{silence, code("UnauthorizedOperation")}, describe: []any{instance("6", types.InstanceStateNameRunning)}}, wantErr: provisioner.ErrRefused, places: "small/a small/a",
		},
		{
			name: "a refusal after silence is unknown while the machines can't be listed",
			api:  &ec2API{run: []any{silence, code("UnauthorizedOperation")}, describe: []any{code("InternalError")}}, wantErr: provisioner.ErrNoAnswer, places: "small/a small/a",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := settings()
				s.Market = c.market
				var log bytes.Buffer
				m, err := provider(t, c.api, s, &log).Launch(t.Context(), order())
				var hint *provisioner.RetryAfterError
				switch {
				case c.wantErr == nil && err != nil:
					t.Errorf("error %v", err)
				case errors.As(c.wantErr, &hint) && !errors.As(err, &hint), hint == nil && !errors.Is(err, c.wantErr):
					t.Errorf("error %v, want %v", err, c.wantErr)
				}
				if m.ID != c.machine {
					t.Errorf("machine %q, want %q", m.ID, c.machine)
				}
				if got := places(c.api); got != c.places {
					t.Errorf("calls:\n got %s\nwant %s", got, c.places)
				}
				if err != nil && strings.Contains(err.Error(), config) || strings.Contains(log.String(), config) {
					t.Error("the configuration shows")
				}
			})
		})
	}
}

func TestEveryLackOfCapacityLeadsOn(t *testing.T) {
	for _, c := range []string{
		"InsufficientInstanceCapacity", "InsufficientHostCapacity", "InsufficientReservedInstanceCapacity", "InsufficientCapacityOnHost",
		"InsufficientFreeAddressesInSubnet", "MaxSpotInstanceCountExceeded", "MaxSpotFleetRequestCountExceeded", "MaxFleetCountExceeded", "VcpuLimitExceeded",
		"InstanceLimitExceeded", "UnfulfillableCapacity", "Unsupported", "ReservationCapacityExceeded", "TargetCapacityLimitExceededException", "ResourceLimitExceeded",
	} {
		api := &ec2API{run: []any{code(c), "i-1"}}
		if _, err := provider(t, api, settings(), nil).Launch(t.Context(), order()); err != nil || len(api.runs) != 2 {
			t.Errorf("%s: %v after %d calls", c, err, len(api.runs))
		}
	}
}

func TestLaunchRepeatsUntilItsTimeIsOverAndNothingIsKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := &ec2API{run: []any{errors.New("no route to host")}}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		_, err := provider(t, api, settings(), nil).Launch(ctx, order())
		if !errors.Is(err, provisioner.ErrNoAnswer) {
			t.Errorf("error %v", err)
		}
		for i := 1; i < len(api.at); i++ {
			if gap := api.at[i].Sub(api.at[i-1]); gap > 11*time.Second {
				t.Errorf("%s between two calls: a mending would be noticed late", gap)
			}
			if *api.runs[i].ClientToken != *api.runs[0].ClientToken {
				t.Error("the token changed")
			}
		}
	})
}

func TestLaunchesKeepToEC2sTokenBucket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := &ec2API{run: []any{"i-1"}}
		p := provider(t, api, settings(), nil)
		start := time.Now()
		var all sync.WaitGroup
		for range 25 {
			all.Go(func() {
				if _, err := p.Launch(t.Context(), order()); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if took := time.Since(start); took != 10*time.Second {
			t.Errorf("25 launches took %s, want 10 s: 5 at once and 2 a second", took)
		}
	})
}

func TestTheRequestHasWhatTheContractPromises(t *testing.T) {
	api := &ec2API{run: []any{"i-1"}}
	s := settings()
	s.SecurityGroups, s.InstanceProfile, s.KeyName, s.Tags = []string{"sg-1"}, "profile", "key", map[string]string{"team": "ci", "Name": "mine"}
	m, err := provider(t, api, s, nil).Launch(t.Context(), order())
	if err != nil {
		t.Fatal(err)
	}
	if m.RunnerID != 7 || m.RunnerName != "grp-linux-42-1" || m.Job != 42 || m.Type != "linux" || m.Repository.String() != "octo-org/app" || !m.Alive() {
		t.Errorf("machine %+v", m)
	}
	in := api.runs[0]
	e := in.BlockDeviceMappings[0].Ebs
	for what, ok := range map[string]bool{
		"image":                   *in.ImageId == "ami-1",
		"one":                     *in.MinCount == 1 && *in.MaxCount == 1,
		"terminates on shutdown":  in.InstanceInitiatedShutdownBehavior == types.ShutdownBehaviorTerminate,
		"IMDSv2 with one hop":     in.MetadataOptions.HttpTokens == types.HttpTokensStateRequired && *in.MetadataOptions.HttpPutResponseHopLimit == 1,
		"encrypted gp3 of 50 GiB": *e.Encrypted && e.VolumeType == types.VolumeTypeGp3 && *e.VolumeSize == 50 && *e.DeleteOnTermination && *in.BlockDeviceMappings[0].DeviceName == "/dev/sda1",
		"security group":          slices.Equal(in.SecurityGroupIds, []string{"sg-1"}),
		"profile":                 *in.IamInstanceProfile.Name == "profile",
		"key":                     *in.KeyName == "key",
		"token of 64 characters":  len(*in.ClientToken) == 64,
		"no market":               in.InstanceMarketOptions == nil,
	} {
		if !ok {
			t.Errorf("%s: not so", what)
		}
	}
	var resources []types.ResourceType
	for _, spec := range in.TagSpecifications {
		resources = append(resources, spec.ResourceType)
		tags := map[string]string{}
		for _, tag := range spec.Tags {
			tags[*tag.Key] = *tag.Value
		}
		for k, want := range map[string]string{
			"runner-provisioner:managed": "true", "runner-provisioner:name": "grp-linux-42-1", "runner-provisioner:runner": "7", "runner-provisioner:type": "linux",
			"runner-provisioner:repository": "octo-org/app", "runner-provisioner:job": "42", "team": "ci", "Name": "mine",
		} {
			if tags[k] != want {
				t.Errorf("%s tag %s is %q, want %q", spec.ResourceType, k, tags[k], want)
			}
		}
	}
	if !slices.Equal(resources, []types.ResourceType{types.ResourceTypeInstance, types.ResourceTypeVolume}) {
		t.Errorf("tags are on %v", resources)
	}
	script, err := base64.StdEncoding.DecodeString(*in.UserData)
	if err != nil || !bytes.HasPrefix(script, []byte("#!/bin/bash\n")) || !bytes.Contains(script, []byte(config)) || !bytes.Contains(script, []byte("https://github.test/linux-arm64.tar.gz")) {
		t.Errorf("user data %.200s, %v", script, err)
	}
}

func TestTheClientTokenDependsOnNameRegistrationAndPlace(t *testing.T) {
	token := func(change func(l *provisioner.Launch, s *awsrunner.Settings)) string {
		api := &ec2API{run: []any{"i-1"}}
		l, s := order(), settings()
		if change != nil {
			change(&l, &s)
		}
		if _, err := provider(t, api, s, nil).Launch(t.Context(), l); err != nil {
			t.Fatal(err)
		}
		return *api.runs[0].ClientToken
	}
	seen := map[string]string{token(nil): "the first"}
	if again := token(func(l *provisioner.Launch, _ *awsrunner.Settings) { l.JITConfig = "other" }); seen[again] == "" {
		t.Error("the same launch has another token")
	}
	for name, change := range map[string]func(l *provisioner.Launch, s *awsrunner.Settings){
		"name":         func(l *provisioner.Launch, _ *awsrunner.Settings) { l.Runner.Name += "-2" },
		"registration": func(l *provisioner.Launch, _ *awsrunner.Settings) { l.Runner.ID++ },
		"type":         func(_ *provisioner.Launch, s *awsrunner.Settings) { s.InstanceTypes = []string{"other"} },
		"subnet":       func(_ *provisioner.Launch, s *awsrunner.Settings) { s.Subnets = nil },
		"market":       func(_ *provisioner.Launch, s *awsrunner.Settings) { s.Market = awsrunner.Spot },
	} {
		x := token(change)
		if seen[x] != "" {
			t.Errorf("another %s has the token of %s", name, seen[x])
		}
		seen[x] = name
	}
}

func TestMacsRunOnDedicatedHosts(t *testing.T) {
	api := &ec2API{run: []any{"i-1"}}
	s := awsrunner.Settings{Image: "ami-mac", InstanceTypes: []string{"mac2.metal"}, OS: awsrunner.MacOS, HostResourceGroup: "arn:aws:resource-groups:us-east-1:1:group/macs"}
	if _, err := provider(t, api, s, nil).Launch(t.Context(), order()); err != nil {
		t.Fatal(err)
	}
	in := api.runs[0]
	if *in.Placement.HostResourceGroupArn != s.HostResourceGroup || in.Placement.Tenancy != types.TenancyHost {
		t.Errorf("placement %+v", in.Placement)
	}
	if script, _ := base64.StdEncoding.DecodeString(*in.UserData); !bytes.Contains(script, []byte("osx-arm64")) || !bytes.Contains(script, []byte("shasum")) {
		t.Error("the script is not a Mac's")
	}
}

func TestAReleaseThatIsNotKnownPostponesTheLaunch(t *testing.T) {
	for _, c := range []struct{ err, want error }{
		{provisioner.ErrUnavailable, provisioner.ErrUnavailable},
		{provisioner.ErrRefused, provisioner.ErrRefused},
		{&provisioner.RetryAfterError{After: time.Minute, Err: errors.New("x")}, nil},
		{provisioner.ErrNoAnswer, provisioner.ErrUnavailable},
		{errors.New("?"), provisioner.ErrUnavailable},
	} {
		p, err := awsrunner.New(&ec2API{}, releases{err: c.err}, map[string]awsrunner.Settings{"linux": settings()}, awsrunner.Config{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = p.Launch(t.Context(), order())
		if err == nil || c.want != nil && !errors.Is(err, c.want) || errors.Is(err, provisioner.ErrNoAnswer) {
			t.Errorf("%v became %v: nothing was launched, and that is certain", c.err, err)
		}
	}
}

func TestAPinnedReleaseIsInstalledAndWarnedAbout(t *testing.T) {
	for _, c := range []struct {
		name     string
		releases releases
		level    string
	}{
		{"a current one quietly", releases{deprecated: time.Now().Add(60 * 24 * time.Hour)}, ""},
		{"one that ends soon with a warning", releases{deprecated: time.Now().Add(24 * time.Hour)}, "WARN"},
		{"one that has ended with an error", releases{deprecated: time.Now().Add(-time.Hour)}, "ERROR"},
		{"one that GitHub does not know with a warning", releases{depErr: provisioner.ErrNotFound}, "WARN"},
		{"one that GitHub can't be asked about all the same", releases{depErr: provisioner.ErrUnavailable}, "INFO"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var log bytes.Buffer
			s := settings()
			s.RunnerVersion, s.RunnerSHA256 = "2.330.0", strings.Repeat("cd", 32)
			api := &ec2API{run: []any{"i-1"}}
			p, err := awsrunner.New(api, c.releases, map[string]awsrunner.Settings{"linux": s}, awsrunner.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if _, err := p.Launch(t.Context(), order()); err != nil {
					t.Fatal(err)
				}
			}
			if c.level == "" && log.Len() > 0 || c.level != "" && strings.Count(log.String(), "level="+c.level) != 1 {
				t.Errorf("the log of two launches, which should have one line of level %q:\n%s", c.level, log.String())
			}
			if script, _ := base64.StdEncoding.DecodeString(*api.runs[0].UserData); !bytes.Contains(script, []byte("releases/download/v2.330.0/actions-runner-linux-arm64-2.330.0.tar.gz")) {
				t.Error("the pinned release is not what is installed")
			}
		})
	}
}

func TestNewReportsEveryFault(t *testing.T) {
	_, err := awsrunner.New(nil, nil, map[string]awsrunner.Settings{
		"bad": {
			Market: "sometimes", VolumeGiB: 1, OS: "beos", Arch: "vax", RunnerVersion: "1", RunnerSHA256: "zz", IdleTimeout: -1,
			Tags: map[string]string{"aws:x": "", "runner-provisioner:job": "1"},
		},
	}, awsrunner.Config{})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"no client", `"bad"`, "no image", "no instance types", `"sometimes"`, "1 GiB", `"beos"`, `"vax"`, "64 hexadecimal", "idle timeout", `"aws:x"`, `"runner-provisioner:job"`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %s:\n%v", want, err)
		}
	}
}

func TestPlan(t *testing.T) {
	for _, c := range []struct {
		name     string
		err      error
		releases releases
		verified bool
		because  string
	}{
		{"EC2 says that it would work", code("DryRunOperation"), releases{}, true, ""},
		{"EC2 says that it would not", code("UnauthorizedOperation"), releases{}, false, "UnauthorizedOperation: the message"},
		{"there are no credentials", errors.New("failed to refresh cached credentials, no EC2 IMDS role found"), releases{}, false, "no AWS credentials"},
		{"there is no network", errors.New("dial tcp: no such host"), releases{}, false, "no such host"},
		{"the release is not known", code("DryRunOperation"), releases{err: provisioner.ErrUnavailable}, false, "release is not known"},
	} {
		t.Run(c.name, func(t *testing.T) {
			api := &ec2API{run: []any{c.err}}
			p, err := awsrunner.New(api, c.releases, map[string]awsrunner.Settings{"linux": settings()}, awsrunner.Config{})
			if err != nil {
				t.Fatal(err)
			}
			plan, err := p.Plan(t.Context(), order())
			if err != nil || plan.Verified != c.verified || !strings.Contains(plan.UnverifiedBecause, c.because) {
				t.Errorf("plan %+v, %v", plan, err)
			}
			if !*api.runs[0].DryRun {
				t.Error("EC2 was asked in earnest")
			}
			b, err := json.Marshal(plan.Request)
			if err != nil || bytes.Contains(b, []byte(config)) || !bytes.Contains(b, []byte(`"large"`)) || !bytes.Contains(b, []byte("runner-provisioner:managed")) {
				t.Errorf("request %s, %v", b, err)
			}
		})
	}
}

func TestListsAreWholeOrErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := instance("1", types.InstanceStateNameRunning), instance("2", types.InstanceStateNameTerminated)
		first.NextToken = aws.String("more")
		api := &ec2API{describe: []any{first, second}}
		list, err := provider(t, api, settings(), nil).List(t.Context())
		if err != nil || len(list) != 2 || !list[0].Alive() || list[1].Alive() || list[0].RunnerID != 1 || list[0].Job != 42 {
			t.Errorf("list %+v, %v", list, err)
		}
		for _, bad := range []error{code("InternalError"), code("UnauthorizedOperation"), code("RequestLimitExceeded")} {
			api = &ec2API{describe: []any{first, bad}}
			if list, err := provider(t, api, settings(), nil).List(t.Context()); err == nil || list != nil {
				t.Errorf("%v: half a list of %d came back", bad, len(list))
			}
		}
	})
}

func TestFindAsksForTheJobAmongOurs(t *testing.T) {
	api := &ec2API{describe: []any{instance("7", types.InstanceStateNameRunning)}}
	if _, err := provider(t, api, settings(), nil).Find(t.Context(), linux, order().Job); err != nil {
		t.Fatal(err)
	}
	var filters []string
	for _, f := range api.describes[0].Filters {
		filters = append(filters, *f.Name+"="+strings.Join(f.Values, ","))
	}
	if got := strings.Join(filters, " "); got != "tag:runner-provisioner:managed=true tag:runner-provisioner:job=42" {
		t.Errorf("filters %s", got)
	}
}

func TestTerminate(t *testing.T) {
	for _, c := range []struct {
		name      string
		err, want error
	}{
		{"ends the machine", nil, nil},
		{"is content when it is gone", code("InvalidInstanceID.NotFound"), nil},
		{"says what is refused", code("UnauthorizedOperation"), provisioner.ErrRefused},
		{"says what failed", errors.New("reset"), provisioner.ErrUnavailable},
	} {
		t.Run(c.name, func(t *testing.T) {
			api := &ec2API{terminate: c.err}
			if err := provider(t, api, settings(), nil).Terminate(t.Context(), provisioner.Machine{ID: "i-1"}); !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
				t.Errorf("error %v, want %v", err, c.want)
			}
			if !slices.Equal(api.ended, []string{"i-1"}) {
				t.Errorf("ended %v", api.ended)
			}
		})
	}
}
