package wiring

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/datawire/github-runner-provisioner/adapters/internal/config"
	"github.com/datawire/github-runner-provisioner/adapters/sqlite"
	"github.com/datawire/github-runner-provisioner/awsrunner"
	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/queue"
)

func TestADeploymentIsMadeFromItsQueue(t *testing.T) {
	of := func(q queue.Queue, queueURL, host, set string) provisioner.Deployment {
		t.Helper()
		cfg := &config.Config{QueueURL: queueURL, Deployment: provisioner.Deployment(set)}
		cfg.GitHub.APIURL = host
		d, err := newDeployment(cfg, q)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Validate(); err != nil {
			t.Error(err)
		}
		return d
	}
	const github = "https://api.github.com"
	dir, files := t.TempDir(), map[provisioner.Deployment]int{}
	for _, name := range []string{"a", "a", "b"} {
		file := filepath.Join(dir, name)
		q, err := sqlite.Open(t.Context(), file, sqlite.Config{})
		if err != nil {
			t.Fatal(err)
		}
		files[of(q, "sqlite://"+file, github, "")]++
		if d := of(q, "sqlite://"+file, github, "prod"); d != "prod" {
			t.Errorf("DEPLOYMENT=prod is %q", d)
		}
		if err := q.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if len(files) != 2 {
		t.Errorf("two files, one of them opened twice, make the deployments %v", files)
	}
	const one, two = "https://sqs.eu-central-1.amazonaws.com/1/jobs", "https://sqs.eu-central-1.amazonaws.com/2/jobs"
	if a, b, c := of(nil, one, github, ""), of(nil, one, "https://ghes.test", ""), of(nil, two, github, ""); a != b || a == c {
		t.Errorf("SQS queues make %q, %q and %q", a, b, c)
	}
	memory := queue.NewMemory(0)
	if d := of(memory, "memory:", github, ""); d != "api-github-com" {
		t.Errorf("memory: makes %q", d)
	}
	if a, b := of(memory, "memory:", "https://"+strings.Repeat("a", 40)+".test/api/v3", ""), of(memory, "memory:", "https://"+strings.Repeat("a", 40)+".example/api/v3", ""); a == b {
		t.Errorf("two long hosts make %q", a)
	}
}

func TestTheREADMENamesWhatCarriesADeployment(t *testing.T) {
	readme, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(readme), "\n### Two installations, and upgrades\n")
	section, _, _ = strings.Cut(section, "\n## ")
	for _, name := range []string{"DEPLOYMENT", awsrunner.TagDeployment, "deployment-ID", provisioner.Deployment("ID").Label()} {
		if !strings.Contains(section, "`"+name+"`") {
			t.Errorf("the section does not name %s", name)
		}
	}
}
