package server

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/caarlos0/env/v10"

	"github.com/datawire/github-runner-provisioner/adapters/internal/config"
	"github.com/datawire/github-runner-provisioner/adapters/internal/wiring"
	"github.com/datawire/github-runner-provisioner/adapters/statuspage"
	"github.com/datawire/github-runner-provisioner/provisioner"
)

// explainDirectly asks GitHub and the clouds, with the service's own settings, and says what they
// can't know. name is what the job was called by: its address tells its repository too.
func explainDirectly(ctx context.Context, name string, id int64, out streams) ([]byte, error) {
	cfg, err := config.Load(ctx, env.ToMap(os.Environ()), nil)
	if err != nil {
		return nil, fmt.Errorf("%w, and to ask GitHub and the clouds instead these settings are needed:\n%w", errNowhere, err)
	}
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	seen, doubts, err := wiring.LookDirectly(ctx, cfg, repositoryIn(name), id)
	if err != nil {
		return nil, err
	}
	for _, d := range doubts {
		fmt.Fprintln(out.err, "note:", d)
	}
	return json.MarshalIndent(statuspage.NewJob(seen), "", "  ")
}

var address = regexp.MustCompile(`^(?:https?://)?[^/]+/(?:api/v3/)?(?:repos/)?([A-Za-z0-9._-]+)/([A-Za-z0-9._-]+)/actions/`)

// repositoryIn is the repository in a job's address; zero if there is none.
func repositoryIn(name string) (r provisioner.Repository) {
	if m := address.FindStringSubmatch(strings.TrimSpace(name)); m != nil {
		r = provisioner.Repository{Owner: m[1], Name: m[2]}
	}
	return r
}
