package config

import (
	"context"
	"regexp"

	awsconfig "github.com/aws/aws-sdk-go-v2/config"
)

var regionPattern = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// region sees to it that the AWS SDK will find a region where one is needed. It asks the SDK's own
// chain, which reads variables and files, not the network.
func (v *variables) region(ctx context.Context, cfg *Config, f *faults) {
	for _, x := range []struct{ variable, region string }{{"AWS_REGION", v.AWSRegion}, {"AWS_DEFAULT_REGION", v.AWSDefaultRegion}} {
		if x.region != "" && !regionPattern.MatchString(x.region) {
			f.add(x.variable, "%s is not a region: write it like eu-west-1", quote(x.region))
		}
	}
	because := ""
	switch aws := firstOf(cfg.Runners, ProviderAWS); {
	case aws != "":
		because = "the runner type " + aws + " runs on AWS"
	case v.usesSQS():
		because = "QUEUE_URL is an SQS queue"
	}
	if because == "" || v.AWSRegion != "" || v.AWSDefaultRegion != "" {
		return
	}
	var options []func(*awsconfig.LoadOptions) error
	if v.AWSProfile != "" {
		options = append(options, awsconfig.WithSharedConfigProfile(v.AWSProfile))
	}
	if v.AWSConfigFile != "" {
		options = append(options, awsconfig.WithSharedConfigFiles([]string{v.AWSConfigFile}))
	}
	switch sdk, err := awsconfig.LoadDefaultConfig(ctx, options...); {
	case err != nil:
		f.missing("AWS_REGION", "%s, and the AWS SDK's own settings can't be read: %v", because, err)
	case sdk.Region == "":
		f.missing("AWS_REGION", "%s; set it, or a region in the profile of the AWS config file", because)
	}
}
