package reconcile_test

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
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
	"github.com/datawire/github-runner-provisioner/provisioner/reconcile"
)

// fleet is real clients of a fake GitHub and a fake EC2.
type fleet struct {
	github  *githubtest.Server
	ec2     *ec2test.Server
	client  *github.Client
	engine  *provisioner.Provisioner
	worker  *queue.Worker
	sweeper *reconcile.Sweeper
}

// newFleet knows that many repositories, app-0 and so on.
func newFleet(tb testing.TB, repositories int, githubConfig githubtest.Config, cloudConfig ec2test.Config, registrar func(*fleet) provisioner.Registrar) *fleet {
	tb.Helper()
	githubConfig.Token = "token"
	f := &fleet{
		github: githubtest.New(githubConfig),
		ec2:    ec2test.New(cloudConfig),
	}
	var err error
	f.client, err = github.New(github.Config{BaseURL: "http://github.test", Token: provisioner.NewSecret("token"), Transport: fakehttp.Loopback(f.github)})
	check(tb, err)
	launchBurst := 0
	if cloudConfig.LaunchRate == 0 {
		launchBurst = 10_000 // as this EC2 has no limit
	}
	t := provisioner.RunnerType{Name: "linux", Labels: []string{"linux"}, Provider: awsrunner.Name}
	cloud, err := awsrunner.New(ec2.New(ec2.Options{
		Region: "us-east-1", BaseEndpoint: aws.String("http://ec2.test"), Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""),
		HTTPClient: &http.Client{Transport: fakehttp.Loopback(f.ec2)},
	}), f.client, map[string]awsrunner.Settings{t.Name: {Image: "ami-1", InstanceTypes: []string{"t4g.small"}, Subnets: []string{"subnet-a"}}},
		awsrunner.Config{LaunchBurst: launchBurst})
	check(tb, err)
	f.engine, err = provisioner.New([]provisioner.RunnerType{t}, map[string]provisioner.Provider{t.Provider: cloud}, registrar(f),
		provisioner.Config{Jobs: f.client})
	check(tb, err)
	cfg := reconcile.Config{Requests: func() (all, unchanged int) {
		q := f.client.Quota()
		return int(q.Requests), int(q.NotModified)
	}}
	for i := range repositories {
		r := provisioner.Repository{Owner: "octo-org", Name: fmt.Sprint("app-", i)}
		cfg.Repositories = append(cfg.Repositories, r)
		f.github.AddRepository(r.Owner, r.Name)
	}
	f.worker = queue.NewWorker(queue.NewMemory(0), f.engine, queue.Config{})
	f.sweeper = reconcile.New(f.engine, f.client, f.client, f.worker, cfg)
	return f
}

// newBusyFleet has that many machines in that many repositories, each with a job of one workflow
// run of its repository.
func newBusyFleet(tb testing.TB, repositories, machines int) *fleet {
	tb.Helper()
	f := newFleet(tb, repositories, githubtest.Config{}, ec2test.Config{}, func(f *fleet) provisioner.Registrar { return online{f.client, f.github} })
	for i := range repositories {
		r := provisioner.Repository{Owner: "octo-org", Name: fmt.Sprint("app-", i)}
		n := (machines + i) / repositories // as even as can be
		if n == 0 {
			continue
		}
		for _, j := range f.github.QueueJobs(r, n, "linux") {
			out, err := f.engine.Provision(tb.Context(), j)
			check(tb, err)
			if !f.github.AssignTo(j.ID, out.Runner.ID) {
				tb.Fatalf("job %d can't be given to runner %d", j.ID, out.Runner.ID)
			}
		}
	}
	f.sweep(tb) // the first one is a full look, and has no ETags
	return f
}

// online is a Registrar whose runners are online at once.
type online struct {
	provisioner.Registrar
	github *githubtest.Server
}

func (o online) Register(ctx context.Context, r provisioner.Registration) (provisioner.Runner, provisioner.Secret, error) {
	runner, jit, err := o.Registrar.Register(ctx, r)
	if err == nil {
		_, err = o.github.Connect(jit.Reveal())
	}
	return runner, jit, err
}

func check(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// cost is what a sweep asked for. charged are the requests that count against GitHub's rate limit.
type cost struct{ github, charged, ec2 int }

func (f *fleet) sweep(tb testing.TB) (reconcile.Report, cost) {
	tb.Helper()
	before := calls(f.ec2.Calls())
	r, err := f.sweeper.Sweep(tb.Context())
	check(tb, err)
	return r, cost{github: r.Requests, charged: r.Requests - r.Unchanged, ec2: calls(f.ec2.Calls()) - before}
}

func calls(byOperation map[string]int) (n int) {
	for operation, c := range byOperation {
		if !strings.HasPrefix(operation, "304 ") && !strings.HasPrefix(operation, "limited ") { // which count twice
			n += c
		}
	}
	return n
}

// Where all is calm every second sweep lists workflow runs, and the others runners.
func TestACalmRepositoryCostsOneRequestASweep(t *testing.T) {
	for _, c := range []struct {
		name                   string
		repositories, machines int
		runs, runners          cost
	}{
		{"nothing of ours", 50, 0, cost{github: 50, ec2: 1}, cost{github: 50, ec2: 1}},
		{"machines with jobs", 50, 60, cost{github: 50, ec2: 1}, cost{github: 50, ec2: 1}},
		{"machines with jobs, 1000 of them", 50, 1000, cost{github: 50, ec2: 1}, cost{github: 50, ec2: 1}},
		{"more machines than there are on a page", 1, 1050, cost{github: 1, ec2: 2}, cost{github: 11, ec2: 2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newBusyFleet(t, c.repositories, c.machines)
				time.Sleep(4 * time.Minute) // a process that has just started looks for longer
				f.sweep(t)
				for n := 2; n < 22; n++ {
					time.Sleep(time.Minute)
					want := c.runs
					if n%2 == 1 && n%10 != 5 && n%10 != 9 {
						want = c.runners
					}
					r, got := f.sweep(t)
					if n%10 == 5 && c.repositories == 1 { // a check of the one run, of all its pages
						want = c.runners
					}
					if got != want {
						t.Errorf("sweep %d made %+v requests, want %+v", n, got, want)
					}
					if n := r.Machines[reconcile.MachineKind{Type: "linux", State: reconcile.Busy}]; n != c.machines {
						t.Errorf("it saw %d busy machines, want %d", n, c.machines)
					}
				}
			})
		})
	}
}

func BenchmarkSweep(b *testing.B) {
	for _, machines := range []int{0, 100, 1000} {
		b.Run("repositories=50/machines="+strconv.Itoa(machines), func(b *testing.B) {
			f := newBusyFleet(b, 50, machines)
			var sum cost
			n := 0
			for b.Loop() {
				_, c := f.sweep(b)
				sum = cost{sum.github + c.github, sum.charged + c.charged, sum.ec2 + c.ec2}
				n++
			}
			b.ReportMetric(float64(sum.github)/float64(n), "github-requests/sweep")
			b.ReportMetric(float64(sum.charged)/float64(n), "github-charged/sweep")
			b.ReportMetric(float64(sum.ec2)/float64(n), "ec2-calls/sweep")
		})
	}
}
