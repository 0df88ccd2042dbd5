package statuspage_test

import (
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/datawire/github-runner-provisioner/adapters/statuspage"
)

func TestAJobIsKnownByItsIDOrItsAddress(t *testing.T) {
	for s, want := range map[string]int64{
		"12345": 12345, " 12345\n": 12345, "9223372036854775807": 9223372036854775807,
		"https://github.com/octo-org/octo-repo/actions/runs/77/job/12345":            12345,
		"https://github.com/octo-org/octo-repo/actions/runs/77/job/12345?pr=5":       12345,
		"https://github.com/octo-org/octo-repo/actions/runs/77/job/12345#step:3:1":   12345,
		"https://github.com/octo-org/octo-repo/actions/runs/77/attempts/2/job/12345": 12345,
		"https://github.com/octo-org/octo-repo/actions/runs/77/job/12345/":           12345,
		"http://ghes.example:8443/octo-org/octo-repo/actions/runs/77/job/12345":      12345,
		"github.com/octo-org/octo-repo/actions/runs/77/job/12345":                    12345,
		"https://api.github.com/repos/octo-org/octo-repo/actions/jobs/12345":         12345,
	} {
		if got, err := statuspage.ParseJob(s); got != want || err != nil {
			t.Errorf("%q is %d, %v", s, got, err)
		}
	}
	for _, s := range []string{
		"", "0", "-5", "+5", "1.5", "0x10", "1e3", "job", "12345 12346", "9223372036854775808", "https://github.com/octo-org/octo-repo", "https://github.com/octo-org/octo-repo/actions/runs/77",
		"https://github.com/octo-org/octo-repo/actions/runs/77/job/", "https://github.com/octo-org/octo-repo/actions/runs/77/job/x", "job/5", "javascript://x/a/b/job/5", "ftp://github.com/a/b/job/5", "https://%zz/job/5",
	} {
		if got, err := statuspage.ParseJob(s); !errors.Is(err, statuspage.ErrNoJob) || got != 0 {
			t.Errorf("%q is %d, %v", s, got, err)
		}
	}
	_, err := statuspage.ParseJob("https://github.com/octo-org/octo-repo/actions/runs/77")
	if err == nil || !strings.Contains(err.Error(), "workflow run") {
		t.Errorf("a run's address: %v", err)
	}
}

func FuzzParseJob(f *testing.F) {
	for _, s := range []string{"1", "https://github.com/o/r/actions/runs/1/job/2", "https://github.com/o/r/actions/runs/1", "%", "\x00", "//"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, err := statuspage.ParseJob(s)
		switch {
		case err == nil && id <= 0:
			t.Errorf("%q is %d", s, id)
		case err != nil && (!errors.Is(err, statuspage.ErrNoJob) || id != 0 || len(err.Error()) > 700):
			t.Errorf("%q is %d, %v", s, id, err)
		}
		if err != nil {
			return
		}
		if again, err := statuspage.ParseJob(strconv.FormatInt(id, 10)); again != id || err != nil {
			t.Errorf("the id of %q is %d, %v", s, again, err)
		}
	})
}
