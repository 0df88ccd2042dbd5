package awsrunner_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/smithy-go"

	"github.com/datawire/github-runner-provisioner/awsrunner"
	"github.com/datawire/github-runner-provisioner/awsrunner/ec2test"
	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest/fakehttp"
)

func TestCheckAsksForNoReleaseWhereNoRepositoryIsKnown(t *testing.T) {
	for name, c := range map[string]struct {
		version string
		verdict provisioner.Verdict
	}{"the newest": {"", provisioner.VerdictNote}, "a pinned one": {"2.338.0", provisioner.VerdictOK}} {
		t.Run(name, func(t *testing.T) {
			s := settings()
			if s.RunnerVersion = c.version; c.version != "" {
				s.RunnerSHA256 = strings.Repeat("ab", 32)
			}
			l := order()
			l.Job.Repository = provisioner.Repository{}
			found := provider(t, &ec2API{run: []any{code("DryRunOperation"), code("DryRunOperation"), code("DryRunOperation"), code("DryRunOperation")}}, s, nil).Check(t.Context(), l)
			if len(found) != 6 || found[0].What != "linux: the runner's release" || found[0].Verdict != c.verdict || found[2].Verdict != provisioner.VerdictOK {
				t.Errorf("found %+v", found)
			}
		})
	}
}

func TestCheckLooksAtTheImage(t *testing.T) {
	const id, parameter = "ami-0123456789abcdef0", "resolve:ssm:/images/ci"
	type edit = func(*awsrunner.Settings)
	for name, c := range map[string]struct {
		image   *ec2test.Image
		edit    edit
		fails   string // the code of EC2's answer
		reader  func(ctx context.Context, name string) (string, error)
		verdict provisioner.Verdict
		detail  []string
	}{
		"one that fits":       {image: &ec2test.Image{}, verdict: provisioner.VerdictOK, detail: []string{id + ", arm64, root device /dev/sda1 of 8 GiB"}},
		"one for Macs":        {image: &ec2test.Image{Architecture: "arm64_mac"}, edit: func(s *awsrunner.Settings) { s.OS = awsrunner.MacOS }, verdict: provisioner.VerdictOK},
		"one for x64":         {image: &ec2test.Image{Architecture: "x86_64"}, edit: func(s *awsrunner.Settings) { s.Arch = "x64" }, verdict: provisioner.VerdictOK},
		"that is not there":   {verdict: provisioner.VerdictFailed, detail: []string{"InvalidAMIID.NotFound: The image id '[" + id + "]' does not exist"}},
		"that is not ready":   {image: &ec2test.Image{State: "pending"}, verdict: provisioner.VerdictFailed, detail: []string{"is pending"}},
		"of another machine":  {image: &ec2test.Image{Architecture: "x86_64"}, verdict: provisioner.VerdictFailed, detail: []string{"is for x86_64, and the type's os and arch are linux and arm64"}},
		"that EBS has not":    {image: &ec2test.Image{RootDeviceType: "instance-store"}, verdict: provisioner.VerdictFailed, detail: []string{"is no EBS volume"}},
		"of too large a disk": {image: &ec2test.Image{GiB: 51}, verdict: provisioner.VerdictFailed, detail: []string{"has 51 GiB at least, and volume_gib is 50"}},
		"wrong in two ways": {
			image: &ec2test.Image{RootDevice: "/dev/xvda", State: "disabled"}, verdict: provisioner.VerdictFailed,
			detail: []string{"is disabled; ", "is /dev/xvda, and root_device is /dev/sda1: the machine would get a second disk and keep a root of 8 GiB"},
		},
		"with its own root":   {image: &ec2test.Image{RootDevice: "/dev/xvda"}, edit: func(s *awsrunner.Settings) { s.RootDevice = "/dev/xvda" }, verdict: provisioner.VerdictOK},
		"that nobody may see": {image: &ec2test.Image{}, fails: "UnauthorizedOperation", verdict: provisioner.VerdictNote, detail: []string{"ec2:DescribeImages"}},
		"when EC2 is down":    {image: &ec2test.Image{}, fails: "Unavailable", verdict: provisioner.VerdictFailed, detail: []string{"Unavailable"}},
		"of a parameter": {
			image: &ec2test.Image{}, edit: func(s *awsrunner.Settings) { s.Image = parameter }, verdict: provisioner.VerdictOK, detail: []string{id},
			reader: func(_ context.Context, name string) (string, error) {
				return map[string]string{"/images/ci": id}[name], nil
			},
		},
		"of a parameter that nobody reads": {
			image: &ec2test.Image{}, edit: func(s *awsrunner.Settings) { s.Image = parameter }, verdict: provisioner.VerdictNote, detail: []string{"nobody looked"},
		},
		"of a parameter that is denied": {
			image: &ec2test.Image{}, edit: func(s *awsrunner.Settings) { s.Image = parameter }, verdict: provisioner.VerdictNote, detail: []string{"ssm:GetParameter", "AccessDeniedException"},
			reader: func(context.Context, string) (string, error) {
				return "", &smithy.GenericAPIError{Code: "AccessDeniedException"}
			},
		},
		"of a parameter that is not there": {
			image: &ec2test.Image{}, edit: func(s *awsrunner.Settings) { s.Image = parameter }, verdict: provisioner.VerdictFailed, detail: []string{"its parameter can't be read", "ParameterNotFound"},
			reader: func(context.Context, string) (string, error) {
				return "", &smithy.GenericAPIError{Code: "ParameterNotFound"}
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			fake := ec2test.New(ec2test.Config{})
			if c.image != nil {
				fake.SetImage(id, *c.image)
			}
			fake.SetFaults(func(operation string, _ *http.Request) *fakehttp.Fault {
				if operation != "DescribeImages" || c.fails == "" {
					return nil
				}
				return &fakehttp.Fault{Status: http.StatusForbidden, Body: "<Response><Errors><Error><Code>" + c.fails + "</Code><Message>no</Message></Error></Errors><RequestID>1</RequestID></Response>"}
			})
			s := settings()
			s.Image = id
			if c.edit != nil {
				c.edit(&s)
			}
			client := ec2.New(ec2.Options{
				Region: "eu-central-1", BaseEndpoint: aws.String("http://ec2.test"), Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""),
				HTTPClient: &http.Client{Transport: fakehttp.Loopback(fake)}, RetryMaxAttempts: 1,
			})
			p, err := awsrunner.New(client, releases{}, map[string]awsrunner.Settings{"linux": s}, awsrunner.Config{Parameter: c.reader})
			if err != nil {
				t.Fatal(err)
			}
			what := "linux: the image " + s.Image
			for _, f := range p.Check(t.Context(), order()) {
				if f.What != what {
					continue
				}
				if f.Verdict != c.verdict {
					t.Errorf("the verdict is %s: %s", f.Verdict, f.Detail)
				}
				for _, want := range c.detail {
					if !strings.Contains(f.Detail, want) {
						t.Errorf("it does not say %q, but %q", want, f.Detail)
					}
				}
				return
			}
			t.Error("nobody looked at ", what)
		})
	}
}
