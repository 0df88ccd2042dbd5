package provisioner

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Deployment names one installation of the service, however many replicas it has, and sets its
// machines and registrations apart from those of another one in the same cloud account or
// repository: 1 to 32 of a-z 0-9 and -. It must outlive restarts and changes of credentials,
// because what carries another name is never touched.
type Deployment string

// DefaultDeployment is the name of an installation that was given none.
const DefaultDeployment Deployment = "default"

var validDeployment = regexp.MustCompile(`^[a-z0-9-]{1,32}$`)

// Validate reports a name that is none.
func (d Deployment) Validate() error {
	if validDeployment.MatchString(string(d)) {
		return nil
	}
	return fmt.Errorf("the deployment %q must be 1 to 32 of a-z 0-9 -", string(d))
}

// deploymentLabel begins the label that tells the deployment of a registration.
const deploymentLabel = "grp-deployment-"

// maxLabels leaves room for the deployment's among the 100 labels that GitHub takes.
const maxLabels = 99

// Label is what every runner of the deployment is registered with, beside its type's labels.
func (d Deployment) Label() string { return deploymentLabel + string(d) }

// Owns reports whether a registration is this deployment's. One without any such label was made by
// somebody else, or by a version that had none.
func (d Deployment) Owns(r Runner) bool {
	return slices.ContainsFunc(r.Labels, func(l string) bool { return strings.EqualFold(l, d.Label()) })
}
