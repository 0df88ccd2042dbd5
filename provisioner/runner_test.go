package provisioner_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

func TestRunnerName(t *testing.T) {
	for _, c := range []struct {
		runnerType string
		job        provisioner.Job
		want       string
	}{
		{"ubuntu-arm64", provisioner.Job{ID: 42, RunAttempt: 1}, "grp-ubuntu-arm64-42-1"},
		{"ubuntu-arm64", provisioner.Job{ID: 42}, "grp-ubuntu-arm64-42-1"},
		{"ubuntu-arm64", provisioner.Job{ID: 42, RunAttempt: 3, Generation: 1}, "grp-ubuntu-arm64-42-3"},
		{"ubuntu-arm64", provisioner.Job{ID: 42, RunAttempt: 3, Generation: 2}, "grp-ubuntu-arm64-42-3-2"},
		{"a b/c", provisioner.Job{ID: 1, RunAttempt: 1}, "grp-a_b_c-1-1"},
	} {
		if got := provisioner.RunnerName(c.runnerType, c.job); got != c.want {
			t.Errorf("RunnerName(%q, %+v) = %q, want %q", c.runnerType, c.job, got, c.want)
		}
	}
}

func FuzzRunnerNameIsWhatGitHubTakesAndReadsBack(f *testing.F) {
	f.Add("ubuntu-arm64", int64(1), 1, 1)
	f.Add(strings.Repeat("x", 32), int64(1)<<62, 99, 12)
	f.Add("type-5-6", int64(7), 8, 9)
	valid := regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)
	typeName := regexp.MustCompile(`^[A-Za-z0-9._-]{1,32}$`)
	f.Fuzz(func(t *testing.T, runnerType string, id int64, attempt, generation int) {
		if id <= 0 || attempt <= 0 || attempt > 999 || generation <= 0 || generation > 99 {
			return
		}
		j := provisioner.Job{ID: id, RunAttempt: attempt, Generation: generation}
		name := provisioner.RunnerName(runnerType, j)
		if !valid.MatchString(name) || !provisioner.IsRunnerName(name) {
			t.Fatalf("%q is not a runner's name", name)
		}
		if typeName.MatchString(runnerType) {
			back, ok := provisioner.ParseRunnerName(runnerType, name)
			if !ok || fmt.Sprint(back) != fmt.Sprint(j) || back.Generation != generation {
				t.Fatalf("%q reads back as %+v, %v; want %+v", name, back, ok, j)
			}
		}
	})
}

func TestParseRunnerNameRefusesOthersNames(t *testing.T) {
	for _, name := range []string{"", "grp-", "grp-x", "grp-x-1", "grp-x-1-", "grp-x-a-1", "grp-x-1-1-1-1", "grp-x-01-1", "grp-x--1-1", "grp-y-1-1", "x-1-1", "grp-x-1-1-1", "grp-x-0-1"} {
		if j, ok := provisioner.ParseRunnerName("x", name); ok && provisioner.RunnerName("x", j) != name {
			t.Errorf("%q was read as %+v", name, j)
		}
	}
	// A rerun of a job of type ubuntu-24, not attempt 12345678901 of ubuntu's job 24.
	if j, ok := provisioner.ParseRunnerName("ubuntu", "grp-ubuntu-24-12345678901-2"); ok {
		t.Errorf("another type's name was read as %+v", j)
	}
	if _, ok := provisioner.ParseRunnerName("x", "grp-x-1-1"); !ok {
		t.Error("a name of ours was refused")
	}
}
