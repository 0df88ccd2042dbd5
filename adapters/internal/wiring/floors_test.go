package wiring_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/datawire/github-runner-provisioner/"

// floors are the packages from the ground up. A package imports only packages of floors below its
// own.
var floors = [][]string{
	{"labels"},
	{"provisioner"},
	{"provisioner/webhook", "provisioner/queue", "provisioner/reconcile", "provisioner/journal"},
	{"awsrunner", "codemagic", "provisioner/github", "adapters/sqlite", "adapters/sqs", "adapters/statuspage"},
	{"adapters/internal/config"},
	{"adapters/internal/wiring"},
	{"adapters/internal/server"},
	{"adapters/http", "adapters/lambda"},
}

// kit are the rooms of the test kit: each stands beside what it stands for, as httptest stands
// beside http.
var kit = []string{
	"labels/labelstest", "provisioner/provisionertest", "provisioner/webhook/webhooktest", "provisioner/queue/queuetest",
	"provisioner/reconcile/reconciletest", "provisioner/github/githubtest", "awsrunner/ec2test", "codemagic/codemagictest", "adapters/sqs/sqstest",
}

// foreign says who alone may import a package that is not ours, or anything below it.
var foreign = map[string][]string{
	"go.uber.org/fx":                {"adapters/internal/wiring", "adapters/internal/server", "adapters/lambda"},
	"github.com/caarlos0/env":       {"adapters/internal/config", "adapters/internal/server", "adapters/lambda"},
	"github.com/google/go-github":   {"provisioner/github", "provisioner/webhook"},
	"github.com/aws/aws-lambda-go":  {"adapters/lambda"},
	"github.com/prometheus":         {"adapters/internal/wiring", "adapters/internal/server", "adapters/lambda"},
	"modernc.org/sqlite":            {"adapters/sqlite"},
	"github.com/aws/aws-sdk-go-v2":  {"awsrunner", "adapters/sqs", "adapters/internal/config", "adapters/internal/wiring", "adapters/lambda"},
	"github.com/aws/smithy-go":      {"awsrunner", "adapters/sqs", "adapters/internal/config", "adapters/internal/wiring"},
	"github.com/bradleyfalzon":      {"provisioner/github"},
	"github.com/goccy/go-yaml":      {"adapters/internal/config"},
	"github.com/getkin/kin-openapi": {},
	"github.com/golang-jwt":         {"provisioner/github"},
	"github.com/santhosh-tekuri":    {"adapters/internal/config"},
	"github.com/google/go-cmp":      {},
	"golang.org/x/time":             {"awsrunner", "provisioner/webhook", "adapters/internal/wiring"},
	"github.com/a-h/templ":          {"adapters/statuspage"},
	"github.com/chromedp":           {},
}

type pkg struct {
	ImportPath string
	Standard   bool
	Imports    []string
	Deps       []string
}

func list(t *testing.T, args ...string) (out []pkg) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"list", "-json=ImportPath,Standard,Imports,Deps"}, args...)...)
	stdout, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for dec := json.NewDecoder(strings.NewReader(string(stdout))); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return out
		} else if err != nil {
			t.Fatal(err)
		}
		out = append(out, p)
	}
}

func floor(path string) int {
	return slices.IndexFunc(floors, func(f []string) bool { return slices.Contains(f, path) })
}

func inKit(path string) bool {
	return slices.ContainsFunc(kit, func(k string) bool { return path == k || strings.HasPrefix(path, k+"/") })
}

func TestEveryPackageImportsOnlyFloorsBelowItsOwn(t *testing.T) {
	for _, p := range list(t, module+"...") {
		name, ours := strings.CutPrefix(p.ImportPath, module)
		if !ours || strings.HasPrefix(name, "examples/") || strings.HasPrefix(name, "tools") || inKit(name) {
			continue
		}
		at := floor(name)
		if at < 0 {
			t.Errorf("%s is on no floor: give it one", name)
		}
		for _, i := range p.Imports {
			dep, ours := strings.CutPrefix(i, module)
			switch {
			case ours && inKit(dep):
				t.Errorf("%s imports %s, which is for tests", name, dep)
			case ours && floor(dep) >= at:
				t.Errorf("%s imports %s, which is not below it", name, dep)
			}
			for prefix, allowed := range foreign {
				if (i == prefix || strings.HasPrefix(i, prefix+"/") || strings.HasPrefix(i, prefix+".")) && !slices.Contains(allowed, name) {
					t.Errorf("%s imports %s, which only %v may", name, i, allowed)
				}
			}
		}
	}
}

func TestProductionCodeDependsOnNothingOfTheTestKit(t *testing.T) {
	var production []string
	for _, f := range floors {
		for _, p := range f {
			production = append(production, module+p)
		}
	}
	for _, p := range list(t, append([]string{"-deps"}, production...)...) {
		if name, ours := strings.CutPrefix(p.ImportPath, module); ours && inKit(name) {
			t.Errorf("production code depends on %s, which is for tests", name)
		}
		if p.ImportPath == "testing" {
			t.Error("production code depends on package testing")
		}
	}
}

// TestAUsersTestImportsOnlyTheFakeThatItNeeds keeps one cloud's SDK out of another cloud's fake.
func TestAUsersTestImportsOnlyTheFakeThatItNeeds(t *testing.T) {
	shared := []string{"labels", "provisioner", "provisioner/provisionertest/fakehttp"}
	for _, fake := range []string{"provisioner/github/githubtest", "awsrunner/ec2test", "codemagic/codemagictest", "adapters/sqs/sqstest"} {
		for _, p := range list(t, "-deps", module+fake) {
			name, ours := strings.CutPrefix(p.ImportPath, module)
			if ours && name != fake && !slices.Contains(shared, name) || !ours && !p.Standard {
				t.Errorf("%s depends on %s", fake, p.ImportPath)
			}
		}
	}
}

func TestTheGroundFloorDependsOnTheStandardLibraryOnly(t *testing.T) {
	for _, p := range list(t, "-deps", module+"labels", module+"provisioner") {
		if !p.Standard && p.ImportPath != module+"labels" && p.ImportPath != module+"provisioner" {
			t.Errorf("the ground floor depends on %s", p.ImportPath)
		}
	}
}

func TestTheDomainKnowsNoWiring(t *testing.T) {
	var below []string
	for _, f := range floors[:4] {
		for _, p := range f {
			below = append(below, module+p)
		}
	}
	for _, p := range list(t, append([]string{"-deps"}, below...)...) {
		if p.ImportPath == "go.uber.org/fx" || strings.HasPrefix(p.ImportPath, "github.com/caarlos0/env") {
			t.Errorf("something below the wiring depends on %s", p.ImportPath)
		}
	}
}
