package provisioner_test

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// TestEveryReasonHasItsSentence has each reason of the source said, as of midnight.
func TestEveryReasonHasItsSentence(t *testing.T) {
	repo := provisioner.Target{Owner: "octo-org", Repo: "app"}
	said := map[provisioner.Because]struct {
		r    provisioner.Reason
		want string
	}{
		provisioner.BecauseBehind:       {provisioner.Reason{Ahead: 12}, "Nothing holds it back, but 12 jobs of linux come first. It is tried in its turn."},
		provisioner.BecauseMax:          {provisioner.Reason{Max: 3, Ahead: 1}, "linux has its 3 machines, which is its max: it starts within 15 s of a place becoming free. 1 job of linux comes first."},
		provisioner.BecauseAttempting:   {provisioner.Reason{}, "Another attempt for it is under way: it is looked at again at 00:00:25 UTC."},
		provisioner.BecauseNotUp:        {provisioner.Reason{Name: "i-1"}, "Its machine i-1, which another attempt launched, is not up yet: it is looked at again at 00:00:25 UTC."},
		provisioner.BecauseUnknown:      {provisioner.Reason{}, "It waits at GitHub and has no machine. Why only the service knows: its status page and its log say it."},
		provisioner.BecauseCapacity:     {provisioner.Reason{System: "aws", Detail: "t4g.xlarge in a: Insufficient."}, "EC2 has no capacity for linux at any of its places: one job probes and the rest follow, next at 00:00:25 UTC. More instance types or subnets help. Details: t4g.xlarge in a: Insufficient."},
		provisioner.BecauseCredential:   {provisioner.Reason{System: "github", Detail: "get job: 401"}, "GitHub does not accept the service's credential: somebody has to mend GITHUB_TOKEN or the App's key, and start the service again; it is tried again at 00:00:25 UTC. Details: get job: 401."},
		provisioner.BecauseRefused:      {provisioner.Reason{System: "codemagic", Detail: "no such app"}, "Codemagic refuses to launch linux: somebody has to mend the permission, limit or setting; it is tried again at 00:00:25 UTC. Details: no such app."},
		provisioner.BecauseRateLimit:    {provisioner.Reason{System: "github"}, "GitHub's rate limit is used up: it is tried again at 00:00:25 UTC, as soon as that allows."},
		provisioner.BecauseUnavailable:  {provisioner.Reason{System: "github"}, "GitHub fails: one job probes and the rest follow, next at 00:00:25 UTC."},
		provisioner.BecauseNoAnswer:     {provisioner.Reason{System: "process"}, "process does not answer: one job probes and the rest follow, next at 00:00:25 UTC."},
		provisioner.BecauseTimeout:      {provisioner.Reason{}, "Its provider does not answer: one job probes and the rest follow, next at 00:00:25 UTC."},
		provisioner.BecausePanic:        {provisioner.Reason{Detail: "nil map"}, "A defect of the service or a provider stops it, and the log has its stack: it is tried again at 00:00:25 UTC. Details: nil map."},
		provisioner.BecauseStopped:      {provisioner.Reason{}, "The service was stopped during its attempt: it is tried again when the service runs."},
		provisioner.BecauseOther:        {provisioner.Reason{Ahead: 2}, "Its attempt failed: it is tried again at 00:00:25 UTC. 2 jobs of linux come first."},
		provisioner.BecauseBootFailures: {provisioner.Reason{}, "Machines of linux boot and never register: somebody has to mend its image, start-up script or network; a probe is launched at 00:00:25 UTC."},
		provisioner.BecauseMachineLost:  {provisioner.Reason{Name: "i-1", Detail: "it did not come up"}, "Its machine i-1 did not serve it (it did not come up): another one is launched within two sweeps of the reconciler."},
		provisioner.BecauseStolen:       {provisioner.Reason{Name: "i-1"}, "GitHub gave the runner of its machine i-1 to another job: another one is launched within two sweeps of the reconciler."},
		provisioner.BecauseLaunching:    {provisioner.Reason{Name: "grp-linux-1-1"}, "Its runner grp-linux-1-1 is registered, and its machine is being launched."},
		provisioner.BecauseBooting:      {provisioner.Reason{Name: "i-1"}, "Its machine i-1 starts; without an online runner it is replaced at 00:00:25 UTC."},
		provisioner.BecauseOnline:       {provisioner.Reason{Name: "grp-linux-1-1"}, "Its runner grp-linux-1-1 is online and waits for GitHub to give it the job."},
		provisioner.BecauseGone:         {provisioner.Reason{}, "It does not wait any more: it was cancelled, or ran elsewhere."},
		provisioner.BecauseNoType:       {provisioner.Reason{Detail: "linux lacks gpu"}, "No runner type serves its labels: linux lacks gpu."},
		provisioner.BecauseNoRunner:     {provisioner.Reason{Detail: "the action waiting needs no runner"}, "It needs no runner: the action waiting needs no runner."},
		provisioner.BecauseNotAllowed:   {provisioner.Reason{Detail: "the repository octo-org/x is not allowed to use runners"}, "It is denied: the repository octo-org/x is not allowed to use runners. Somebody has to add it to REPOSITORIES and deliver the webhook again."},
		provisioner.BecauseGivenUp:      {provisioner.Reason{Detail: "it waited for a day"}, "It was given up: it waited for a day."},
		provisioner.BecauseNeverCameUp:  {provisioner.Reason{Ahead: 4}, "It was given up: none of its 4 machines came up. Somebody has to mend the image, start-up script or network of linux, and run the job again."},
	}
	source, err := os.ReadFile("reason.go")
	if err != nil {
		t.Fatal(err)
	}
	reasons := regexp.MustCompile(`(?m)^\tBecause\w+ +Because = "(\w+)"`).FindAllStringSubmatch(string(source), -1)
	if len(reasons) != len(said) {
		t.Errorf("%d reasons, and %d sentences", len(reasons), len(said))
	}
	for _, m := range reasons {
		if _, ok := said[provisioner.Because(m[1])]; !ok {
			t.Errorf("what does %s say?", m[1])
		}
	}
	for because, c := range said {
		t.Run(string(because), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c.r.Because, c.r.Type, c.r.Until = because, "linux", time.Now().Add(25*time.Second)
				if got := c.r.String(); got != c.want {
					t.Errorf("%s\nwant\n%s", got, c.want)
				}
				c.r.Until = time.Now()
				if got := c.r.String(); strings.Contains(got, "UTC") {
					t.Errorf("when its time has come: %s", got)
				}
				c.r.Until = time.Time{}
				if got := c.r.String(); strings.Contains(got, "UTC") || got == "" {
					t.Errorf("when nobody knows its time: %s", got)
				}
			})
		})
	}
	for _, want := range []struct {
		r    provisioner.Reason
		want string
	}{
		{provisioner.Reason{Because: provisioner.BecauseBehind}, "It is the next job of linux: its attempt begins as soon as one of those under way ends."},
		{provisioner.Reason{Because: provisioner.BecauseRefused, System: "github", Target: repo}, "GitHub refuses what serving octo-org/app takes: somebody has to give the credential access and its permissions; it is tried again within a minute."},
		{provisioner.Reason{Because: "a class of the future"}, "Its attempt failed: it is tried again within a minute."},
	} {
		want.r.Type = "linux"
		if got := want.r.String(); got != want.want {
			t.Errorf("%s\nwant\n%s", got, want.want)
		}
	}
}

func TestAReasonKeepsTheWordsOfTheSideThatFailed(t *testing.T) {
	aws := provisioner.RunnerType{Name: "linux", Provider: "aws"}
	octo := provisioner.Target{Owner: "octo"}
	for _, c := range []struct {
		err  error
		want provisioner.Reason
	}{
		{
			fmt.Errorf("provision o/r job 1-1: %w", fmt.Errorf("launch runner grp-linux-1-1: %w", fmt.Errorf("aws: t4g in a: Insufficient: %w", provisioner.ErrCapacity))),
			provisioner.Reason{Because: provisioner.BecauseCapacity, System: "aws", Detail: "aws: t4g in a: Insufficient"},
		},
		{
			fmt.Errorf("provision: %w", &provisioner.GitHubError{Target: octo, Err: fmt.Errorf("%w: %w", errors.New("register: GitHub answered 403: no"), provisioner.ErrRefused)}),
			provisioner.Reason{Because: provisioner.BecauseRefused, System: "github", Target: octo, Detail: "register: GitHub answered 403: no"},
		},
		{
			fmt.Errorf("provision: %w", &provisioner.JobError{Err: fmt.Errorf("rival: %w", provisioner.ErrUnavailable)}),
			provisioner.Reason{Because: provisioner.BecauseUnavailable, System: "aws", Detail: "rival", Alone: true},
		},
		{
			fmt.Errorf("provision: %w", &provisioner.RetryAfterError{After: time.Minute, Err: errors.New("EC2 throttles")}),
			provisioner.Reason{Because: provisioner.BecauseRateLimit, System: "aws", Detail: "EC2 throttles"},
		},
		{
			fmt.Errorf("provision: %w", &provisioner.GitHubError{Target: octo, Err: fmt.Errorf("%w: %w: %w", errors.New("register: GitHub answered 401: no"), provisioner.ErrBadCredential, provisioner.ErrRefused)}),
			provisioner.Reason{Because: provisioner.BecauseCredential, System: "github", Target: octo, Detail: "register: GitHub answered 401: no"},
		},
		{errors.New("who knows"), provisioner.Reason{Because: provisioner.BecauseOther, System: "aws", Detail: "who knows"}},
		{provisioner.ErrCapacity, provisioner.Reason{Because: provisioner.BecauseCapacity, System: "aws", Detail: "no capacity"}},
		{errors.New(strings.Repeat("ö", 400)), provisioner.Reason{Because: provisioner.BecauseOther, System: "aws", Detail: strings.Repeat("ö", 150) + "..."}},
	} {
		c.want.Type = "linux"
		if got := provisioner.ReasonOf(c.err, aws); got != c.want {
			t.Errorf("%v: %+v\nwant %+v", c.err, got, c.want)
		}
	}
}
