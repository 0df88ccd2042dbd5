package deploy_test

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// instruction is one of a Dockerfile, in the stage of that number.
type instruction struct {
	stage      int
	name, args string
}

func readDockerfile(t *testing.T) (all []instruction) {
	t.Helper()
	content := strings.ReplaceAll(source(t, "examples/deploy/container/Dockerfile"), "\\\n", " ")
	stage := -1
	for line := range strings.Lines(content) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, args, _ := strings.Cut(line, " ")
		if name == "FROM" {
			stage++
		}
		all = append(all, instruction{stage, name, strings.TrimSpace(args)})
	}
	return all
}

func imageVariables(t *testing.T) map[string]string {
	variables := map[string]string{}
	for _, i := range readDockerfile(t) {
		if name, value, ok := strings.Cut(i.args, "="); ok && i.name == "ENV" {
			variables[name] = value
		}
	}
	return variables
}

func TestTheImageHoldsNothingButTheServer(t *testing.T) {
	known := []string{"FROM", "WORKDIR", "COPY", "RUN", "ARG", "USER", "ENV", "VOLUME", "EXPOSE", "ENTRYPOINT"}
	last := map[string]string{}
	var bases []string
	all := readDockerfile(t)
	final := all[len(all)-1].stage
	for _, i := range all {
		if !slices.Contains(known, i.name) {
			t.Errorf("%s is not understood here", i.name)
		}
		if i.name == "FROM" {
			bases = append(bases, i.args)
		}
		if i.stage != final {
			continue
		}
		last[i.name] = i.args
		if i.name == "RUN" {
			t.Error("scratch has nothing that could run", i.args)
		}
		if i.name == "COPY" && !strings.HasPrefix(i.args, "--from=build ") {
			t.Error("the image takes something from elsewhere than the build:", i.args)
		}
	}
	if final != 1 || bases[1] != "scratch" || !strings.HasSuffix(bases[0], " AS build") {
		t.Errorf("the stages are %q", bases)
	}
	if !regexp.MustCompile(`^[1-9]\d*:[1-9]\d*$`).MatchString(last["USER"]) {
		t.Errorf("USER is %q, not a number other than root's", last["USER"])
	}
	for _, form := range []string{"ENTRYPOINT", "VOLUME"} {
		var words []string
		if err := json.Unmarshal([]byte(last[form]), &words); err != nil || len(words) == 0 {
			t.Errorf("%s %s is not in exec form, and there is no shell: %v", form, last[form], err)
		}
	}
	if got, _, _ := strings.Cut(strings.TrimPrefix(bases[0], "--platform=$BUILDPLATFORM golang:"), " "); !strings.Contains(source(t, "go.mod"), "\ngo "+got) {
		t.Errorf("the builder's Go is %q, and go.mod has another", got)
	}
}

// What is left out of the build's context must not be missed by it.
func TestTheBuildGetsEveryFolderThatTheServerImports(t *testing.T) {
	ignore := source(t, "examples/deploy/container/Dockerfile.dockerignore")
	const module = "github.com/datawire/github-runner-provisioner/"
	out, err := goCommand(t, "list", "-deps", "./adapters/http").Output()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(out)) {
		if pkg, ok := strings.CutPrefix(strings.TrimSpace(line), module); ok {
			n++
			if folder, _, _ := strings.Cut(pkg, "/"); !strings.Contains(ignore, "\n!"+folder+"\n") {
				t.Errorf("%s is needed, and Dockerfile.dockerignore keeps %s out", pkg, folder)
			}
		}
	}
	if n < 5 {
		t.Errorf("the server imports %d packages of ours?", n)
	}
}

func goCommand(t *testing.T, args ...string) *exec.Cmd {
	c := exec.CommandContext(t.Context(), "go", args...)
	c.Dir = root
	return c
}

var image = flag.Bool("image", false, "build the server as the Dockerfile does, and start it")

// The Dockerfile's own build line is run here, without an engine, and what it builds is started
// with the variables of the Deployment and asked what the probes ask.
func TestTheServerOfTheImageStartsAsTheDeploymentStartsIt(t *testing.T) {
	if !*image {
		t.Skip("run with -image: the build takes minutes where it has not been done before")
	}
	binary := buildAsTheDockerfileDoes(t, "adapters/http")
	quiet := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }))
	t.Cleanup(quiet.Close)

	variables := imageVariables(t)
	maps.Copy(variables, podVariables(t))
	maps.Copy(variables, secretVariables(t))
	if want := imageVariables(t)["QUEUE_URL"]; variables["QUEUE_URL"] != want {
		t.Errorf("the Deployment's QUEUE_URL is %q, and the image's %q", variables["QUEUE_URL"], want)
	}
	variables["QUEUE_URL"] = "sqlite://" + filepath.Join(t.TempDir(), "queue.db")
	variables["RUNNERS_FILE"] = filepath.Join("kubernetes", filepath.Base(variables["RUNNERS_FILE"]))
	maps.Copy(variables, map[string]string{ // nothing of this test leaves the machine
		"LISTEN_ADDR": "127.0.0.1:0", "GITHUB_API_URL": quiet.URL, "CODEMAGIC_API_URL": quiet.URL, "AWS_ENDPOINT_URL": quiet.URL,
		"AWS_ACCESS_KEY_ID": "FAKE", "AWS_SECRET_ACCESS_KEY": "FAKE", "REPOSITORIES": deployed(t, ""),
	})
	address := start(t, binary, variables)
	probes := at(pod(t), "containers").([]any)[0]
	for _, probe := range []string{"livenessProbe", "readinessProbe", "startupProbe"} {
		path := text(at(probes, probe, "httpGet", "path"))
		if code := get(t, "http://"+address+path); path == "" || code != http.StatusOK {
			t.Errorf("%s: GET %s is answered with %d", probe, path, code)
		}
	}
	if code := get(t, "http://"+address+text(at(readYAML(t, "kubernetes/monitoring/servicemonitor.yaml")[0]["spec"], "endpoints").([]any)[0].(object)["path"])); code != http.StatusOK {
		t.Errorf("the ServiceMonitor's path is answered with %d", code)
	}
	if code := get(t, "http://"+address+"/webhook"); code != http.StatusMethodNotAllowed {
		t.Errorf("GET on the ingress's path is answered with %d", code)
	}
	for _, command := range guides["kubernetes"].requests(t) {
		if out, err := request(t, command, "http://"+address, variables["WEBHOOK_TOKEN"]); err != nil {
			t.Errorf("%s: %v\n%s", command, err, out)
		}
	}
}

func TestTheImageCanHoldTheServerThatSendsTraces(t *testing.T) {
	if !*image {
		t.Skip("run with -image")
	}
	out, err := exec.CommandContext(t.Context(), buildAsTheDockerfileDoes(t, "adapters/otel"), "version").CombinedOutput()
	if err != nil || !strings.HasPrefix(string(out), "github-runner-provisioner ") {
		t.Errorf("%v: %s", err, out)
	}
}

func buildAsTheDockerfileDoes(t *testing.T, server string) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "server")
	for _, i := range readDockerfile(t) {
		if i.name != "RUN" || !strings.Contains(i.args, "go build") {
			continue
		}
		if !strings.Contains(i.args, " -o /out/github-runner-provisioner ") {
			t.Fatalf("the build line writes elsewhere: %s", i.args)
		}
		c := exec.CommandContext(t.Context(), "sh", "-ec", strings.Replace(i.args, "/out/github-runner-provisioner", binary, 1))
		c.Dir = root
		c.Env = append(os.Environ(), "TARGETOS=", "TARGETARCH=", "SERVER="+server)
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", i.args, err, out)
		}
		return binary
	}
	t.Fatal("the Dockerfile builds nothing")
	return ""
}

// start runs the server until the test ends, sees that it stops cleanly, and returns the address at
// which it listens.
func start(t *testing.T, binary string, variables map[string]string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute) // the test's own ends before its clean-up
	t.Cleanup(cancel)
	server := exec.CommandContext(ctx, binary)
	for name, value := range variables {
		server.Env = append(server.Env, name+"="+value)
	}
	var faults strings.Builder
	server.Stderr = &faults
	logs, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(logs)
	for lines.Scan() {
		var line struct{ Msg, Address string }
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "listening" {
			drained := make(chan struct{})
			go func() { _, _ = io.Copy(io.Discard, logs); close(drained) }()
			t.Cleanup(func() {
				_ = server.Process.Signal(syscall.SIGTERM)
				<-drained
				if err := server.Wait(); err != nil {
					t.Errorf("SIGTERM: %v\n%s", err, faults.String())
				}
			})
			return line.Address
		}
	}
	err = server.Wait()
	t.Fatalf("the server did not start: %v\n%s", err, faults.String())
	return ""
}

func get(t *testing.T, url string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}
