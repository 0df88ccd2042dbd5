package main

import (
	"os"
	"runtime"
	"strings"
	"testing"
)

// What the linker is told in tests. A name that is none would be passed over without a word.
const (
	versionVariable = "github.com/datawire/github-runner-provisioner/adapters/internal/wiring.version"
	builtVersion    = "v1.2.3-test"
)

func TestTheServerSaysWhichVersionItIs(t *testing.T) {
	t.Parallel()
	s := start(t, newClouds(t).env)
	eventually(t, "the log names the version", func() bool {
		return strings.Contains(s.out.String(), `"msg":"serving","version":"`+builtVersion+`"`)
	})
	want := `runner_provisioner_build_info{go="` + runtime.Version() + `",version="` + builtVersion + `"} 1`
	if _, metrics := s.get(t, "/metrics"); !strings.Contains(metrics, want) {
		t.Errorf("the metrics lack %s", want)
	}
}

func TestEveryBuildCanBeToldItsVersion(t *testing.T) {
	for file, flag := range map[string]string{
		"../../Makefile": "-X " + versionVariable + "=$(VERSION)",
		"../../examples/deploy/container/Dockerfile": "-X " + versionVariable + "=$VERSION",
	} {
		if b, err := os.ReadFile(file); err != nil || !strings.Contains(string(b), flag) {
			t.Errorf("%s does not build with %s (%v)", file, flag, err)
		}
	}
}
