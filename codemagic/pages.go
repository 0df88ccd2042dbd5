package codemagic

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// Filter narrows a list of builds. Empty fields narrow nothing.
type Filter struct {
	AppID      string
	WorkflowID string
	Branch     string
	// Since is the age to which the list must reach: pages of older builds are not read.
	Since time.Time
}

// The most builds that a page is asked to have, and the most pages that a list may have. 100 is
// what version 3 allows. Without such a wish a page has some 30, and a busy workflow's lists would
// use up the rate limit.
const (
	pageSize = 100
	maxPages = 200
)

// Builds lists builds. It lags: a build started seconds ago may be missing. A list that can't be
// read to its end is an error.
//
// The API's documentation has neither pages nor an order. Public clients read the list newest
// first, in pages, with skip (builds to leave out) and limit: pub.dev's codemagic_manager has
// getBuilds(skip: 30). So the list is read until a page ends where the one before it ended, which
// is so at the list's end, and also where a server ignores skip. The first page is asked for
// without limit: that answer is whole where there are no pages.
//
// While pages are read, builds come and push the others on: some are then seen twice, and none is
// missed. The pages overlap by a quarter, and two that do not meet are an error, so that none is
// missed either where an answer lags behind the one before it. Two things remain. A server that
// honours skip looks as if it ignored it if, between two answers, exactly as many builds come as
// the second page goes further. And a server that has pages but no skip shows the first one only.
func (c *Client) Builds(ctx context.Context, f Filter) ([]Build, error) {
	builds, seen := []Build{}, map[string]bool{}
	skip, overlap, limit, last := 0, 0, 0, ""
	for range maxPages {
		page, err := c.page(ctx, f, skip, limit)
		if limit > 0 && (isStatus(err, http.StatusBadRequest) || isStatus(err, http.StatusUnprocessableEntity)) {
			page, err = c.page(ctx, f, skip, 0)
		}
		if err != nil {
			return nil, err
		}
		known := len(builds)
		for _, b := range page {
			if !seen[b.ID] {
				seen[b.ID] = true
				builds = append(builds, b)
			}
		}
		switch fresh := len(builds) - known; {
		case overlap > 0 && fresh == len(page):
			return nil, fmt.Errorf("GET /builds: the page from %d does not meet the one before it: %w", skip, provisioner.ErrUnavailable)
		case len(page) == 0, page[len(page)-1].ID == last, old(page, f.Since):
			return builds, nil
		}
		step := max(1, len(page)*3/4)
		skip, overlap, limit, last = skip+step, len(page)-step, pageSize, page[len(page)-1].ID
	}
	return nil, fmt.Errorf("GET /builds: the list does not end within %d pages, or %d builds: %w", maxPages, len(builds), provisioner.ErrUnavailable)
}

// old reports whether all builds of a page were created before a time. A list may be sorted in
// another way than newest first, and then age says nothing of the next page.
func old(page []Build, since time.Time) bool {
	newestFirst := !page[0].created().Before(page[len(page)-1].created())
	return newestFirst && !slices.ContainsFunc(page, func(b Build) bool { return b.created().IsZero() || !b.created().Before(since) })
}

func (c *Client) page(ctx context.Context, f Filter, skip, limit int) ([]Build, error) {
	query := url.Values{}
	for key, value := range map[string]string{"appId": f.AppID, "workflowId": f.WorkflowID, "branch": f.Branch} {
		if value != "" {
			query.Set(key, value)
		}
	}
	for key, n := range map[string]int{"skip": skip, "limit": limit} {
		if n > 0 {
			query.Set(key, strconv.Itoa(n))
		}
	}
	var answer struct {
		Builds *[]Build `json:"builds"`
	}
	err := c.do(ctx, call{
		operation: "GET /builds", method: http.MethodGet, path: "/builds", query: query, repeat: true, limit: maxList,
		unanswered: provisioner.ErrUnavailable,
	}, &answer)
	switch {
	case err != nil:
		return nil, err
	case answer.Builds == nil:
		return nil, fmt.Errorf("GET /builds: the answer has no list of builds: %w", provisioner.ErrUnavailable)
	case slices.ContainsFunc(*answer.Builds, func(b Build) bool { return b.ID == "" }):
		return nil, fmt.Errorf("GET /builds: the answer has a build without an id: %w", provisioner.ErrUnavailable)
	}
	return *answer.Builds, nil
}
