package awsrunner

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// maxUserData is EC2's limit in bytes, before base64.
const maxUserData = 16 << 10

// request builds the call for one launch at one place. All else being equal the requests of a
// launch differ in their place and token alone: EC2 refuses a token that comes back with other
// parameters.
func (p *Provider) request(l provisioner.Launch, s Settings, at place, script string) (*ec2.RunInstancesInput, error) {
	if len(script) > maxUserData {
		return nil, fmt.Errorf("aws: the start-up script of %d bytes is over EC2's limit of %d: %w", len(script), maxUserData, provisioner.ErrRefused)
	}
	in := &ec2.RunInstancesInput{
		ImageId: aws.String(s.Image), InstanceType: types.InstanceType(at.InstanceType), MinCount: aws.Int32(1), MaxCount: aws.Int32(1),
		ClientToken:                       aws.String(p.clientToken(l.Runner, at)),
		InstanceInitiatedShutdownBehavior: types.ShutdownBehaviorTerminate,
		MetadataOptions: &types.InstanceMetadataOptionsRequest{
			HttpEndpoint: types.InstanceMetadataEndpointStateEnabled, HttpTokens: types.HttpTokensStateRequired, HttpPutResponseHopLimit: aws.Int32(1),
		},
		BlockDeviceMappings: []types.BlockDeviceMapping{{
			DeviceName: aws.String(s.RootDevice),
			Ebs: &types.EbsBlockDevice{
				VolumeType: types.VolumeTypeGp3, VolumeSize: aws.Int32(s.VolumeGiB), Encrypted: aws.Bool(true), DeleteOnTermination: aws.Bool(true),
			},
		}},
		TagSpecifications: []types.TagSpecification{
			{ResourceType: types.ResourceTypeInstance, Tags: p.tags(l, s)},
			{ResourceType: types.ResourceTypeVolume, Tags: p.tags(l, s)},
		},
		SecurityGroupIds: s.SecurityGroups,
		UserData:         aws.String(base64.StdEncoding.EncodeToString([]byte(script))), // the SDK sends it as it is
	}
	if at.Subnet != "" {
		in.SubnetId = aws.String(at.Subnet)
	}
	if at.Spot {
		in.InstanceMarketOptions = &types.InstanceMarketOptionsRequest{
			MarketType: types.MarketTypeSpot,
			SpotOptions: &types.SpotMarketOptions{
				SpotInstanceType: types.SpotInstanceTypeOneTime, InstanceInterruptionBehavior: types.InstanceInterruptionBehaviorTerminate,
			},
		}
	}
	if s.InstanceProfile != "" {
		in.IamInstanceProfile = &types.IamInstanceProfileSpecification{Name: aws.String(s.InstanceProfile)}
	}
	if s.KeyName != "" {
		in.KeyName = aws.String(s.KeyName)
	}
	if s.HostResourceGroup != "" {
		in.Placement = &types.Placement{HostResourceGroupArn: aws.String(s.HostResourceGroup), Tenancy: types.TenancyHost}
	}
	return in, nil
}

// release is the runner to install: the pinned one, or what GitHub offers.
func (p *Provider) release(ctx context.Context, l provisioner.Launch, s Settings) (provisioner.RunnerDownload, error) {
	target := l.Type.Target(l.Job.Repository)
	if s.RunnerVersion == "" {
		d, err := p.downloads.RunnerDownload(ctx, target, s.githubOS(), s.Arch)
		if err == nil && !isHTTPS(d.URL) {
			err = fmt.Errorf("GitHub offers the runner's archive at %q, and machines download over https alone: set runner_url: %w", d.URL, provisioner.ErrRefused)
		}
		return d, definite(err)
	}
	p.warn(ctx, l.Type.Name, target, s.RunnerVersion)
	return provisioner.RunnerDownload{Version: s.RunnerVersion, URL: s.RunnerURL, SHA256: s.RunnerSHA256}, nil
}

func isHTTPS(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Scheme == "https" && u.Host != ""
}

// definite makes an error that says nothing one that says that nothing was launched, which is
// certain before the first call.
func definite(err error) error {
	var hint *provisioner.RetryAfterError
	if err == nil || errors.As(err, &hint) || errors.Is(err, provisioner.ErrRefused) || errors.Is(err, provisioner.ErrUnavailable) && !errors.Is(err, provisioner.ErrNoAnswer) {
		return err
	}
	return fmt.Errorf("%w: %v", provisioner.ErrUnavailable, err) //nolint:errorlint // whatever else it was must not count
}

const (
	warnEvery   = 24 * time.Hour
	warnTimeout = 10 * time.Second
	warnAhead   = 14 * 24 * time.Hour
)

// warn is loud about a pinned release that GitHub stops accepting: a runner of a deprecated version
// registers, takes no job, and ends.
func (p *Provider) warn(ctx context.Context, runnerType string, target provisioner.Target, version string) {
	p.mu.Lock()
	due := time.Since(p.warned[runnerType]) > warnEvery
	if due {
		p.warned[runnerType] = time.Now()
	}
	p.mu.Unlock()
	if !due {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, warnTimeout)
	defer cancel()
	log := p.log.With("type", runnerType, "version", version)
	switch at, err := p.downloads.RunnerDeprecation(ctx, target, version); {
	case errors.Is(err, provisioner.ErrNotFound):
		log.WarnContext(ctx, "GitHub does not know the pinned version of the runner; machines with it may never take a job")
	case err != nil:
		log.InfoContext(ctx, "GitHub can't be asked how long it accepts the pinned version of the runner", "error", err)
	case !at.IsZero() && time.Until(at) <= 0:
		log.ErrorContext(ctx, "GitHub does not accept the pinned version of the runner any more: machines start and take no job; raise runner_version", "since", at)
	case !at.IsZero() && time.Until(at) < warnAhead:
		log.WarnContext(ctx, "GitHub soon stops accepting the pinned version of the runner; raise runner_version", "at", at)
	}
}
