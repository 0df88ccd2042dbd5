package webhooktest_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/datawire/github-runner-provisioner/provisioner/webhook/webhooktest"
)

func TestCasesHaveNamesAndJobsOfTheirOwn(t *testing.T) {
	names, jobs := map[string]bool{}, map[int64]bool{}
	for _, c := range webhooktest.Cases("secret") {
		if names[c.Name] || jobs[c.WantJob] && c.WantJob != 0 {
			t.Errorf("%q, job %d: twice", c.Name, c.WantJob)
		}
		names[c.Name], jobs[c.WantJob] = true, true
		if c.Times < 1 || c.WantCode == 0 || len(c.WantStatus) == 0 {
			t.Errorf("%q is incomplete", c.Name)
		}
	}
	if len(names) < 100 {
		t.Errorf("only %d cases", len(names))
	}
}

// complaints is a test that only counts its errors.
type complaints struct {
	testing.TB
	said []string
}

func (c *complaints) Helper()                      {}
func (c *complaints) Errorf(f string, args ...any) { c.said = append(c.said, fmt.Sprintf(f, args...)) }

func (c *complaints) Fatalf(f string, args ...any) {
	c.Errorf(f, args...)
	panic(c)
}

func check(c webhooktest.Case, code int, header http.Header, body string) (said []string) {
	t := &complaints{}
	defer func() {
		_ = recover()
		said = t.said
	}()
	c.Check(t, code, header, []byte(body))
	return t.said
}

func TestCheckNoticesEveryDifference(t *testing.T) {
	yes := true
	c := webhooktest.Case{
		WantCode: 200, WantStatus: []string{"planned"}, WantJob: 7, WantType: "ubuntu-arm64", WantDefaulted: &yes, WantRunner: "grp-ubuntu-arm64-7-1",
	}
	const right = `{"status":"planned","job_id":7,"runner_type":"ubuntu-arm64","dry_run_defaulted":true,"plan":{"provider":"aws",` +
		`"runner_name":"grp-ubuntu-arm64-7-1","labels":["linux"],"request":{"a":1},"verified":false,"unverified_because":"nobody was asked"}}`
	header := http.Header{"Content-Type": {"application/json"}}
	if said := check(c, 200, header, right); said != nil {
		t.Fatalf("a right answer: %q", said)
	}
	for name, said := range map[string][]string{
		"code":         check(c, 202, header, right),
		"content type": check(c, 200, nil, right),
		"no JSON":      check(c, 200, header, "planned"),
	} {
		if said == nil {
			t.Errorf("another %s goes unnoticed", name)
		}
	}
	for old, changed := range map[string]string{
		`"planned"`: `"queued"`, `:7,`: `:8,`, `"runner_type":"ubuntu-arm64"`: `"runner_type":"macOS-arm64"`, `_defaulted":true`: `_defaulted":false`,
		`"dry_run_defaulted":true,`: ``, `arm64-7-1`: `arm64-7-2`, `"aws"`: `""`, `["linux"]`: `[]`, `{"a":1}`: `null`, `"verified":false,`: ``,
		`"verified":false`: `"verified":true`, `nobody was asked`: ``, `"plan"`: `"nothing"`,
	} {
		if said := check(c, 200, header, strings.Replace(right, old, changed, 1)); said == nil {
			t.Errorf("%s in place of %s goes unnoticed", changed, old)
		}
	}
	c.WantRunner = ""
	if check(c, 200, header, right) == nil {
		t.Error("a plan too many goes unnoticed")
	}
	denied := webhooktest.Case{WantCode: 405, WantStatus: []string{"ignored"}, WantReason: "labels"}
	if said := check(denied, 405, header, `{"status":"ignored","reason":"no reason"}`); len(said) != 2 {
		t.Errorf("a wrong reason and a missing Allow: %q", said)
	}
}
