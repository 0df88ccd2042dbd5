package config_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestNoSettingAtAllNamesEveryMissingVariable(t *testing.T) {
	alone(t)
	_, err := load(t, nil)
	golden(t, "no-settings", err)
}

func TestEverythingWrongIsToldAtOnceInTheOrderOfTheDocumentation(t *testing.T) {
	alone(t)
	dir := t.TempDir()
	t.Chdir(dir)
	if err := os.WriteFile("runners.yaml", []byte("runners:\n  - name: a\n    lables: [x]\n    provider: codemagic\n    max: many\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := load(t, map[string]string{
		"LOG_FORMAT": "xml", "LOG_LEVEL": "loud", "WEBHOOK_HOOK": "acme", "RECONCILE_INTERVAL": "60", "REPOSITORIES": "*,a/b/c,a/[", "QUEUE_URL": "redis://x",
		"WEBHOOK_PATH": "hook", "LISTEN_ADDR": "8080", "RUNNERS_FILE": "runners.yaml", "CODEMAGIC_API_URL": "codemagic", "GITHUB_API_URL": "ftp://x",
		"GITHUB_TOKEN": "ghp_x", "GITHUB_APP_ID": "abc", "GITHUB_APP_PRIVATE_KEY": "not a key", "GITHUB_APP_PRIVATE_KEY_FILE": "missing.pem",
		"AWS_REGION": "Ireland",
	})
	golden(t, "everything-wrong", err)
}

func golden(t *testing.T, name string, err error) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	file := filepath.Join("testdata", name+".txt")
	if !filepath.IsAbs(goldenDir) {
		t.Fatal("the test's directory is unknown")
	}
	file = filepath.Join(goldenDir, file)
	if *update {
		if err := os.WriteFile(file, []byte(err.Error()+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, readErr := os.ReadFile(file)
	if readErr != nil {
		t.Fatal(readErr)
	}
	if diff := cmp.Diff(string(want), err.Error()+"\n"); diff != "" {
		t.Errorf("-want +got (go test -update accepts it):\n%s", diff)
	}
}

var goldenDir, _ = os.Getwd() // before a test changes it

func TestEachFaultNamesItsVariableAndTheCure(t *testing.T) {
	const missingCodemagic = "CODEMAGIC_TOKEN: missing: the runner type macOS-arm64 runs at Codemagic"
	for name, c := range map[string]struct {
		set  map[string]string
		want string
	}{
		"no token":            {map[string]string{"GITHUB_TOKEN": ""}, "GITHUB_TOKEN: missing: set it to a personal access token"},
		"broken token":        {map[string]string{"GITHUB_TOKEN": "ghp_one\nghp_two"}, "GITHUB_TOKEN: not a token: it has blanks"},
		"token and App":       {map[string]string{"GITHUB_APP_ID": "1"}, "GITHUB_TOKEN: set together with a GitHub App"},
		"App without key":     {map[string]string{"GITHUB_TOKEN": "", "GITHUB_APP_ID": "1"}, "GITHUB_APP_PRIVATE_KEY: missing"},
		"key without App":     {map[string]string{"GITHUB_TOKEN": "", "GITHUB_APP_PRIVATE_KEY": rsaPEM(t)}, "GITHUB_APP_ID: missing: a private key needs"},
		"App id not a number": {app("x", rsaPEM(t)), "GITHUB_APP_ID: not an App id"},
		"App id negative":     {app("-1", rsaPEM(t)), "GITHUB_APP_ID: not an App id"},
		"two keys": {
			map[string]string{"GITHUB_TOKEN": "", "GITHUB_APP_ID": "1", "GITHUB_APP_PRIVATE_KEY": rsaPEM(t), "GITHUB_APP_PRIVATE_KEY_FILE": pemFile(t, rsaPEM(t))},
			"GITHUB_APP_PRIVATE_KEY_FILE: set together with GITHUB_APP_PRIVATE_KEY",
		},
		"key is a file's name": {app("1", "/etc/app.pem"), "GITHUB_APP_PRIVATE_KEY: not a private key in PEM form"},
		"key is cut off":       {app("1", rsaPEM(t)[:200]), "GITHUB_APP_PRIVATE_KEY: not a private key in PEM form"},
		"key is damaged":       {app("1", damaged(rsaPEM(t))), "GITHUB_APP_PRIVATE_KEY: not an RSA private key"},
		"key is not RSA":       {app("1", ecPEM(t)), "GITHUB_APP_PRIVATE_KEY: not an RSA private key"},
		"key file is missing": {
			map[string]string{"GITHUB_TOKEN": "", "GITHUB_APP_ID": "1", "GITHUB_APP_PRIVATE_KEY_FILE": "/none.pem"},
			"GITHUB_APP_PRIVATE_KEY_FILE: can't be read: no such file or directory",
		},
		"key file is no key": {
			map[string]string{"GITHUB_TOKEN": "", "GITHUB_APP_ID": "1", "GITHUB_APP_PRIVATE_KEY_FILE": pemFile(t, "hello")},
			"GITHUB_APP_PRIVATE_KEY_FILE: not a private key in PEM form",
		},
		"GitHub URL without scheme":    {map[string]string{"GITHUB_API_URL": "api.github.com"}, "GITHUB_API_URL: not an absolute http(s) URL"},
		"GitHub URL without host":      {map[string]string{"GITHUB_API_URL": "https:///api"}, "GITHUB_API_URL: not an absolute http(s) URL"},
		"GitHub URL with a password":   {map[string]string{"GITHUB_API_URL": "https://me:pw@h"}, "GITHUB_API_URL: has a user name in it"},
		"GitHub URL with a query":      {map[string]string{"GITHUB_API_URL": "https://h/?a=b"}, "GITHUB_API_URL: has a query or fragment"},
		"no webhook token":             {map[string]string{"WEBHOOK_TOKEN": " \n"}, "WEBHOOK_TOKEN: missing"},
		"no Codemagic token":           {map[string]string{"CODEMAGIC_TOKEN": ""}, missingCodemagic},
		"broken Codemagic token":       {map[string]string{"CODEMAGIC_TOKEN": "a b"}, "CODEMAGIC_TOKEN: not a token"},
		"no Codemagic app":             {map[string]string{"CODEMAGIC_APP_ID": ""}, "CODEMAGIC_APP_ID: missing: the built-in runner type macOS-arm64"},
		"Codemagic URL":                {map[string]string{"CODEMAGIC_API_URL": "/x"}, "CODEMAGIC_API_URL: not an absolute http(s) URL"},
		"no region":                    {map[string]string{"AWS_REGION": ""}, "AWS_REGION: missing: the runner type ubuntu-arm64 runs on AWS"},
		"bad region":                   {map[string]string{"AWS_REGION": "eu west"}, `AWS_REGION: "eu west" is not a region`},
		"bad default region":           {map[string]string{"AWS_REGION": "", "AWS_DEFAULT_REGION": "X"}, `AWS_DEFAULT_REGION: "X" is not a region`},
		"unknown profile":              {map[string]string{"AWS_REGION": "", "AWS_PROFILE": "nobody"}, "the AWS SDK's own settings can't be read: failed to get shared config profile, nobody"},
		"catalogue missing":            {map[string]string{"RUNNERS_FILE": "/none.yaml"}, `RUNNERS_FILE: "/none.yaml" can't be read: no such file or directory`},
		"catalogue is a folder":        {map[string]string{"RUNNERS_FILE": "/"}, `RUNNERS_FILE: "/" can't be read: is a directory`},
		"address without colon":        {map[string]string{"LISTEN_ADDR": "8080"}, `LISTEN_ADDR: "8080" is not a host:port: write :8080`},
		"address without port":         {map[string]string{"LISTEN_ADDR": "localhost:"}, `LISTEN_ADDR: "localhost:" is not a host:port`},
		"a report that is none":        {map[string]string{"REPORT": "email"}, `REPORT: "email" is not one of off, status, check`},
		"a check run without an App":   {map[string]string{"REPORT": "check"}, `REPORT: check needs a GitHub App`},
		"an open page":                 {map[string]string{"ADMIN_ADDR": ":9090"}, `ADMIN_TOKEN: missing: set it to a secret of your own`},
		"an open page at an address":   {map[string]string{"ADMIN_ADDR": "10.0.0.1:9090"}, `ADMIN_TOKEN: missing`},
		"a page at no address":         {map[string]string{"ADMIN_ADDR": "9090"}, `ADMIN_ADDR: "9090" is not a host:port: write :9090`},
		"address with a high port":     {map[string]string{"LISTEN_ADDR": ":70000"}, `LISTEN_ADDR: ":70000" is not a host:port`},
		"path without slash":           {map[string]string{"WEBHOOK_PATH": "hook"}, `WEBHOOK_PATH: "hook" does not begin with a slash: write "/hook"`},
		"path taken":                   {map[string]string{"WEBHOOK_PATH": "/healthz"}, `WEBHOOK_PATH: "/healthz" is taken by the service itself`},
		"path taken, in disguise":      {map[string]string{"WEBHOOK_PATH": "/x/../metrics/"}, `WEBHOOK_PATH: "/x/../metrics/" is taken by the service itself`},
		"path not clean":               {map[string]string{"WEBHOOK_PATH": "/hook/"}, `WEBHOOK_PATH: "/hook/" is not a plain path: write "/hook"`},
		"path with a wildcard":         {map[string]string{"WEBHOOK_PATH": "/{x}"}, `WEBHOOK_PATH: "/{x}" has characters other than`},
		"body of a unit":               {map[string]string{"MAX_BODY_BYTES": "25MB"}, `MAX_BODY_BYTES: "25MB" is not a whole number: write the bytes without a unit, such as 26214400`},
		"body of nothing":              {map[string]string{"MAX_BODY_BYTES": "0"}, `MAX_BODY_BYTES: "0" is not from 1 to 50331648`},
		"body negative":                {map[string]string{"MAX_BODY_BYTES": "-1"}, `MAX_BODY_BYTES: "-1" is not from 1 to 50331648`},
		"body over the budget":         {map[string]string{"MAX_BODY_BYTES": "50331649"}, `MAX_BODY_BYTES: "50331649" is not from 1 to 50331648; GitHub sends 26214400 at the most`},
		"body enormous":                {map[string]string{"MAX_BODY_BYTES": "99999999999999999999"}, `MAX_BODY_BYTES: "99999999999999999999" is not from 1 to`},
		"queue unknown":                {map[string]string{"QUEUE_URL": "redis://x"}, "QUEUE_URL: not one of memory: , sqlite://FILE and"},
		"queue without file":           {map[string]string{"QUEUE_URL": "sqlite://"}, `QUEUE_URL: "sqlite://" names no file`},
		"queue in a folder":            {map[string]string{"QUEUE_URL": "sqlite:///var/lib/"}, `QUEUE_URL: "sqlite:///var/lib/" names no file`},
		"queue with options":           {map[string]string{"QUEUE_URL": "sqlite://x?mode=ro"}, `QUEUE_URL: "sqlite://x?mode=ro" has options or escapes`},
		"deployment":                   {map[string]string{"DEPLOYMENT": "Prod EU"}, `DEPLOYMENT: "Prod EU" is not 1 to 32 of a-z 0-9 -`},
		"queue URL":                    {map[string]string{"QUEUE_URL": "https://"}, "QUEUE_URL: not an absolute http(s) URL"},
		"interval without unit":        {map[string]string{"RECONCILE_INTERVAL": "60"}, `RECONCILE_INTERVAL: "60" has no unit: write 60s`},
		"interval not a duration":      {map[string]string{"RECONCILE_INTERVAL": "often"}, `RECONCILE_INTERVAL: "often" is not a duration`},
		"interval negative":            {map[string]string{"RECONCILE_INTERVAL": "-1m"}, `RECONCILE_INTERVAL: "-1m" is shorter than 1s`},
		"interval too short":           {map[string]string{"RECONCILE_INTERVAL": "60ms"}, `RECONCILE_INTERVAL: "60ms" is shorter than 1s`},
		"repository without slash":     {map[string]string{"REPOSITORIES": "a/b,*"}, `REPOSITORIES: "*" is not a pattern over owner/repo`},
		"repository with two slashes":  {map[string]string{"REPOSITORIES": "a/b/c"}, `REPOSITORIES: "a/b/c" is not a pattern over owner/repo`},
		"repository without name":      {map[string]string{"REPOSITORIES": "a/"}, `REPOSITORIES: "a/" is not a pattern over owner/repo`},
		"repository with a bad glob":   {map[string]string{"REPOSITORIES": "a/[b"}, `REPOSITORIES: "a/[b" is not a valid pattern`},
		"no repository at all":         {map[string]string{"REPOSITORIES": ", ,"}, `REPOSITORIES: ", ," has no entry`},
		"hook without id":              {map[string]string{"WEBHOOK_HOOK": "acme/repo"}, `WEBHOOK_HOOK: "acme/repo" is neither owner/repo/HOOK_ID nor org/HOOK_ID`},
		"hook with id 0":               {map[string]string{"WEBHOOK_HOOK": "acme/0"}, `WEBHOOK_HOOK: "acme/0" is neither`},
		"hook with an enormous id":     {map[string]string{"WEBHOOK_HOOK": "acme/99999999999999999999"}, `WEBHOOK_HOOK: "acme/99999999999999999999" is neither`},
		"log level":                    {map[string]string{"LOG_LEVEL": "verbose"}, `LOG_LEVEL: "verbose" is not one of debug, info, warn, error`},
		"log format":                   {map[string]string{"LOG_FORMAT": "yaml"}, `LOG_FORMAT: "yaml" is not one of json, text`},
		"a long value is cut short":    {map[string]string{"LOG_FORMAT": strings.Repeat("é", 100)}, `LOG_FORMAT: "` + strings.Repeat("é", 80) + `"... is not`},
		"a value of lines is one line": {map[string]string{"LOG_FORMAT": "a\n\nb"}, `LOG_FORMAT: "a\n\nb" is not one of json, text`},
	} {
		t.Run(name, func(t *testing.T) {
			alone(t)
			environ := enough(c.set)
			cfg, err := load(t, environ)
			if err == nil {
				t.Fatalf("no error, but %+v", cfg)
			}
			lines := strings.Split(err.Error(), "\n")
			if len(lines) != 2 || lines[0] != "1 fault in the settings:" || !strings.HasPrefix(lines[1], "  ") {
				t.Errorf("not a heading and one fault:\n%v", err)
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("want %q in\n%v", c.want, err)
			}
			noSecretIn(t, err, environ)
		})
	}
}

func noSecretIn(t *testing.T, err error, environ map[string]string) {
	t.Helper()
	for _, variable := range []string{"GITHUB_TOKEN", "GITHUB_APP_PRIVATE_KEY", "WEBHOOK_TOKEN", "WEBHOOK_TOKEN_PREVIOUS", "CODEMAGIC_TOKEN"} {
		for line := range strings.Lines(environ[variable]) {
			if line = strings.TrimSpace(line); len(line) > 4 && !strings.HasPrefix(line, "-----") && strings.Contains(err.Error(), line) {
				t.Errorf("the value of %s is in the error: %v", variable, err)
			}
		}
	}
}
