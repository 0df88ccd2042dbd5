package awsrunner_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/datawire/github-runner-provisioner/awsrunner"
	"github.com/datawire/github-runner-provisioner/awsrunner/ec2test"
	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest"
	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest/fakehttp"
)

func TestTheProviderConforms(t *testing.T) {
	provisionertest.TestProvider(t, newHarness)
}

// harness is a provider with the SDK's own client and the fake EC2 behind it, with the real one's
// token bucket, on small pages.
type harness struct {
	fake     *ec2test.Server
	provider *awsrunner.Provider
	log      bytes.Buffer // the handler that writes to it has a lock, and it is read after the last launch

	lose, drop, throttle, refuse, quote, exhaust, lists *provisionertest.Fault
	quotation                                           func(request string) string

	losing atomic.Bool // the call that is under way loses its answer
}

func newHarness(t *testing.T) provisionertest.Harness {
	t.Helper()
	h := &harness{quotation: fakehttp.InTurn(), fake: ec2test.New(ec2test.Config{LaunchRate: 2, LaunchBurst: 5, PageSize: 5})}
	h.fake.SetFaults(h.fault)
	h.fake.SetCapacity(h.capacity)
	client := ec2.New(ec2.Options{
		Region: "eu-central-1", BaseEndpoint: aws.String("http://ec2.test"), Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""),
		HTTPClient: &http.Client{Transport: fakehttp.Loopback(h.fake)},
	})
	p, err := awsrunner.New(client, releases{}, map[string]awsrunner.Settings{h.Type().Name: settings()}, awsrunner.Config{
		Logger: slog.New(slog.NewTextHandler(&h.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		t.Fatal(err)
	}
	h.provider = p
	return h
}

func (h *harness) Type() provisioner.RunnerType {
	return provisioner.RunnerType{Name: "linux", Labels: []string{"self-hosted", "linux"}, Provider: awsrunner.Name, MaxLifetime: time.Hour}
}

func (h *harness) Provider() provisioner.Provider { return h.provider }
func (h *harness) End(machineID string)           { h.fake.Shutdown(machineID) }
func (h *harness) Log() string                    { return h.log.String() }

// Machines reads the tags by the names that users rely on, so that a mistake in the provider's own
// names does not hide.
func (h *harness) Machines() (machines []provisionertest.CloudMachine) {
	for _, i := range h.fake.Instances() {
		owner, name, _ := strings.Cut(i.Tags["runner-provisioner:repository"], "/")
		m := provisioner.Machine{
			ID: i.ID, Provider: awsrunner.Name, Type: i.Tags["runner-provisioner:type"], Repository: provisioner.Repository{Owner: owner, Name: name},
			Job: number(i.Tags["runner-provisioner:job"]), RunnerName: i.Tags["runner-provisioner:name"], RunnerID: number(i.Tags["runner-provisioner:runner"]),
			State: provisioner.MachineAlive, LaunchedAt: i.LaunchedAt,
		}
		if !i.Alive() {
			m.State = provisioner.MachineEnded
		}
		machines = append(machines, provisionertest.CloudMachine{Machine: m, Given: i.UserData})
	}
	return machines
}

func number(tag string) int64 {
	n, err := strconv.ParseInt(tag, 10, 64)
	if err != nil {
		return -1
	}
	return n
}

func (h *harness) LoseAnswers(f *provisionertest.Fault) { h.lose = f }
func (h *harness) DropCalls(f *provisionertest.Fault)   { h.drop = f }
func (h *harness) Refuse(f *provisionertest.Fault)      { h.refuse = f }
func (h *harness) Quote(f *provisionertest.Fault)       { h.quote = f }
func (h *harness) Exhaust(f *provisionertest.Fault)     { h.exhaust = f }
func (h *harness) Throttle(f *provisionertest.Fault)    { h.throttle = f }
func (h *harness) FailLists(f *provisionertest.Fault)   { h.lists = f }

func (h *harness) fault(operation string, _ *http.Request) *fakehttp.Fault {
	switch operation {
	case "DescribeInstances":
		if h.lists.Hit() {
			return ec2Fault(http.StatusInternalServerError, "InternalError")
		}
	case "RunInstances":
		lost := h.lose.Hit()
		h.losing.Store(lost)
		switch {
		case lost:
			return &fakehttp.Fault{Lose: true}
		case h.drop.Hit():
			return &fakehttp.Fault{Drop: true}
		case h.throttle.Hit():
			return ec2Fault(http.StatusServiceUnavailable, "RequestLimitExceeded")
		case h.refuse.Hit():
			return ec2Fault(http.StatusForbidden, "UnauthorizedOperation")
		case h.quote.Hit():
			return &fakehttp.Fault{Quote: h.quotation}
		}
	}
	return nil
}

// capacity is asked for new instances alone, after fault.
func (h *harness) capacity(string, string, bool) string {
	if h.losing.Load() || !h.exhaust.Hit() {
		return ""
	}
	return "InsufficientInstanceCapacity"
}

func ec2Fault(status int, code string) *fakehttp.Fault {
	return &fakehttp.Fault{
		Status: status,
		Body:   "<Response><Errors><Error><Code>" + code + "</Code><Message>no</Message></Error></Errors><RequestID>r</RequestID></Response>",
	}
}
