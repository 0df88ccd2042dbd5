package config

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/smithy-go"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// secretTimeout bounds the fetching of one secret, the SDK's own retries included. Lambda gives a
// cold start 10 s in all.
const secretTimeout = 8 * time.Second

// AWSSecrets returns the source that fetches "ssm:/path" from SSM Parameter Store, decrypted, and
// "secretsmanager:name" (or an ARN) from Secrets Manager, as text. Region, credentials and
// endpoints are those of the AWS SDK's own chain, which is loaded when the first secret is asked
// for.
func AWSSecrets() SecretSource {
	return &awsSecrets{sdk: sync.OnceValues(func() (aws.Config, error) {
		return awsconfig.LoadDefaultConfig(context.Background())
	})}
}

type awsSecrets struct {
	sdk func() (aws.Config, error)
}

// Secret implements [SecretSource].
func (a *awsSecrets) Secret(ctx context.Context, ref string) (provisioner.Secret, error) {
	ctx, cancel := context.WithTimeout(ctx, secretTimeout)
	defer cancel()
	sdk, err := a.sdk()
	if err != nil {
		return provisioner.Secret{}, fmt.Errorf("the AWS SDK's settings can't be read: %w", err)
	}
	if sdk.Region == "" {
		return provisioner.Secret{}, errors.New("no AWS region: set AWS_REGION")
	}
	if name, ok := strings.CutPrefix(ref, schemeSSM); ok {
		return parameter(ctx, sdk, name)
	}
	if name, ok := strings.CutPrefix(ref, schemeSecretsManager); ok {
		return secret(ctx, sdk, name)
	}
	return provisioner.Secret{}, errors.New("not a reference: write ssm:/parameter/name or secretsmanager:name")
}

func parameter(ctx context.Context, sdk aws.Config, name string) (provisioner.Secret, error) {
	out, err := ssm.NewFromConfig(sdk).GetParameter(ctx, &ssm.GetParameterInput{Name: &name, WithDecryption: aws.Bool(true)})
	if err != nil {
		return provisioner.Secret{}, explain(err, sdk.Region, "ssm:GetParameter and, for a key of your own, kms:Decrypt")
	}
	if out.Parameter == nil {
		return provisioner.Secret{}, nil
	}
	return provisioner.NewSecret(aws.ToString(out.Parameter.Value)), nil
}

func secret(ctx context.Context, sdk aws.Config, name string) (provisioner.Secret, error) {
	out, err := secretsmanager.NewFromConfig(sdk).GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &name})
	if err != nil {
		return provisioner.Secret{}, explain(err, sdk.Region, "secretsmanager:GetSecretValue and, for a key of your own, kms:Decrypt")
	}
	if out.SecretString == nil && out.SecretBinary != nil {
		return provisioner.Secret{}, errors.New("it is stored as bytes there: store it as text")
	}
	return provisioner.NewSecret(aws.ToString(out.SecretString)), nil
}

// explain turns an answer of AWS into what an operator has to mend.
func explain(err error, region, permissions string) error {
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		told := provisioner.RedactError(err)
		if errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("no answer in time: %w", told)
		}
		return told
	}
	told := provisioner.RedactError(api)
	switch api.ErrorCode() {
	case "ParameterNotFound", "ResourceNotFoundException":
		return fmt.Errorf("it does not exist in region %s: %w", region, told)
	case "AccessDeniedException":
		return fmt.Errorf("access denied, allow %s: %w", permissions, told)
	}
	return told
}
