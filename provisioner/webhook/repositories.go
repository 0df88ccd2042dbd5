package webhook

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// allowList holds globs over owner/repo in lower case. An empty one allows everything.
type allowList []string

func newAllowList(globs []string) (allowList, error) {
	var list allowList
	var faults []error
	for _, glob := range globs {
		folded := strings.ToLower(strings.TrimSpace(glob))
		// A glob without a slash, or with two, would match no repository at all and so deny every
		// job without a word.
		if _, err := path.Match(folded, ""); err != nil || strings.Count(folded, "/") != 1 {
			faults = append(faults, fmt.Errorf("the repository glob %q is not of the form owner/repo, such as octo-org/* or */*", glob))
			continue
		}
		list = append(list, folded)
	}
	return list, errors.Join(faults...)
}

func (l allowList) allows(r provisioner.Repository) bool {
	if len(l) == 0 {
		return true
	}
	name := strings.ToLower(r.String())
	for _, glob := range l {
		if ok, _ := path.Match(glob, name); ok {
			return true
		}
	}
	return false
}
