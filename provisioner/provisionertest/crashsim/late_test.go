package crashsim_test

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/datawire/github-runner-provisioner/awsrunner"
	"github.com/datawire/github-runner-provisioner/awsrunner/ec2test"
	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/github"
	"github.com/datawire/github-runner-provisioner/provisioner/github/githubtest"
	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest/fakehttp"
	"github.com/datawire/github-runner-provisioner/provisioner/queue"
)

var app = provisioner.Repository{Owner: "octo-org", Name: "app"}

// service is the real engine, client and provider on the fakes.
type service struct {
	github *githubtest.Server
	ec2    *ec2test.Server
	engine *provisioner.Provisioner
	worker *queue.Worker
	queue  *queue.Memory
}

func newService(t *testing.T) *service {
	t.Helper()
	s := &service{github: githubtest.New(githubtest.Config{}), ec2: ec2test.New(ec2test.Config{VisibilityLag: 10 * time.Second}), queue: queue.NewMemory(0)}
	gh, err := github.New(github.Config{BaseURL: "http://github.test", Token: provisioner.NewSecret("token"), Transport: fakehttp.Loopback(s.github)})
	if err != nil {
		t.Fatal(err)
	}
	client := ec2.New(ec2.Options{
		Region: "us-east-1", BaseEndpoint: aws.String("http://ec2.test"), Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""),
		HTTPClient: &http.Client{Transport: fakehttp.Loopback(s.ec2)},
	})
	p, err := awsrunner.New(client, gh, map[string]awsrunner.Settings{"linux": {Image: "ami-1", InstanceTypes: []string{"t4g.small"}}}, awsrunner.Config{})
	if err != nil {
		t.Fatal(err)
	}
	types := []provisioner.RunnerType{{Name: "linux", Labels: []string{"self-hosted", "linux"}, Provider: "aws"}}
	if s.engine, err = provisioner.New(types, map[string]provisioner.Provider{"aws": p}, gh, provisioner.Config{}); err != nil {
		t.Fatal(err)
	}
	s.worker = queue.NewWorker(s.queue, s.engine, queue.Config{})
	return s
}

// valid counts the machines of a job that can register, or wait for work.
func (s *service) valid(job int64) (n int) {
	for _, i := range s.ec2.Instances() {
		for _, r := range s.github.Runners() {
			if i.Alive() && i.Tags["runner-provisioner:job"] == fmt.Sprint(job) && i.Tags["runner-provisioner:runner"] == fmt.Sprint(r.ID) && !r.Busy {
				n++
			}
		}
	}
	return n
}

var configuration = regexp.MustCompile(`(?m)^configuration='([^']+)'$`)

// The webhook of a job was lost; the reconciler launched it, its runner was stolen, and it launched
// a second one; the thief is done, so the first name is free again. Then somebody presses
// "Redeliver".
func TestALateFirstDeliveryMakesNoSecondMachine(t *testing.T) {
	for _, way := range []string{"to the engine", "through the queue", "a moment after the replacement was launched"} {
		t.Run(way, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newService(t)
				j, other := s.github.QueueJob(app, "self-hosted", "linux"), s.github.QueueJob(app, "self-hosted", "linux")
				found := j
				found.Repeated, found.Generation = true, 1
				if _, err := s.worker.Attempt(t.Context(), found, time.Now()); err != nil {
					t.Fatal(err)
				}
				if way != "a moment after the replacement was launched" { // which is told by the queue alone: the job is new
					time.Sleep(time.Minute)
				} else {
					time.Sleep(15 * time.Second)
				}
				thief, err := s.github.Connect(configuration.FindStringSubmatch(s.ec2.Instances()[0].UserData)[1])
				if err != nil || !s.github.AssignTo(other.ID, thief) {
					t.Fatal("not stolen", err)
				}
				found.Generation = 2
				if _, err := s.worker.Attempt(t.Context(), found, time.Now()); err != nil {
					t.Fatal(err)
				}
				s.github.FinishJob(other.ID, "success")
				s.ec2.Shutdown(s.ec2.Instances()[0].ID)
				if way == "to the engine" {
					_, _ = s.engine.Provision(t.Context(), j)
				} else {
					if _, err := s.worker.Accept(t.Context(), "linux", j); err != nil {
						t.Fatal(err)
					}
					ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
					defer stop()
					_ = s.worker.Run(ctx)
				}
				if n := s.valid(j.ID); n != 1 {
					t.Errorf("%d valid machines for job %d", n, j.ID)
				}
			})
		})
	}
}

// EC2 keeps silent, or throttles, for minutes; the job is cancelled meanwhile.
func TestNothingIsLaunchedForAJobThatEndedWhileEC2WasSilent(t *testing.T) {
	throttled := `<Response><Errors><Error><Code>RequestLimitExceeded</Code><Message>m</Message></Error></Errors><RequestID>r</RequestID></Response>`
	for name, fault := range map[string]fakehttp.Fault{"silent": {Drop: true}, "lost answers": {Lose: true}, "throttled": {Status: 503, Body: throttled}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newService(t)
				begun := time.Now()
				s.ec2.SetFaults(func(operation string, _ *http.Request) *fakehttp.Fault {
					if operation == "RunInstances" && time.Since(begun) < 8*time.Minute {
						return &fault
					}
					return nil
				})
				j := s.github.QueueJob(app, "self-hosted", "linux")
				if _, err := s.worker.Accept(t.Context(), "linux", j); err != nil {
					t.Fatal(err)
				}
				time.AfterFunc(30*time.Second, func() { s.github.CancelJob(j.ID) })
				ctx, stop := context.WithTimeout(t.Context(), 12*time.Minute)
				defer stop()
				_ = s.worker.Run(ctx)
				if n := s.valid(j.ID); n != 0 || len(s.github.Runners()) != 0 {
					t.Errorf("%d valid machines and %d registrations for a job that was cancelled after 30 s", n, len(s.github.Runners()))
				}
				if depth, _ := s.queue.Depth(t.Context()); depth["linux"] != 0 {
					t.Errorf("the queue holds %v", depth)
				}
			})
		})
	}
}
