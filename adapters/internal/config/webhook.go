package config

import (
	"errors"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/datawire/github-runner-provisioner/provisioner/webhook"
)

func (v *variables) webhook(cfg *Config, f *faults) {
	w := &cfg.Webhook
	w.Token, w.PreviousToken = v.WebhookToken, v.WebhookTokenPrevious
	if w.Token.IsZero() {
		f.missing("WEBHOOK_TOKEN", "set it to the secret of the webhook at GitHub; without one, anybody could start machines")
	}
	w.Path = v.webhookPath(f)
	w.MaxBody = v.maxBody(f)
	w.Repositories = items("REPOSITORIES", v.Repositories, checkGlob, f)
	w.Hooks = items("WEBHOOK_HOOK", v.WebhookHook, checkHook, f)
}

// ownPaths are served by the service itself.
var ownPaths = []string{"/healthz", "/readyz", "/metrics"}

func (v *variables) webhookPath(f *faults) string {
	p := v.WebhookPath
	switch {
	case !strings.HasPrefix(p, "/"):
		f.add("WEBHOOK_PATH", "%s does not begin with a slash: write %s", quote(p), quote("/"+p))
	case slices.Contains(ownPaths, path.Clean(p)):
		f.add("WEBHOOK_PATH", "%s is taken by the service itself: choose another path than %s", quote(p), strings.Join(ownPaths, ", "))
	case path.Clean(p) != p:
		f.add("WEBHOOK_PATH", "%s is not a plain path: write %s", quote(p), quote(path.Clean(p)))
	case !plainPath.MatchString(p):
		f.add("WEBHOOK_PATH", "%s has characters other than letters, digits and / . _ ~ -", quote(p))
	}
	return p
}

var plainPath = regexp.MustCompile(`^[A-Za-z0-9/._~-]+$`)

// mostBody is what all large bodies together may take while they are received.
const mostBody = 48 << 20

// maxBody takes a whole number of bytes.
func (v *variables) maxBody(f *faults) int64 {
	n, err := strconv.ParseInt(v.MaxBodyBytes, 10, 64)
	switch {
	case err != nil && !errors.Is(err, strconv.ErrRange):
		f.add("MAX_BODY_BYTES", "%s is not a whole number: write the bytes without a unit, such as %d", quote(v.MaxBodyBytes), webhook.DefaultMaxBody)
	case n < 1 || n > mostBody:
		f.add("MAX_BODY_BYTES", "%s is not from 1 to %d; GitHub sends %d at the most", quote(v.MaxBodyBytes), mostBody, webhook.DefaultMaxBody)
	}
	return n
}

// items splits a list at commas. A list that is set but has no item is a fault: it could be meant
// to allow nothing, but would allow everything.
func items(variable, text string, check func(string) (fault string), f *faults) []string {
	if text == "" {
		return nil
	}
	var list []string
	for item := range strings.SplitSeq(text, ",") {
		item = strings.TrimSpace(item)
		if item == "" || slices.Contains(list, item) {
			continue
		}
		if wrong := check(item); wrong != "" {
			f.add(variable, "%s %s", quote(item), wrong)
		}
		list = append(list, item)
	}
	if len(list) == 0 {
		f.add(variable, "%s has no entry: unset it, or name what it shall hold", quote(text))
	}
	return list
}

func checkGlob(pattern string) string {
	owner, repo, _ := strings.Cut(pattern, "/")
	if owner == "" || repo == "" || strings.Contains(repo, "/") {
		return "is not a pattern over owner/repo: write it with exactly one slash, such as acme/* or acme/web-*"
	}
	for _, part := range []string{owner, repo} {
		if _, err := path.Match(part, ""); err != nil {
			return "is not a valid pattern: see * ? [a-z] \\ in https://pkg.go.dev/path#Match"
		}
	}
	return ""
}

var hookPattern = regexp.MustCompile(`^[A-Za-z0-9._-]+(?:/[A-Za-z0-9._-]+)?/([0-9]+)$`)

func checkHook(hook string) string {
	if m := hookPattern.FindStringSubmatch(hook); m != nil {
		if id, err := strconv.ParseInt(m[1], 10, 64); err == nil && id > 0 {
			return ""
		}
	}
	return "is neither owner/repo/HOOK_ID nor org/HOOK_ID: the id is the number at the end of the hook's settings page"
}
