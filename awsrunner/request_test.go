package awsrunner_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/datawire/github-runner-provisioner/awsrunner"
	"github.com/datawire/github-runner-provisioner/provisioner"
)

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
	if again := token(func(l *provisioner.Launch, _ *awsrunner.Settings) { l.JITConfig = provisioner.NewSecret("other") }); seen[again] == "" {
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
