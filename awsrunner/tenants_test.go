package awsrunner_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/datawire/github-runner-provisioner/awsrunner"
	"github.com/datawire/github-runner-provisioner/awsrunner/ec2test"
	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest/fakehttp"
)

// sdk is a provider on the SDK's own client.
func sdk(t *testing.T, transport http.RoundTripper, c aws.CredentialsProvider, d provisioner.Deployment) *awsrunner.Provider {
	t.Helper()
	client := ec2.New(ec2.Options{Region: "eu-central-1", BaseEndpoint: aws.String("http://ec2.test"), Credentials: c, HTTPClient: &http.Client{Transport: transport}})
	p, err := awsrunner.New(client, releases{}, map[string]awsrunner.Settings{"linux": settings()}, awsrunner.Config{Deployment: d})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var someone = credentials.NewStaticCredentialsProvider("id", "secret", "")

func TestDeploymentsInOneAccountDoNotSeeEachOther(t *testing.T) {
	fake := ec2test.New(ec2test.Config{})
	production, staging := sdk(t, fakehttp.Loopback(fake), someone, "production"), sdk(t, fakehttp.Loopback(fake), someone, "staging")
	l := order()
	l.Job.RepositoryID = 4711
	launched, err := production.Launch(t.Context(), l)
	if err != nil {
		t.Fatal(err)
	}
	for _, tags := range []map[string]string{fake.Instances()[0].Tags, fake.Instances()[0].VolumeTags} {
		if tags["runner-provisioner:deployment"] != "production" || tags["runner-provisioner:repository-id"] != "4711" {
			t.Errorf("tags %v", tags)
		}
	}
	for p, want := range map[*awsrunner.Provider]int{production: 1, staging: 0} {
		all, err := p.List(t.Context())
		if err != nil || len(all) != want {
			t.Errorf("%d machines are listed, want %d: %v", len(all), want, err)
		}
		found, err := p.Find(t.Context(), linux, l.Job)
		if err != nil || len(found) != want {
			t.Errorf("%d machines are found, want %d: %v", len(found), want, err)
		}
		if want == 1 && (all[0].RepositoryID != 4711 || !all[0].StartedAt.Equal(all[0].LaunchedAt) || all[0].Terminated) {
			t.Errorf("machine %+v", all[0])
		}
	}
	if err := production.Terminate(t.Context(), launched); err != nil {
		t.Fatal(err)
	}
	if m, err := production.List(t.Context()); err != nil || len(m) != 1 || m[0].Alive() || !m[0].Terminated {
		t.Errorf("ended by a call: %+v, %v", m, err)
	}
}

// Names and ids of runners are one GitHub's own.
func TestDeploymentsOfTwoGitHubsCanHaveTheSameRunner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := ec2test.New(ec2test.Config{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for n, d := range []provisioner.Deployment{"github", "enterprise"} {
			l := order()
			l.JITConfig = provisioner.NewSecret(string(d)) // which makes the two calls different
			if _, err := sdk(t, fakehttp.Loopback(fake), someone, d).Launch(ctx, l); err != nil || len(fake.Instances()) != n+1 {
				t.Errorf("%s has no machine of its own: %v", d, err)
			}
		}
	})
}

func TestAMachineThatEndsByItselfWasNotTerminated(t *testing.T) {
	fake := ec2test.New(ec2test.Config{})
	p := sdk(t, fakehttp.Loopback(fake), someone, "")
	m, err := p.Launch(t.Context(), order())
	if err != nil {
		t.Fatal(err)
	}
	fake.Shutdown(m.ID)
	if got, err := p.List(t.Context()); err != nil || len(got) != 1 || got[0].Alive() || got[0].Terminated {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestADeploymentsNameIsChecked(t *testing.T) {
	if _, err := awsrunner.New(&ec2API{}, releases{}, nil, awsrunner.Config{Deployment: "Two Words"}); err == nil {
		t.Error("it is not")
	}
}

type broken struct{ error }

func (b broken) Retrieve(context.Context) (aws.Credentials, error) { return aws.Credentials{}, b.error }

func (b broken) RoundTrip(*http.Request) (*http.Response, error) { return nil, b.error }

// What never left EC2 can't have heard: the registration need not be kept for a machine that may
// come, and the place need not be held.
func TestALaunchThatNeverLeftIsNotMade(t *testing.T) {
	dial := &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	for name, p := range map[string]*awsrunner.Provider{
		"no credentials": sdk(t, broken{errors.New("sent without credentials")}, broken{errors.New("no EC2 IMDS role found")}, ""),
		"no connection":  sdk(t, broken{dial}, someone, ""),
		"no name":        sdk(t, broken{&net.OpError{Op: "dial", Err: &net.DNSError{Name: "ec2.test", IsNotFound: true}}}, someone, ""),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := p.Launch(t.Context(), order())
			if !errors.Is(err, provisioner.ErrUnavailable) || errors.Is(err, provisioner.ErrNoAnswer) {
				t.Errorf("error %v, want unavailable", err)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		p := sdk(t, broken{&net.OpError{Op: "read", Err: errors.New("connection reset by peer")}}, someone, "")
		if _, err := p.Launch(ctx, order()); !errors.Is(err, provisioner.ErrNoAnswer) {
			t.Errorf("error %v for a broken connection, want no answer", err)
		}
	})
}

type plainReleases struct{ releases }

func (plainReleases) RunnerDownload(context.Context, provisioner.Target, string, string) (provisioner.RunnerDownload, error) {
	return provisioner.RunnerDownload{Version: "2.338.0", URL: "http://forge.test/runner.tar.gz", SHA256: fmt.Sprintf("%064d", 0)}, nil
}

func TestAnArchiveOverPlainHTTPIsRefusedBeforeTheLaunch(t *testing.T) {
	api := &ec2API{}
	p, err := awsrunner.New(api, plainReleases{}, map[string]awsrunner.Settings{"linux": settings()}, awsrunner.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Launch(t.Context(), order()); !errors.Is(err, provisioner.ErrRefused) || len(api.runs) != 0 {
		t.Errorf("error %v after %d launches", err, len(api.runs))
	}
	pinned := settings()
	pinned.RunnerVersion, pinned.RunnerSHA256, pinned.RunnerURL = "2.338.0", fmt.Sprintf("%064d", 0), "http://forge.test/runner.tar.gz"
	if _, err := awsrunner.New(api, releases{}, map[string]awsrunner.Settings{"linux": pinned}, awsrunner.Config{}); err == nil {
		t.Error("a pinned one is accepted")
	}
}
