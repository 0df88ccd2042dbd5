package codemagic

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// jitVariable is the environment variable from which GitHub's runner reads its configuration, and
// which it then unsets.
const jitVariable = "ACTIONS_RUNNER_INPUT_JITCONFIG"

// The variables that name the runner's release.
const (
	downloadVariable = "RUNNER_DOWNLOAD_URL"
	sumVariable      = "RUNNER_SHA256"
)

// request is the build for a launch, without a release of the runner.
func request(s Settings, l provisioner.Launch, labels []string) StartRequest {
	variables := map[string]string{
		"GITHUB_REPO_OWNER":    l.Job.Repository.Owner,
		"GITHUB_REPO_NAME":     l.Job.Repository.Name,
		"GITHUB_RUNNER_LABELS": strings.Join(l.Type.Labels, ","),
		"RUNNER_NAME":          l.Runner.Name,
	}
	if l.Type.MaxLifetime > 0 {
		variables["RUNNER_MAX_LIFETIME"] = strconv.FormatInt(int64(l.Type.MaxLifetime/time.Second), 10)
	}
	return StartRequest{
		AppID: s.AppID, WorkflowID: s.WorkflowID, Branch: s.Branch, InstanceType: s.InstanceType, Labels: labels, Variables: variables,
		Secrets: map[string]provisioner.Secret{jitVariable: l.JITConfig},
	}
}

// downloadTimeout is the most that a look-up may hold up a launch.
const downloadTimeout = 5 * time.Second

// addRelease names the runner's release to the workflow. Without it the workflow uses the one that
// it pins, so a failed look-up is no reason to fail.
func (p *Provider) addRelease(ctx context.Context, l provisioner.Launch, r StartRequest) {
	if p.downloads == nil {
		return
	}
	target := l.Type.Target(l.Job.Repository)
	within, cancel := context.WithTimeout(ctx, downloadTimeout)
	defer cancel()
	release, err := p.downloads.RunnerDownload(within, target, "osx", "arm64")
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		known := false
		release, known = p.releases[target]
		p.log.WarnContext(ctx, "the runner's release is unknown; using the last one known, or the workflow's own",
			"runner", l.Runner.Name, "type", l.Type.Name, "known", release.Version, "error", err)
		if !known {
			return
		}
	}
	p.releases[target] = release
	r.Variables[downloadVariable], r.Variables[sumVariable] = release.URL, release.SHA256
}
