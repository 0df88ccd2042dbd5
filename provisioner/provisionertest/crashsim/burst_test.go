package crashsim_test

import (
	"testing"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest/crashsim"
)

// TestBurst reports what a job of a burst costs in calls; `make bench` prints it. (It is no
// Benchmark, because synthetic time wants a test.)
func TestBurst(t *testing.T) {
	const jobs = 300
	for _, c := range []struct {
		name        string
		lost        float64
		ec2, github float64 // calls for each job at the most: EC2's limit makes them wait, and whoever waited is asked about
	}{{"without faults", 0, 1, 1.6}, {"with one answer in ten lost", 0.1, 1.3, 2}} {
		t.Run(c.name, func(t *testing.T) {
			r, took := crashsim.Burst(t, jobs, c.lost)
			for _, w := range r.Wrong {
				t.Error(w)
			}
			sum := func(calls map[string]int) (n float64) {
				for operation, k := range calls {
					if operation != "GET /repos/{owner}/{repo}/actions/runners/downloads" { // once an hour, whatever the number of jobs
						n += float64(k)
					}
				}
				return n / jobs
			}
			ec2, github := sum(r.EC2Calls), sum(r.GitHubCalls)
			t.Logf("%d jobs in %s: for each job %.2f calls to EC2 and %.2f to GitHub", jobs, took.Round(time.Second), ec2, github)
			if ec2 > c.ec2 || github > c.github {
				t.Errorf("at most %.2f and %.2f were wanted; calls %v %v", c.ec2, c.github, r.EC2Calls, r.GitHubCalls)
			}
		})
	}
}
