package wiring

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"go.uber.org/fx"

	"github.com/datawire/github-runner-provisioner/adapters/internal/config"
	"github.com/datawire/github-runner-provisioner/provisioner"
)

// AnnounceAWS says at the start who the service is at AWS, and in which region and account its
// machines will be, if the catalogue has any there. It takes no permission to ask that.
func AnnounceAWS(life fx.Lifecycle, cfg *config.Config, log *slog.Logger) error {
	used := false
	for _, r := range cfg.Runners {
		used = used || r.AWS != nil
	}
	if !used {
		return nil
	}
	sdk, err := LoadAWS()
	if err != nil {
		return err
	}
	background(life, func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, identityTimeout)
		defer cancel()
		tellAWSIdentity(ctx, sts.NewFromConfig(sdk), sdk.Region, log)
	})
	return nil
}

// identityTimeout is what credentials that an instance's metadata or a web identity give may take.
const identityTimeout = 30 * time.Second

func tellAWSIdentity(ctx context.Context, client *sts.Client, region string, log *slog.Logger) {
	who, err := client.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		if !errors.Is(ctx.Err(), context.Canceled) {
			log.WarnContext(ctx, "AWS does not say who the service is", "region", region, "system", "aws", "error", provisioner.RedactError(err))
		}
		return
	}
	log.InfoContext(ctx, "at AWS the service is "+aws.ToString(who.Arn), "account", aws.ToString(who.Account), "region", region)
}
