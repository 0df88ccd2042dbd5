package github_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// permission is what a call takes, by GitHub's list of the permissions of fine-grained tokens and
// Apps; see https://docs.github.com/en/rest/authentication. "" is for what takes none, or an App's
// own key.
type permission struct{ repository, organisation string }

const (
	readActions   = "*Actions: read*"
	readMetadata  = "*Metadata: read*"
	readWebhooks  = "*Webhooks: read*"
	writeChecks   = "*Checks: read and write*"
	writeStatuses = "*Commit statuses: read and write*"
	writeAdmin    = "*Administration: read and write*"
	writeRunners  = "*Self-hosted runners: read and write*"
)

// permissions are those of every operation of the client, in repositories and in organisations.
var permissions = map[string]permission{
	"create check run":                    {repository: writeChecks},
	"find the App's installation":         {},
	"get delivery":                        {readWebhooks, readWebhooks},
	"get hook":                            {readWebhooks, readWebhooks},
	"get job":                             {repository: readActions},
	"get the App":                         {},
	"get the token's user":                {},
	"get runner deprecation":              {writeAdmin, writeRunners},
	"get runner":                          {writeAdmin, writeRunners},
	"get the installation's token":        {},
	"get workflow run":                    {repository: readActions},
	"list an installation's repositories": {repository: readMetadata},
	"list deliveries":                     {readWebhooks, readWebhooks},
	"list jobs":                           {repository: readActions},
	"list runner downloads":               {writeAdmin, writeRunners},
	"list runner groups":                  {organisation: writeRunners},
	"list runners":                        {writeAdmin, writeRunners},
	"list the App's installations":        {},
	"list the token's repositories":       {repository: readMetadata},
	"list workflow runs":                  {repository: readActions},
	"look up runner":                      {writeAdmin, writeRunners},
	"register runner":                     {writeAdmin, writeRunners},
	"remove runner":                       {writeAdmin, writeRunners},
	"set commit status":                   {repository: writeStatuses},
}

func TestTheREADMENamesThePermissionOfEveryCall(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(readme), "\n### Permissions at GitHub\n")
	section, _, _ = strings.Cut(section, "\n### ")
	cells := map[string][]string{}
	for line := range strings.Lines(section) {
		if row := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|"); len(row) == 5 {
			cells[strings.TrimSpace(row[0])] = row[1:]
		}
	}
	inRepository, inOrganisation := cells["App or fine-grained token, repository permissions"], cells["the same, organisation permissions"]
	if inRepository == nil || inOrganisation == nil {
		t.Fatalf("the README has no table of permissions:\n%s", section)
	}
	const repositoryRunners, organisationRunners, hooks, reports = 0, 1, 2, 3
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, file := range files {
		code, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`\boperation: +"([^"]+)"`).FindAllStringSubmatch(string(code), -1) {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			found++
			p, known := permissions[m[1]]
			if !known {
				t.Errorf("%s: which permission does %q take? Write it here, and into the README", file, m[1])
				continue
			}
			takes := func(want, cell string) {
				if !strings.Contains(cell, want) {
					t.Errorf("%q takes %s, and the README has only %s", m[1], want, cell)
				}
			}
			if p.repository == readWebhooks {
				takes(readWebhooks, inRepository[hooks])
				takes(readWebhooks, inOrganisation[hooks])
				continue
			}
			if p.repository == writeChecks || p.repository == writeStatuses {
				takes(p.repository, inRepository[reports])
				continue
			}
			takes(p.repository, inRepository[repositoryRunners])
			takes(p.organisation, inOrganisation[organisationRunners])
			if p.organisation == "" { // jobs and repositories are read whatever the runners belong to
				takes(p.repository, inRepository[organisationRunners])
			}
		}
	}
	if found < 10 {
		t.Errorf("only %d calls were found", found)
	}
}
