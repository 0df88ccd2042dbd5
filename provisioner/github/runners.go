package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	gh "github.com/google/go-github/v57/github"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// Lookup returns the runner of exactly that name, or provisioner.ErrNotFound.
func (c *Client) Lookup(ctx context.Context, t provisioner.Target, name string) (provisioner.Runner, error) {
	a, err := c.account(ctx, t)
	if err != nil {
		return provisioner.Runner{}, err
	}
	k := call{
		operation: "look up runner", method: http.MethodGet, path: root(t) + "/actions/runners", target: t,
		query: url.Values{"name": {name}, "per_page": {strconv.Itoa(perPage)}},
	}
	// A server that does not know the filter lists all runners, so the search goes on over the
	// pages.
	for {
		var p gh.Runners
		resp, err := c.do(ctx, a, k, &p)
		if err != nil {
			return provisioner.Runner{}, err
		}
		for _, r := range p.Runners {
			if r.GetName() == name {
				return runnerOf(r), nil
			}
		}
		if resp.NextPage == 0 {
			return provisioner.Runner{}, &provisioner.GitHubError{Target: t, Err: fmt.Errorf("look up runner: there is none of that name: %w", provisioner.ErrNotFound)}
		}
		k.query = with(k.query, "page", strconv.Itoa(resp.NextPage))
	}
}

// Runner returns the runner of that id, or provisioner.ErrNotFound. GitHub's 404 counts only if the
// same credential can list the target's runners at that moment; otherwise the error is ErrRefused.
func (c *Client) Runner(ctx context.Context, t provisioner.Target, id int64) (provisioner.Runner, error) {
	a, err := c.account(ctx, t)
	if err != nil {
		return provisioner.Runner{}, err
	}
	var r gh.Runner
	get := func() error {
		_, err := c.do(ctx, a, call{
			operation: "get runner", method: http.MethodGet, path: fmt.Sprintf("%s/actions/runners/%d", root(t), id), target: t,
			means: map[int]error{http.StatusNotFound: provisioner.ErrNotFound},
		}, &r)
		return err
	}
	if err = get(); errors.Is(err, provisioner.ErrNotFound) {
		err = missing(err, func() error { return c.seeRunners(ctx, a, t) }, get)
	}
	if err != nil {
		return provisioner.Runner{}, err
	}
	return runnerOf(&r), nil
}

// seeRunners reports an error unless the target's runners can be listed.
func (c *Client) seeRunners(ctx context.Context, a *account, t provisioner.Target) error {
	_, _, _, err := page(ctx, c, a, call{
		operation: "list runners", method: http.MethodGet, path: root(t) + "/actions/runners", target: t, query: url.Values{"per_page": {"1"}},
	}, runnersOf)
	return err
}

// Runners returns all runners of a target, ours and others', or an error. Runners that come and go
// while the pages are read can be missing: that one is gone is for [Client.Runner] to say. The
// requests are conditional. The labels are not the caller's to change.
func (c *Client) Runners(ctx context.Context, t provisioner.Target) ([]provisioner.Runner, error) {
	a, err := c.account(ctx, t)
	if err != nil {
		return nil, err
	}
	all, _, err := pages(ctx, c, a, call{
		operation: "list runners", method: http.MethodGet, path: root(t) + "/actions/runners", target: t,
	}, runnersOf)
	if err != nil {
		return nil, err
	}
	seen := make(map[int64]bool, len(all)) // one that has moved to the next page is on both
	return slices.DeleteFunc(all, func(r provisioner.Runner) bool {
		twice := seen[r.ID]
		seen[r.ID] = true
		return twice
	}), nil
}

func runnerOf(r *gh.Runner) provisioner.Runner {
	labels := make([]string, 0, len(r.Labels))
	for _, l := range r.Labels {
		labels = append(labels, l.GetName())
	}
	return provisioner.Runner{ID: r.GetID(), Name: r.GetName(), Online: r.GetStatus() == "online", Busy: r.GetBusy(), Labels: labels}
}

func runnersOf(p *gh.Runners) []provisioner.Runner {
	runners := make([]provisioner.Runner, 0, len(p.Runners))
	for _, r := range p.Runners {
		runners = append(runners, runnerOf(r))
	}
	return runners
}
