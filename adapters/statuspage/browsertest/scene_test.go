package browsertest

import (
	"errors"
	"math/rand/v2"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/datawire/github-runner-provisioner/adapters/statuspage"
	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/journal"
)

// scene is a busy day: every state, every side that fails, and an hour of jobs behind it.
type scene struct {
	*journal.Journal
	t      testing.TB
	now    time.Time
	random *rand.Rand
	next   int64
}

type holds map[string]provisioner.Reason

func (h holds) Reason(runnerType string, _ provisioner.Repository) (provisioner.Reason, bool) {
	why, ok := h[runnerType]
	return why, ok
}

var types = []provisioner.RunnerType{
	{Name: "ubuntu-arm64", Provider: "aws", Max: 24, BootDeadline: 5 * time.Minute},
	{Name: "ubuntu-x64-spot", Provider: "aws", Max: 100},
	{Name: "gpu-x64", Provider: "aws", Max: 4},
	{Name: "macOS-arm64", Provider: "codemagic", Max: 3, BootDeadline: 15 * time.Minute},
	{Name: "windows-x64", Provider: "aws", Max: 10},
}

var (
	repositories = []string{"octo-org/api", "octo-org/web", "octo-org/infrastructure", "hubot/agent"}
	names        = []string{"build", "unit tests (arm64, go1.26)", "lint", "end-to-end / chrome", "publish image", "release"}
)

func newScene(t testing.TB) *scene {
	s := &scene{Journal: journal.New(journal.Config{Types: types}), t: t, now: time.Now(), random: rand.New(rand.NewPCG(4, 2)), next: 44210973001}
	for minute := 75; minute >= 0; minute-- {
		s.live("ubuntu-arm64", minute, 1+s.random.IntN(3), 20+s.random.IntN(60), 60+s.random.IntN(900))
		if minute > 40 || minute < 20 {
			s.live("ubuntu-x64-spot", minute, s.random.IntN(3), 30+s.random.IntN(30), 30+s.random.IntN(400))
		}
		if minute%9 == 0 {
			s.live("macOS-arm64", minute, 1, 240+s.random.IntN(400), 700)
		}
	}
	s.stuck()
	return s
}

func (s *scene) ago(seconds int) time.Time { return s.now.Add(-time.Duration(seconds) * time.Second) }

func (s *scene) tell(kind provisioner.EventKind, e provisioner.Event) {
	e.Kind = kind
	s.Observe(s.t.Context(), e)
}

func (s *scene) job(created time.Time) provisioner.Job {
	s.next += 1 + s.random.Int64N(900)
	return s.jobOf(s.next, created)
}

func (s *scene) jobOf(id int64, created time.Time) provisioner.Job {
	owner, name, _ := strings.Cut(repositories[s.random.IntN(len(repositories))], "/")
	run := id / 7
	return provisioner.Job{
		ID: id, RunAttempt: 1, Repository: provisioner.Repository{Owner: owner, Name: name}, RunID: run, Labels: []string{"self-hosted", "arm64"}, CreatedAt: created,
		Name: names[s.random.IntN(len(names))], Workflow: "CI", URL: "https://github.com/" + owner + "/" + name + "/actions/runs/" + strconv.FormatInt(run, 10) + "/job/" + strconv.FormatInt(id, 10),
	}
}

// live tells of jobs that came so many minutes ago, and went as far as they have come by now.
func (s *scene) live(runnerType string, minutesAgo, n, waits, runs int) {
	provider := "aws"
	if runnerType == "macOS-arm64" {
		provider = "codemagic"
	}
	for range n {
		at := s.ago(minutesAgo*60 + s.random.IntN(60))
		s.walk(s.job(at.Add(-2*time.Second)), runnerType, provider, at, waits, runs)
	}
}

func (s *scene) walk(j provisioner.Job, runnerType, provider string, at time.Time, waits, runs int) {
	runner := provisioner.Runner{ID: 7000 + j.ID%1000, Name: "grp-" + runnerType + "-" + j.Key()}
	machine := provisioner.Machine{ID: "i-0" + strconv.FormatInt(j.ID*7919, 16), Provider: provider}
	steps := []struct {
		kind  provisioner.EventKind
		after int
		e     provisioner.Event
	}{
		{provisioner.EventAccepted, 0, provisioner.Event{}},
		{provisioner.EventRegistered, waits / 4, provisioner.Event{Runner: runner, Took: 310 * time.Millisecond}},
		{provisioner.EventTried, waits/4 + 1, provisioner.Event{Place: "t4g.xlarge in subnet-a", Err: errors.New("t4g.xlarge in subnet-a: InsufficientInstanceCapacity")}},
		{provisioner.EventLaunched, waits/4 + 3, provisioner.Event{Machine: machine, Provider: provider, Place: "m7g.xlarge in subnet-b", Took: 2900 * time.Millisecond}},
		{provisioner.EventOnline, waits, provisioner.Event{Machine: machine, Runner: runner}},
		{provisioner.EventStarted, waits + 2, provisioner.Event{Runner: runner}},
		{provisioner.EventEnded, waits + runs, provisioner.Event{Runner: runner, Conclusion: "success"}},
	}
	for _, step := range steps {
		step.e.Job, step.e.RunnerType, step.e.At = j, runnerType, at.Add(time.Duration(step.after)*time.Second)
		if step.e.At.Before(s.now) {
			s.tell(step.kind, step.e)
		}
	}
}

// The jobs that tests look for.
const (
	capacityJob = 44300000001 + iota
	bootJob
	deniedJob
	lostJob
	endedJob
)

// stuck tells of what does not go on, and why.
func (s *scene) stuck() {
	gpu := provisioner.Reason{Because: provisioner.BecauseCapacity, Type: "gpu-x64", System: "aws", Detail: "g5.xlarge in subnet-a: InsufficientInstanceCapacity", Until: s.now.Add(41 * time.Second)}
	windows := provisioner.Reason{Because: provisioner.BecauseRefused, Type: "windows-x64", System: "aws", Detail: "You are not authorized to perform this operation: ec2:RunInstances", Until: s.now.Add(55 * time.Second)}
	s.Ask(holds{"gpu-x64": gpu, "windows-x64": windows, "ubuntu-arm64": {Because: provisioner.BecauseMax, Type: "ubuntu-arm64", Max: 24}})

	j := s.jobOf(capacityJob, s.ago(1405))
	j.Name, j.Workflow = "train", "Nightly"
	s.tell(provisioner.EventAccepted, provisioner.Event{Job: j, RunnerType: "gpu-x64", At: s.ago(1402)})
	for i := range 37 {
		s.tell(provisioner.EventHeld, provisioner.Event{Job: j, RunnerType: "gpu-x64", At: s.ago(1390 - 36*i), Reason: gpu})
	}
	for i := range 5 {
		s.tell(provisioner.EventAccepted, provisioner.Event{Job: s.job(s.ago(900 - i)), RunnerType: "gpu-x64", At: s.ago(890 - i)})
	}
	s.tell(provisioner.EventAccepted, provisioner.Event{Job: s.job(s.ago(200)), RunnerType: "windows-x64", At: s.ago(198)})

	j = s.jobOf(bootJob, s.ago(62))
	s.walk(j, "ubuntu-arm64", "aws", s.ago(60), 120, 600)

	j = s.jobOf(endedJob, s.ago(1502))
	s.walk(j, "ubuntu-arm64", "aws", s.ago(1500), 160, 400)

	j = s.jobOf(deniedJob, s.ago(2600))
	j.Name, j.Repository = "build", provisioner.Repository{Owner: "stranger", Name: "fork"}
	s.tell(provisioner.EventDenied, provisioner.Event{Job: j, At: s.ago(2598), Reason: provisioner.Reason{Because: provisioner.BecauseNotAllowed, Detail: "stranger/fork is not in REPOSITORIES"}})
	j = s.jobOf(lostJob, s.ago(9000))
	s.tell(provisioner.EventAccepted, provisioner.Event{Job: j, RunnerType: "macOS-arm64", At: s.ago(8990)})
	s.tell(provisioner.EventGivenUp, provisioner.Event{Job: j, RunnerType: "macOS-arm64", At: s.ago(5400), Reason: provisioner.Reason{Because: provisioner.BecauseNeverCameUp, Type: "macOS-arm64", Ahead: 3}})
}

// serve shows the scene, and returns its address.
func (s *scene) serve() string {
	up := true
	server := httptest.NewServer(statuspage.New(s.Journal, statuspage.Config{
		Version: "v1.4.0", Deployment: "prod-eu", StartedAt: s.now.Add(-76 * time.Hour), Prefix: "/runners",
		GitHub: func() statuspage.GitHub {
			return statuspage.GitHub{Up: &up, Remaining: 3812, Limit: 5000, ResetAt: s.now.Add(23 * time.Minute)}
		},
	}))
	s.t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return server.URL + "/runners"
}
