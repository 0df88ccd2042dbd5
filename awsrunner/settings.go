package awsrunner

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// Name is the provider's name in machines, plans and metrics.
const Name = "aws"

// Market is how an instance is paid for.
type Market string

// The markets.
const (
	OnDemand         Market = "on-demand" // the default
	Spot             Market = "spot"
	SpotThenOnDemand Market = "spot-then-on-demand" // every place as spot first, then on demand
)

// The operating systems that there are start-up scripts for.
const (
	Linux = "linux" // Ubuntu and whatever has bash, curl, tar and useradd; the default
	MacOS = "macos" // EC2's macOS images, on dedicated hosts
)

// Settings are those of one runner type.
type Settings struct {
	// Image is an AMI id, or resolve:ssm:PARAMETER, which EC2 resolves itself.
	Image string
	// InstanceTypes are tried in order.
	InstanceTypes []string
	// Subnets take turns at being tried first, by GitHub's runner ids, so that one zone does not
	// hold everything. Defaults to one of the default VPC's, which EC2 picks.
	Subnets        []string
	SecurityGroups []string
	// Market defaults to OnDemand.
	Market Market
	// VolumeGiB is the size of the root volume in GiB. Defaults to 50.
	VolumeGiB int32
	// InstanceProfile and KeyName default to none. Jobs can use the profile's rights.
	InstanceProfile string
	KeyName         string
	// Tags are set beside ours, which win.
	Tags map[string]string

	// OS defaults to Linux, Arch to arm64 (or x64).
	OS, Arch string
	// RootDevice is the image's name of its root volume. Defaults to /dev/sda1, as on Ubuntu and
	// macOS.
	RootDevice string
	// HostResourceGroup is the ARN of the group of dedicated hosts that Macs run on.
	HostResourceGroup string
	// RunnerVersion pins the release of GitHub's runner, with RunnerSHA256. RunnerURL defaults to
	// GitHub's download of that version. By default the newest release that GitHub offers the
	// repository is taken. A pinned one is refused by GitHub about two months after it came out.
	RunnerVersion, RunnerSHA256, RunnerURL string
	// IdleTimeout is how long a machine waits for a job. Defaults to 10 min.
	IdleTimeout time.Duration
}

func (s Settings) withDefaults() Settings {
	s.Market = cmp.Or(s.Market, OnDemand)
	s.VolumeGiB = cmp.Or(s.VolumeGiB, 50)
	s.OS = cmp.Or(s.OS, Linux)
	s.Arch = cmp.Or(s.Arch, "arm64")
	s.RootDevice = cmp.Or(s.RootDevice, "/dev/sda1")
	s.IdleTimeout = cmp.Or(s.IdleTimeout, 10*time.Minute)
	if s.RunnerURL == "" && s.RunnerVersion != "" {
		s.RunnerURL = fmt.Sprintf("https://github.com/actions/runner/releases/download/v%[1]s/actions-runner-%[2]s-%[3]s-%[1]s.tar.gz",
			s.RunnerVersion, s.githubOS(), s.Arch)
	}
	return s
}

// githubOS is the operating system as GitHub's downloads name it.
func (s Settings) githubOS() string {
	if s.OS == MacOS {
		return "osx"
	}
	return "linux"
}

var sha256Hex = regexp.MustCompile(`^[0-9a-fA-F]{64}$`)

func (s Settings) validate() error {
	var faults []error
	fault := func(wrong bool, format string, args ...any) {
		if wrong {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	fault(s.Image == "", "no image")
	fault(len(s.InstanceTypes) == 0, "no instance types")
	fault(s.Market != OnDemand && s.Market != Spot && s.Market != SpotThenOnDemand, "the market %q is none of %s, %s, %s", s.Market, OnDemand, Spot, SpotThenOnDemand)
	fault(s.VolumeGiB < 8 || s.VolumeGiB > 16384, "a volume of %d GiB is not between 8 and 16384", s.VolumeGiB)
	fault(s.OS != Linux && s.OS != MacOS, "the operating system %q is neither %s nor %s", s.OS, Linux, MacOS)
	fault(s.Arch != "arm64" && s.Arch != "x64", "the architecture %q is neither arm64 nor x64", s.Arch)
	fault((s.RunnerVersion == "") != (s.RunnerSHA256 == ""), "the runner's version and its SHA-256 go together")
	fault(s.RunnerSHA256 != "" && !sha256Hex.MatchString(s.RunnerSHA256), "the runner's SHA-256 is not 64 hexadecimal digits")
	fault(s.RunnerURL != "" && !isHTTPS(s.RunnerURL), "the runner's URL is not an https URL: machines download over https alone")
	fault(s.IdleTimeout < 0, "the idle timeout is negative")
	for k := range s.Tags {
		fault(strings.HasPrefix(k, "aws:") || strings.HasPrefix(k, tagPrefix), "the tag %q is reserved", k)
	}
	return errors.Join(faults...)
}
