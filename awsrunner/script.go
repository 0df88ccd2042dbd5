package awsrunner

import (
	"embed"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

//go:embed *.sh.tmpl
var scripts embed.FS

// start is what a start-up script is made with.
type start struct {
	Name, User, Dir string
	State           string // where the system keeps the user data
	URL, SHA256     string
	Lifetime, Idle  int // seconds
	JITConfig       string
	PlainHTTP       bool // also download over HTTP; for tests
}

// startScript renders the user data of a launch. The configuration is part of it: later the machine
// may ask for it when it has booted, and then only this and the script's run_runner change.
func startScript(l provisioner.Launch, s Settings, d provisioner.RunnerDownload) (string, error) {
	x := start{
		Name: l.Runner.Name, User: "runner", State: "/var/lib/cloud", Dir: "/opt/actions-runner", URL: d.URL, SHA256: strings.ToLower(d.SHA256),
		Lifetime: int(l.Type.MaxLifetime / time.Second), Idle: int(s.IdleTimeout / time.Second), JITConfig: l.JITConfig.Reveal(),
	}
	if s.OS == MacOS {
		x.User, x.State = "ec2-user", "/usr/local/aws/ec2-macos-init"
	}
	script, err := x.render(s.OS)
	if err != nil {
		return "", fmt.Errorf("aws: start-up script: %w: %w", err, provisioner.ErrRefused)
	}
	return script, nil
}

// render puts the parts and then the values in place, by plain replacement. It is no text/template
// for a reason: that package looks methods up by name, so its mere presence makes the linker keep
// every method of every type, and the binaries would be 30 MB larger for calls to EC2 that nobody
// makes.
func (x start) render(os string) (string, error) {
	parts := make([]string, 0, 3)
	for _, name := range []string{os, "settings", "main"} {
		b, err := scripts.ReadFile("start-" + name + ".sh.tmpl")
		if err != nil {
			return "", err
		}
		parts = append(parts, strings.TrimSuffix(string(b), "\n"))
	}
	whole := strings.NewReplacer("{{settings}}", parts[1]+"\n", "{{main}}", parts[2]).Replace(parts[0]) + "\n"
	protocol := ""
	if x.PlainHTTP {
		protocol = ",http"
	}
	// One replacer for all: what it has put in, it does not look at again.
	return strings.NewReplacer(
		"{{name}}", quote(x.Name), "{{user}}", quote(x.User), "{{dir}}", quote(x.Dir), "{{state}}", quote(x.State),
		"{{url}}", quote(x.URL), "{{sha256}}", quote(x.SHA256), "{{lifetime}}", strconv.Itoa(x.Lifetime), "{{idle}}", strconv.Itoa(x.Idle),
		"{{configuration}}", quote(x.JITConfig), "{{,http}}", protocol,
	).Replace(whole), nil
}

// quote makes any text one word of a POSIX shell that means just that text. NUL can't be in one, so
// it is dropped.
func quote(s string) string {
	return "'" + strings.ReplaceAll(strings.ReplaceAll(s, "\x00", ""), "'", `'\''`) + "'"
}
