package config

import (
	"regexp"
	"strings"

	"github.com/datawire/github-runner-provisioner/awsrunner"
)

var (
	versionPattern = regexp.MustCompile(`^\d+\.\d+\.\d+$`)
	sha256Pattern  = regexp.MustCompile(`^[0-9a-fA-F]{64}$`)
)

// aws reads the settings of the provider aws. What is left out stays zero, which awsrunner takes for its own documented default.
func (c *catalogue) aws(v value) *awsrunner.Settings {
	b, ok := c.block(v, "image", "instance_types", "subnets", "security_groups", "market", "volume_gib", "instance_profile", "key_name", "tags",
		"os", "arch", "root_device", "host_resource_group", "runner_version", "runner_sha256", "runner_url", "idle_timeout")
	if !ok {
		return nil
	}
	s := &awsrunner.Settings{
		Image:             b.requiredText("image", "an AMI's id, or resolve:ssm:/parameter"),
		InstanceTypes:     b.requiredList("instance_types", "what to launch, such as [t4g.xlarge, m7g.xlarge]", nil),
		Subnets:           b.list("subnets", nil),
		SecurityGroups:    b.list("security_groups", nil),
		Market:            awsrunner.Market(b.oneOf("market", "on-demand", "spot", "spot-then-on-demand")),
		VolumeGiB:         int32(b.whole("volume_gib", 8, 16384)), //nolint:gosec // G115: bounded
		InstanceProfile:   b.text("instance_profile"),
		KeyName:           b.text("key_name"),
		Tags:              b.texts("tags", checkTag),
		OS:                b.oneOf("os", "linux", "macos"),
		Arch:              b.oneOf("arch", "arm64", "x64"),
		RootDevice:        b.text("root_device"),
		HostResourceGroup: b.text("host_resource_group"),
		RunnerVersion:     b.matching("runner_version", versionPattern, "a version such as 2.338.0"),
		RunnerSHA256:      b.matching("runner_sha256", sha256Pattern, "a SHA-256 sum of 64 hexadecimal digits"),
		RunnerURL:         b.text("runner_url"),
		IdleTimeout:       b.duration("idle_timeout", 0),
	}
	if len(s.Tags) > maxTags {
		b.fault("tags", "%d tags: EC2 allows 50 for an instance, and the service adds its own, so %d at most", len(s.Tags), maxTags)
	}
	checkRelease(b, s)
	return s
}

// checkRelease sees to it that a pinned runner can be verified.
func checkRelease(b *block, s *awsrunner.Settings) {
	if s.RunnerVersion != "" && !b.has("runner_sha256") {
		b.fault("runner_sha256", "missing: a pinned runner_version needs the sum of its archive")
	}
	if s.RunnerSHA256 != "" && !b.has("runner_version") {
		b.fault("runner_version", "missing: runner_sha256 is the sum of one version")
	}
	if s.RunnerURL == "" {
		return
	}
	if wrong := wrongURL(s.RunnerURL); wrong != "" {
		b.fault("runner_url", "%s", wrong)
	}
	if !b.has("runner_sha256") && !b.has("runner_version") {
		b.fault("runner_url", "needs runner_version and runner_sha256 beside it")
	}
}

const maxTags = 40

// checkTag knows EC2's limits (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html) and the service's own tags.
func checkTag(key, text string) string {
	switch lower := strings.ToLower(key); {
	case key == "" || len(key) > 128:
		return "the key must have 1 to 128 characters"
	case len(text) > 256:
		return "the value has more than 256 characters"
	case strings.HasPrefix(lower, "aws:"):
		return "keys that begin with aws: belong to AWS"
	case strings.HasPrefix(lower, "runner-provisioner:"):
		return "keys that begin with runner-provisioner: belong to this service"
	}
	return ""
}
