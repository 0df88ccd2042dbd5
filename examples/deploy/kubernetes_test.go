package deploy_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// pod is the Deployment's.
func pod(t *testing.T) object {
	t.Helper()
	p, ok := at(readYAML(t, "kubernetes/deployment.yaml")[0], "spec", "template", "spec").(object)
	if !ok {
		t.Fatal("the Deployment has no pod")
	}
	return p
}

func container(t *testing.T) object {
	t.Helper()
	all := list(pod(t)["containers"])
	if len(all) != 1 {
		t.Fatalf("%d containers", len(all))
	}
	return all[0].(object)
}

func podVariables(t *testing.T) map[string]string {
	variables := map[string]string{}
	for _, e := range list(container(t)["env"]) {
		variables[text(at(e, "name"))] = text(at(e, "value"))
	}
	return variables
}

func secretVariables(t *testing.T) map[string]string {
	variables := map[string]string{}
	for name, value := range at(readYAML(t, "kubernetes/secret.example.yaml")[0], "stringData").(object) {
		variables[name] = text(value)
	}
	return variables
}

func TestEveryManifestIsAppliedOrSaidWhyNot(t *testing.T) {
	apart := map[string]string{
		"secret.example.yaml":         "an example",
		"kustomization.yaml":          "the list itself",
		"runners.yaml":                "the content of the ConfigMap",
		"monitoring/alerts.yaml":      "plain rules, for Prometheus without the operator",
		"monitoring/alerts_test.yaml": "promtool's",
	}
	err := fs.WalkDir(os.DirFS("kubernetes"), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		docs := readYAML(t, filepath.Join("kubernetes", path))
		name := filepath.Base(path)
		if name == "kustomization.yaml" || apart[path] != "" {
			return nil
		}
		if text(docs[0]["apiVersion"]) == "" || text(docs[0]["kind"]) == "" || text(at(docs[0], "metadata", "name")) == "" {
			t.Errorf("%s has no apiVersion, kind or name", path)
		}
		applied := list(readYAML(t, filepath.Join("kubernetes", filepath.Dir(path), "kustomization.yaml"))[0]["resources"])
		if !slices.Contains(applied, any(name)) {
			t.Errorf("%s is in no kustomization", path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestTheSelectorsFindThePod(t *testing.T) {
	labels := at(readYAML(t, "kubernetes/deployment.yaml")[0], "spec", "template", "metadata", "labels")
	service := readYAML(t, "kubernetes/service.yaml")[0]
	for where, selector := range map[string]any{
		"deployment":          at(readYAML(t, "kubernetes/deployment.yaml")[0], "spec", "selector", "matchLabels"),
		"service":             at(service, "spec", "selector"),
		"poddisruptionbudget": at(readYAML(t, "kubernetes/poddisruptionbudget.yaml")[0], "spec", "selector", "matchLabels"),
	} {
		if selector == nil || !cmp.Equal(selector, labels) {
			t.Errorf("%s selects %v, and the pod has %v", where, selector, labels)
		}
	}
	monitor := at(readYAML(t, "kubernetes/monitoring/servicemonitor.yaml")[0], "spec", "selector", "matchLabels")
	if monitor == nil || !cmp.Equal(monitor, at(service, "metadata", "labels")) {
		t.Errorf("the ServiceMonitor selects %v, and the Service has %v", monitor, at(service, "metadata", "labels"))
	}
	alerts := source(t, "examples/deploy/kubernetes/monitoring/alerts.yaml")
	if job := `up{job="` + text(at(service, "metadata", "name")) + `"}`; !strings.Contains(alerts, job) {
		t.Errorf("no alert looks at %s: the operator names the job after the Service", job)
	}
}

func TestThePodHasNoRightsAndOneWriter(t *testing.T) {
	deployment, c := readYAML(t, "kubernetes/deployment.yaml")[0], container(t)
	want := object{"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": object{"drop": []any{"ALL"}}}
	if diff := cmp.Diff(any(want), c["securityContext"]); diff != "" {
		t.Errorf("container (-want +got):\n%s", diff)
	}
	user := ""
	for _, i := range readDockerfile(t) {
		if i.name == "USER" {
			user = i.args
		}
	}
	security := pod(t)["securityContext"]
	if got := text(at(security, "runAsUser")) + ":" + text(at(security, "runAsGroup")); got != user || at(security, "runAsNonRoot") != true {
		t.Errorf("the pod runs as %s, the image as %s", got, user)
	}
	if at(security, "fsGroup") != at(security, "runAsGroup") {
		t.Error("the volume belongs to another group than the process")
	}
	if strings.HasPrefix(podVariables(t)["QUEUE_URL"], "sqlite:") {
		spec := deployment["spec"]
		if at(spec, "replicas") != uint64(1) || text(at(spec, "strategy", "type")) != "Recreate" {
			t.Error("a SQLite file has one process: one replica, and never an old one beside a new one")
		}
	}
}

// The header of deployment.yaml says what to change for two replicas. Of what a stop does to their
// clients this holds the order: the pod is taken out of the Service, later told to end, and killed
// only when it has had its time.
func TestOneOfTwoReplicasServesUntilNobodySendsItAnything(t *testing.T) {
	file := source(t, "examples/deploy/kubernetes/deployment.yaml")
	line := regexp.MustCompile(`(?m)^( +)# (lifecycle: .*)$`)
	if header, _, _ := strings.Cut(file, "\napiVersion: "); len(line.FindAllString(file, -1)) != 1 || !strings.Contains(header, "lifecycle") {
		t.Fatal("the header names no line lifecycle, or there is none")
	}
	path := filepath.Join(t.TempDir(), "deployment.yaml")
	if err := os.WriteFile(path, line.ReplaceAll([]byte(file), []byte("$1$2")), 0o600); err != nil {
		t.Fatal(err)
	}
	pod := at(readYAML(t, path)[0], "spec", "template", "spec")
	wait, _ := at(list(at(pod, "containers"))[0], "lifecycle", "preStop", "sleep", "seconds").(uint64)
	grace, _ := at(pod, "terminationGracePeriodSeconds").(uint64)
	stop := regexp.MustCompile(`const stopTimeout = (\d+) \* time.Second`).FindStringSubmatch(source(t, "adapters/internal/server/command_serve.go"))
	if stop == nil {
		t.Fatal("how long the server takes to stop is not to be found")
	}
	longest, err := strconv.ParseUint(stop[1], 10, 64)
	if err != nil || wait < 5 || grace < wait+longest+5 {
		t.Errorf("killed %d s after its end was decided, of which it waits %d and has %d to stop, %v", grace, wait, longest, err)
	}
}
