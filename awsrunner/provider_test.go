package awsrunner_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/datawire/github-runner-provisioner/awsrunner"
	"github.com/datawire/github-runner-provisioner/provisioner"
)

func TestNewReportsEveryFault(t *testing.T) {
	_, err := awsrunner.New(nil, nil, map[string]awsrunner.Settings{
		"bad": {
			Market: "sometimes", VolumeGiB: 1, OS: "beos", Arch: "vax", RunnerVersion: "1", RunnerSHA256: "zz", IdleTimeout: -1,
			Tags: map[string]string{"aws:x": "", "runner-provisioner:job": "1"},
		},
	}, awsrunner.Config{})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"no client", `"bad"`, "no image", "no instance types", `"sometimes"`, "1 GiB", `"beos"`, `"vax"`, "64 hexadecimal", "idle timeout", `"aws:x"`, `"runner-provisioner:job"`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %s:\n%v", want, err)
		}
	}
}

func TestPlan(t *testing.T) {
	for _, c := range []struct {
		name     string
		err      error
		releases releases
		verified bool
		because  string
	}{
		{"EC2 says that it would work", code("DryRunOperation"), releases{}, true, ""},
		{"EC2 says that it would not", code("UnauthorizedOperation"), releases{}, false, "UnauthorizedOperation: the message"},
		{"there are no credentials", errors.New("failed to refresh cached credentials, no EC2 IMDS role found"), releases{}, false, "no AWS credentials"},
		{"there is no network", errors.New("dial tcp: no such host"), releases{}, false, "no such host"},
		{"the release is not known", code("DryRunOperation"), releases{err: provisioner.ErrUnavailable}, false, "release is not known"},
	} {
		t.Run(c.name, func(t *testing.T) {
			api := &ec2API{run: []any{c.err}}
			p, err := awsrunner.New(api, c.releases, map[string]awsrunner.Settings{"linux": settings()}, awsrunner.Config{})
			if err != nil {
				t.Fatal(err)
			}
			plan, err := p.Plan(t.Context(), order())
			if err != nil || plan.Verified != c.verified || !strings.Contains(plan.UnverifiedBecause, c.because) {
				t.Errorf("plan %+v, %v", plan, err)
			}
			if !*api.runs[0].DryRun {
				t.Error("EC2 was asked in earnest")
			}
			b, err := json.Marshal(plan.Request)
			if err != nil || bytes.Contains(b, []byte(config)) || !bytes.Contains(b, []byte(`"large"`)) || !bytes.Contains(b, []byte("runner-provisioner:managed")) {
				t.Errorf("request %s, %v", b, err)
			}
		})
	}
}

func TestListsAreWholeOrErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := instance("1", types.InstanceStateNameRunning), instance("2", types.InstanceStateNameTerminated)
		first.NextToken = aws.String("more")
		api := &ec2API{describe: []any{first, second}}
		list, err := provider(t, api, settings(), nil).List(t.Context())
		if err != nil || len(list) != 2 || !list[0].Alive() || list[1].Alive() || list[0].RunnerID != 1 || list[0].Job != 42 {
			t.Errorf("list %+v, %v", list, err)
		}
		for _, bad := range []error{code("InternalError"), code("UnauthorizedOperation"), code("RequestLimitExceeded")} {
			api = &ec2API{describe: []any{first, bad}}
			if list, err := provider(t, api, settings(), nil).List(t.Context()); err == nil || list != nil {
				t.Errorf("%v: half a list of %d came back", bad, len(list))
			}
		}
	})
}

func TestFindAsksForTheJobAmongOurs(t *testing.T) {
	api := &ec2API{describe: []any{instance("7", types.InstanceStateNameRunning)}}
	if _, err := provider(t, api, settings(), nil).Find(t.Context(), linux, order().Job); err != nil {
		t.Fatal(err)
	}
	var filters []string
	for _, f := range api.describes[0].Filters {
		filters = append(filters, *f.Name+"="+strings.Join(f.Values, ","))
	}
	if got := strings.Join(filters, " "); got != "tag:runner-provisioner:managed=true tag:runner-provisioner:deployment=default tag:runner-provisioner:job=42" {
		t.Errorf("filters %s", got)
	}
}

func TestTerminate(t *testing.T) {
	for _, c := range []struct {
		name      string
		err, want error
	}{
		{"ends the machine", nil, nil},
		{"is content when it is gone", code("InvalidInstanceID.NotFound"), nil},
		{"says what is refused", code("UnauthorizedOperation"), provisioner.ErrRefused},
		{"says what failed", errors.New("reset"), provisioner.ErrUnavailable},
	} {
		t.Run(c.name, func(t *testing.T) {
			api := &ec2API{terminate: c.err}
			if err := provider(t, api, settings(), nil).Terminate(t.Context(), provisioner.Machine{ID: "i-1"}); !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
				t.Errorf("error %v, want %v", err, c.want)
			}
			if !slices.Equal(api.ended, []string{"i-1"}) {
				t.Errorf("ended %v", api.ended)
			}
		})
	}
}
