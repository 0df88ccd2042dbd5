package deploy_test

import (
	"context"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/datawire/github-runner-provisioner/labels"
	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/webhook"
)

// guide is a section of a README that says how to run the service.
type guide struct {
	file, section, catalogue string
	// repositories finds what the section has REPOSITORIES set to.
	repositories func(t *testing.T, section string) string
}

var guides = map[string]guide{
	"container":  {"examples/deploy/README.md", "## Container", "../runners.yaml", found("`REPOSITORIES=([^`]*)`")},
	"kubernetes": {"examples/deploy/README.md", "## Kubernetes", "kubernetes/runners.yaml", deployed},
	"lambda":     {"examples/deploy/README.md", "## Lambda", "../runners.yaml", found(`'Repositories=([^']*)'`)},
	"first try":  {"README.md", "## See it work", "../runners.yaml", func(*testing.T, string) string { return "" }},
}

func found(pattern string) func(*testing.T, string) string {
	return func(t *testing.T, section string) string {
		m := regexp.MustCompile(pattern).FindStringSubmatch(section)
		if m == nil {
			t.Fatalf("no %s in the section", pattern)
		}
		return m[1]
	}
}

// deployed is the Deployment's allow-list, filled in by somebody whose organisation is my-org.
func deployed(t *testing.T, _ string) string {
	return strings.ReplaceAll(podVariables(t)["REPOSITORIES"], "REPLACE_ME", "my-org")
}

func (g guide) text(t *testing.T) string {
	t.Helper()
	_, section, ok := strings.Cut(source(t, g.file), "\n"+g.section+"\n")
	if !ok {
		t.Fatalf("%s has no %s", g.file, g.section)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	return section
}

// requests are the section's commands that send a job.
func (g guide) requests(t *testing.T) (commands []string) {
	t.Helper()
	for line := range strings.Lines(g.text(t)) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "make test-") {
			commands = append(commands, line)
		}
	}
	if len(commands) == 0 {
		t.Fatalf("%s, %s: no request", g.file, g.section)
	}
	return commands
}

// request runs such a command as it is written, except for the address of the service.
func request(t *testing.T, command, address, token string) (output string, err error) {
	t.Helper()
	if _, err := exec.LookPath("make"); err != nil {
		t.Skip("make is not installed")
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "webhook-token"), []byte(token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	top, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), "bash", "-c", strings.Replace(command, "make ", "make -C '"+top+"' ", 1)+" HOSTNAME="+address)
	c.Dir = dir
	c.Env = slices.DeleteFunc(os.Environ(), func(variable string) bool { // what make test itself was given
		name, _, _ := strings.Cut(variable, "=")
		return slices.Contains([]string{"MAKEFLAGS", "MFLAGS", "MAKEOVERRIDES", "MAKELEVEL", "HOSTNAME", "REPOSITORY", "DRY_RUN", "WEBHOOK_TOKEN", "WEBHOOK_PATH"}, name)
	})
	out, err := c.CombinedOutput()
	return string(out), err
}

// never is what stands behind a webhook that gets dry runs alone.
type never struct{ accepted atomic.Int64 }

func (n *never) Accept(context.Context, string, provisioner.Job) (bool, error) {
	n.accepted.Add(1)
	return false, nil
}

func (*never) Plan(context.Context, provisioner.Job) (provisioner.Plan, error) {
	return provisioner.Plan{}, nil
}

// service is a webhook with the settings that a guide gives it.
func service(t *testing.T, g guide, token string) (address string) {
	t.Helper()
	var types []labels.Entry
	for _, r := range list(readYAML(t, g.catalogue)[0]["runners"]) {
		e := labels.Entry{Name: text(at(r, "name"))}
		for _, l := range list(at(r, "labels")) {
			e.Labels = append(e.Labels, text(l))
		}
		types = append(types, e)
	}
	table, err := labels.NewTable(types...)
	if err != nil {
		t.Fatal(err)
	}
	var allowed []string
	if globs := g.repositories(t, g.text(t)); globs != "" {
		allowed = strings.Split(globs, ",")
	}
	n := &never{}
	r, err := webhook.New(provisioner.NewSecret(token), table, n, n, webhook.Config{Repositories: allowed})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	t.Cleanup(func() {
		if n.accepted.Load() > 0 {
			t.Error("a job was sent in earnest")
		}
	})
	return server.URL
}

func TestTheRequestsOfTheGuidesSucceedWithTheSettingsOfTheGuides(t *testing.T) {
	for name, g := range guides {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			token := "FAKE_TOKEN" // the Makefile's own
			if g.file != "README.md" {
				token = "token-of-the-guide"
			}
			address := service(t, g, token)
			for _, command := range g.requests(t) {
				if out, err := request(t, command, address, token); err != nil || !strings.Contains(out, `"status": "planned"`) {
					t.Errorf("%s: %v\n%s", command, err, out)
				}
			}
		})
	}
}

func TestARequestThatIsDeniedFailsAndSaysWhatToDo(t *testing.T) {
	g := guides["kubernetes"]
	address := service(t, g, "FAKE_TOKEN")
	for command, want := range map[string]string{
		"make test-ubuntu-arm64":                           "REPOSITORY=owner/name",
		"make test-windows REPOSITORY=my-org/my-repo":      "test-LABEL",
		"REPOSITORY=my-org/my-repo make test-ubuntu-arm64": "",
	} {
		if out, err := request(t, command, address, ""); (err == nil) != (want == "") || !strings.Contains(out, want) {
			t.Errorf("%s: %v\n%s", command, err, out)
		}
	}
}
