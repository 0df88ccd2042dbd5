package config_test

import (
	"context"
	"fmt"

	"github.com/datawire/github-runner-provisioner/adapters/internal/config"
)

// Everything that is wrong is told at once, by the names of the variables and without the secrets.
func ExampleLoad() {
	_, err := config.Load(context.Background(), map[string]string{
		"GITHUB_TOKEN": "ghp_two\nlines", "CODEMAGIC_TOKEN": "cm", "CODEMAGIC_APP_ID": "app", "AWS_REGION": "eu-west-1", "RECONCILE_INTERVAL": "60",
	}, nil)
	fmt.Println(err)
	// Output:
	// 3 faults in the settings:
	//   GITHUB_TOKEN: not a token: it has blanks, line breaks or characters beyond ASCII in it
	//   WEBHOOK_TOKEN: missing: set it to the secret of the webhook at GitHub; without one, anybody could start machines
	//   RECONCILE_INTERVAL: "60" has no unit: write 60s
}
