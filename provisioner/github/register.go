package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	gh "github.com/google/go-github/v57/github"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// Register makes a single-use runner and returns it with its just-in-time configuration. GitHub
// adds no label of its own to such a runner. The request is sent once; see package provisioner for
// what its errors mean.
func (c *Client) Register(ctx context.Context, r provisioner.Registration) (provisioner.Runner, provisioner.Secret, error) {
	a, err := c.account(ctx, r.Target)
	if err != nil {
		return provisioner.Runner{}, provisioner.Secret{}, err
	}
	group, err := c.group(ctx, a, r)
	if err != nil {
		return provisioner.Runner{}, provisioner.Secret{}, err
	}
	var made gh.JITRunnerConfig
	resp, err := c.do(ctx, a, call{
		operation: "register runner", method: http.MethodPost, path: root(r.Target) + "/actions/runners/generate-jitconfig", target: r.Target,
		body:  gh.GenerateJITConfigRequest{Name: r.Name, RunnerGroupID: group, Labels: r.Labels},
		means: map[int]error{http.StatusConflict: provisioner.ErrNameTaken},
	}, &made)
	if err != nil {
		if resp != nil && resp.StatusCode == http.StatusNotFound {
			c.groups.forget(groupKey{r.Target.Owner, strings.ToLower(r.Group)}) // it may be the group that is gone
		}
		return provisioner.Runner{}, provisioner.Secret{}, err
	}
	if made.GetRunner().GetID() == 0 || made.GetEncodedJITConfig() == "" {
		return provisioner.Runner{}, provisioner.Secret{}, &provisioner.GitHubError{Target: r.Target, Err: fmt.Errorf(
			"register runner: GitHub answered %d without a runner or its configuration: %w", resp.StatusCode, provisioner.ErrNoAnswer)}
	}
	return runnerOf(made.Runner), provisioner.NewSecret(made.GetEncodedJITConfig()), nil
}

// Remove ends a registration: nil also if there is none, as far as the credential can see the
// target's runners; provisioner.ErrRunnerBusy if its runner has a job.
func (c *Client) Remove(ctx context.Context, t provisioner.Target, id int64) error {
	a, err := c.account(ctx, t)
	if err != nil {
		return err
	}
	remove := func() error {
		_, err := c.do(ctx, a, call{
			operation: "remove runner", method: http.MethodDelete, path: fmt.Sprintf("%s/actions/runners/%d", root(t), id), target: t,
			means: map[int]error{http.StatusNotFound: provisioner.ErrNotFound, http.StatusUnprocessableEntity: provisioner.ErrRunnerBusy},
		}, nil)
		return err
	}
	if err = remove(); errors.Is(err, provisioner.ErrNotFound) {
		err = missing(err, func() error { return c.seeRunners(ctx, a, t) }, remove)
	}
	if errors.Is(err, provisioner.ErrNotFound) {
		return nil
	}
	return err
}
