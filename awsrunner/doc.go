// Package awsrunner starts runners as EC2 instances: one instance for one job, launched by
// RunInstances and ended by itself.
//
//	provider, err := awsrunner.New(ec2.NewFromConfig(cfg), downloads, map[string]awsrunner.Settings{
//		"ubuntu-arm64": {Image: "resolve:ssm:/aws/service/canonical/...", InstanceTypes: []string{"t4g.xlarge", "m7g.xlarge"}},
//	}, awsrunner.Config{})
//
// # A launch
//
// The places where an instance could run (market, instance type, subnet) are tried in the order of
// the settings, one call each, beginning with another subnet for every registration; places that
// had no room within the last three minutes come last. Only a definite lack of capacity leads to
// the next one. A call without an answer is repeated with the same client token until EC2 says what
// became of it: EC2 keeps client tokens by zone, so going elsewhere after silence would make two
// instances (https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html). The token is made of
// the runner's name, its registration and the place. Between repetitions it is asked whether the
// machine is still wanted.
//
// Launches go through a token bucket of EC2's own size, so that a burst of jobs does not run into
// RequestLimitExceeded (https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html:
// RunInstances 5, refilled with 2 a second).
//
// # The instance
//
// It needs IMDSv2 (hop limit 1), has an encrypted gp3 root volume, and terminates on shutdown. It
// carries, as its volumes do, the Tag* tags. Its user data is the start-up script with the runner's
// configuration, which is used up when the runner connects: see start-linux.sh.tmpl and
// start-macos.sh.tmpl. The script downloads GitHub's runner, compares its SHA-256, runs one job as
// an unprivileged user, and shuts the machine down when the job ends, when none comes, when the
// registration is refused, when anything fails, and at the end of its lifetime.
//
// # Permissions
//
// ec2:RunInstances, ec2:CreateTags (for tagging at the launch), ec2:DescribeInstances,
// ec2:TerminateInstances; ssm:GetParameters for an image that is given as resolve:ssm:NAME, which
// EC2 resolves with the caller's rights; iam:PassRole for an instance profile. The first spot
// instance of an account takes iam:CreateServiceLinkedRole for spot.amazonaws.com, or somebody who
// makes that role beforehand. [Provider.Check] also looks at the image if it may:
// ec2:DescribeImages, and ssm:GetParameter for one that is given as resolve:ssm:NAME.
package awsrunner
