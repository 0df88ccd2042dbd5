package github

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"time"

	gh "github.com/google/go-github/v57/github"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// download is one of the runner's archives.
type download struct {
	os, arch string
	provisioner.RunnerDownload
}

// GitHub's names for systems and architectures, by Go's.
var (
	systems       = map[string]string{"darwin": "osx", "macos": "osx", "windows": "win"}
	architectures = map[string]string{"amd64": "x64"}
)

// RunnerDownload returns the release of the runner that GitHub offers to a repository or
// organisation; releases are rolled out one organisation after the other. os and arch are GitHub's
// names (linux, osx, win; x64, arm64) or Go's. What GitHub said is good for an hour, and for a day
// while GitHub fails. A release without a checksum is refused.
func (c *Client) RunnerDownload(ctx context.Context, t provisioner.Target, os, arch string) (provisioner.RunnerDownload, error) {
	os, arch = named(systems, os), named(architectures, arch)
	all, err := c.downloads.get(ctx, t, func(ctx context.Context) ([]download, error) { return c.listDownloads(ctx, t) })
	if err != nil {
		return provisioner.RunnerDownload{}, err
	}
	refuse := func(why string) error {
		return &provisioner.GitHubError{Target: t, Err: fmt.Errorf("runner for %s on %s: %s: %w", os, arch, why, provisioner.ErrRefused)}
	}
	for _, d := range all {
		switch {
		case d.os != os || d.arch != arch:
			continue
		case d.SHA256 == "":
			return provisioner.RunnerDownload{}, refuse("GitHub's list of runner downloads has no checksum for it; pin a version and checksum")
		case d.Version == "" || d.URL == "":
			return provisioner.RunnerDownload{}, refuse("GitHub's list of runner downloads does not tell its version or address")
		}
		return d.RunnerDownload, nil
	}
	return provisioner.RunnerDownload{}, refuse("GitHub offers none")
}

func named(names map[string]string, s string) string {
	if n, ok := names[s]; ok {
		return n
	}
	return s
}

// versioned is how the archives are called: actions-runner-linux-arm64-2.338.0.tar.gz.
var versioned = regexp.MustCompile(`-(\d+\.\d+\.\d+)\.(?:tar\.gz|zip)$`)

func (c *Client) listDownloads(ctx context.Context, t provisioner.Target) ([]download, error) {
	a, err := c.account(ctx, t)
	if err != nil {
		return nil, err
	}
	var list []*gh.RunnerApplicationDownload
	_, err = c.do(ctx, a, call{
		operation: "list runner downloads", method: http.MethodGet, path: root(t) + "/actions/runners/downloads", target: t,
	}, &list)
	if err != nil {
		return nil, err
	}
	all := make([]download, 0, len(list))
	for _, d := range list {
		x := download{os: d.GetOS(), arch: d.GetArchitecture(), RunnerDownload: provisioner.RunnerDownload{URL: d.GetDownloadURL(), SHA256: d.GetSHA256Checksum()}}
		if m := versioned.FindStringSubmatch(d.GetFilename()); m != nil {
			x.Version = m[1]
		}
		all = append(all, x)
	}
	return all, nil
}

// RunnerDeprecation returns when GitHub stops running jobs on a version of the runner (2.338.0);
// the zero time means that it has not said so, and provisioner.ErrNotFound that it knows no such
// version, or, on GitHub Enterprise Server, no such question. A runner older than that registers,
// exits at once and leaves its job queued.
func (c *Client) RunnerDeprecation(ctx context.Context, t provisioner.Target, version string) (time.Time, error) {
	a, err := c.account(ctx, t)
	if err != nil {
		return time.Time{}, err
	}
	var d struct {
		RuntimeDeprecatesAt time.Time `json:"runtime_deprecates_at"`
	}
	_, err = c.do(ctx, a, call{
		operation: "get runner deprecation", method: http.MethodGet, path: root(t) + "/actions/runners/deprecations/" + url.PathEscape(version), target: t,
		means: map[int]error{http.StatusNotFound: provisioner.ErrNotFound},
	}, &d)
	if err != nil {
		return time.Time{}, err
	}
	return d.RuntimeDeprecatesAt, nil
}
