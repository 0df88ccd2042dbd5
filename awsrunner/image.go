package awsrunner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// Images is the part of EC2's API with which [Provider.Check] looks at images; *ec2.Client has it.
// No launch needs it.
type Images interface {
	DescribeImages(ctx context.Context, in *ec2.DescribeImagesInput, o ...func(*ec2.Options)) (*ec2.DescribeImagesOutput, error)
}

// fromParameter begins the name of an image that EC2 looks up in SSM.
const fromParameter = "resolve:ssm:"

// checkImage looks at what a call with DryRun does not: a machine whose root device has another
// name starts with a second, empty disk and a root that is too small.
func (p *Provider) checkImage(ctx context.Context, l provisioner.Launch, s Settings) provisioner.Finding {
	what := l.Type.Name + ": the image " + s.Image
	id, err := p.imageID(ctx, s)
	if err == nil {
		var image types.Image
		if image, err = p.image(ctx, id); err == nil {
			return provisioner.Found(what, describeImage(image), s.fits(image))
		}
	}
	if isDenied(err) {
		return provisioner.Finding{Verdict: provisioner.VerdictNote, What: what, Detail: "nobody looked at its architecture and disk: " + err.Error()}
	}
	return provisioner.Found(what, "", err)
}

// errNotLooked is for what this provider was not given the means for.
var errNotLooked = errors.New("the provider was given nothing to look with")

// isDenied reports whether an image was not looked at for lack of a permission that no launch
// needs.
func isDenied(err error) bool {
	var api smithy.APIError
	return errors.Is(err, errNotLooked) || errors.As(err, &api) && slices.Contains([]string{"UnauthorizedOperation", "AccessDeniedException"}, api.ErrorCode())
}

func (p *Provider) imageID(ctx context.Context, s Settings) (string, error) {
	name, ok := strings.CutPrefix(s.Image, fromParameter)
	if !ok {
		return s.Image, nil
	}
	if p.parameter == nil {
		return "", errNotLooked
	}
	ctx, cancel := context.WithTimeout(ctx, planTimeout)
	defer cancel()
	id, err := p.parameter(ctx, name)
	if err != nil {
		return "", told{"its parameter can't be read (ssm:GetParameter): " + explain(err), err}
	}
	return id, nil
}

func (p *Provider) image(ctx context.Context, id string) (types.Image, error) {
	client, ok := p.client.(Images)
	if !ok {
		return types.Image{}, errNotLooked
	}
	ctx, cancel := context.WithTimeout(ctx, planTimeout)
	defer cancel()
	out, err := client.DescribeImages(ctx, &ec2.DescribeImagesInput{ImageIds: []string{id}, IncludeDeprecated: aws.Bool(true)})
	switch {
	case err != nil:
		return types.Image{}, told{"EC2 does not show it (ec2:DescribeImages): " + explain(err), err}
	case len(out.Images) == 0:
		return types.Image{}, fmt.Errorf("EC2 does not know %s: it is gone, or not shared with this account, or in another region", id)
	}
	return out.Images[0], nil
}

// told is an error in our own words.
type told struct {
	text string
	err  error
}

func (e told) Error() string { return e.text }
func (e told) Unwrap() error { return e.err }

func describeImage(i types.Image) string {
	return fmt.Sprintf("%s, %s, root device %s of %d GiB", aws.ToString(i.ImageId), i.Architecture, aws.ToString(i.RootDeviceName), rootGiB(i))
}

// rootGiB is the least size of the image's root volume; 0 if it does not say.
func rootGiB(i types.Image) int32 {
	for _, m := range i.BlockDeviceMappings {
		if aws.ToString(m.DeviceName) == aws.ToString(i.RootDeviceName) && m.Ebs != nil {
			return aws.ToInt32(m.Ebs.VolumeSize)
		}
	}
	return 0
}

// architectures are EC2's words for ours.
var architectures = map[string]map[string]types.ArchitectureValues{
	Linux: {"arm64": types.ArchitectureValuesArm64, "x64": types.ArchitectureValuesX8664},
	MacOS: {"arm64": types.ArchitectureValuesArm64Mac, "x64": types.ArchitectureValuesX8664Mac},
}

// fits says what is wrong with an image for a runner type: nil if nothing is.
func (s Settings) fits(i types.Image) error {
	var faults []string
	fault := func(wrong bool, format string, args ...any) {
		if wrong {
			faults = append(faults, fmt.Sprintf(format, args...))
		}
	}
	id, root := aws.ToString(i.ImageId), aws.ToString(i.RootDeviceName)
	fault(i.State != types.ImageStateAvailable, "%s is %s", id, i.State)
	fault(i.Architecture != architectures[s.OS][s.Arch], "%s is for %s, and the type's os and arch are %s and %s", id, i.Architecture, s.OS, s.Arch)
	fault(i.RootDeviceType != types.DeviceTypeEbs, "the root device of %s is no EBS volume, but %s", id, i.RootDeviceType)
	fault(root != s.RootDevice, "the root device of %s is %s, and root_device is %s: the machine would get a second disk and keep a root of %d GiB", id, root, s.RootDevice, rootGiB(i))
	fault(rootGiB(i) > s.VolumeGiB, "the root volume of %s has %d GiB at least, and volume_gib is %d", id, rootGiB(i), s.VolumeGiB)
	if len(faults) == 0 {
		return nil
	}
	return errors.New(strings.Join(faults, "; "))
}
