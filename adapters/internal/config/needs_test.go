package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheRegionIsFoundWhereTheSDKFindsIt(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(file, []byte("[default]\nregion = eu-central-1\n[profile ci]\nregion = us-east-1\n[profile none]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		set map[string]string
		ok  bool
	}{
		"AWS_DEFAULT_REGION":         {map[string]string{"AWS_DEFAULT_REGION": "eu-west-1"}, true},
		"the default profile":        {map[string]string{"AWS_CONFIG_FILE": file}, true},
		"a named profile":            {map[string]string{"AWS_CONFIG_FILE": file, "AWS_PROFILE": "ci"}, true},
		"a profile without a region": {map[string]string{"AWS_CONFIG_FILE": file, "AWS_PROFILE": "none"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			alone(t)
			environ := enough(c.set)
			environ["AWS_REGION"] = ""
			_, err := load(t, environ)
			if (err == nil) != c.ok {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestWhatNoRunnerTypeUsesIsNotRequired(t *testing.T) {
	for name, c := range map[string]struct {
		catalogue string
		unset     []string
		set       map[string]string
		wants     string // the variable of the fault, if any
	}{
		"no Codemagic": {awsCatalogue, []string{"CODEMAGIC_TOKEN", "CODEMAGIC_APP_ID"}, nil, ""},
		"no AWS":       {codemagicCatalogue, []string{"AWS_REGION", "CODEMAGIC_APP_ID"}, map[string]string{"QUEUE_URL": "sqlite:///x.db"}, ""},
		"no AWS but SQS": {
			codemagicCatalogue,
			[]string{"AWS_REGION"},
			map[string]string{"QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/1/jobs"},
			"AWS_REGION: missing: QUEUE_URL is an SQS queue",
		},
		"Codemagic": {codemagicCatalogue, []string{"CODEMAGIC_TOKEN"}, nil, "CODEMAGIC_TOKEN: missing: the runner type mac runs at Codemagic"},
		"AWS":       {awsCatalogue, []string{"AWS_REGION"}, nil, "AWS_REGION: missing: the runner type big runs on AWS"},
	} {
		t.Run(name, func(t *testing.T) {
			alone(t)
			file := filepath.Join(t.TempDir(), "runners.yaml")
			if err := os.WriteFile(file, []byte(c.catalogue), 0o600); err != nil {
				t.Fatal(err)
			}
			environ := enough(c.set)
			environ["RUNNERS_FILE"] = file
			for _, k := range c.unset {
				delete(environ, k)
			}
			_, err := load(t, environ)
			if c.wants == "" && err != nil || c.wants != "" && (err == nil || !strings.Contains(err.Error(), "\n  "+c.wants)) {
				t.Errorf("want %q, got %v", c.wants, err)
			}
		})
	}
}

const (
	awsCatalogue       = "runners:\n  - {name: big, labels: [big], provider: aws, aws: {image: ami-1, instance_types: [m7g.large]}}\n"
	codemagicCatalogue = "runners:\n  - {name: mac, labels: [mac], provider: codemagic, codemagic: {app_id: a}}\n"
)
