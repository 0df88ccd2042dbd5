package crashsim

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"sync"
	"time"

	"github.com/datawire/github-runner-provisioner/awsrunner"
	"github.com/datawire/github-runner-provisioner/awsrunner/ec2test"
	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/github"
	"github.com/datawire/github-runner-provisioner/provisioner/github/githubtest"
	"github.com/datawire/github-runner-provisioner/provisioner/queue"
)

// owners are the organisations at every GitHub.
var owners = []string{"octo-org", "hub-org"}

// repositories are those that the reconciler is told of.
var repositories = []provisioner.Repository{{Owner: owners[0], Name: "app-0"}, {Owner: owners[0], Name: "app-1"}, {Owner: owners[1], Name: "app-0"}}

// tenant is a deployment of the service with its own GitHub and queue. All tenants launch in one
// EC2, for repositories of the same names: the middle of a migration to another GitHub.
type tenant struct {
	deployment provisioner.Deployment
	app        bool // its credential: an App, with a limit for each owner's installation, or one token for all
	github     *githubtest.Server
	types      []provisioner.RunnerType
	queue      durable
	forgets    bool // whether the queue does; then it keeps no notes either
	notes      notes
}

// durable is a queue that outlives its processes.
type durable interface {
	queue.Queue
	queue.Depth
}

// maxLifetime is the tenants' own; the second's is shorter than what a machine of the first may
// take to get its job.
var maxLifetime = map[provisioner.Deployment]time.Duration{"blue": time.Hour, "green": 20 * time.Minute}

func (w *world) newTenants() {
	names := []provisioner.Deployment{"blue", "green"}
	for i := range 1 + w.pick(2, "tenants") {
		t := &tenant{deployment: names[i], app: w.weather.spares != "" || w.chance(0.4, "App", i), types: w.newTypes(names[i]), notes: notes{m: map[string]string{}}}
		t.github = githubtest.New(githubtest.Config{Token: token, AppID: appID})
		t.github.SetFaults(w.githubFaults)
		t.github.SetLag(w.within(0, w.weather.lag, "API lag", i))
		t.queue = queue.NewMemory(0)
		if t.forgets = w.chance(0.4, "forgetful queue", i); t.forgets {
			t.queue = newForgetful(w, t.deployment)
		}
		w.tenants = append(w.tenants, t)
	}
}

// newTypes returns two runner types: whatever the first one's machines can do, the second one's can
// do too, so that GitHub gives them its jobs. One of them has a limit.
func (w *world) newTypes(d provisioner.Deployment) []provisioner.RunnerType {
	types := []provisioner.RunnerType{
		{Name: "linux", Labels: []string{"self-hosted", "linux"}},
		{Name: "gpu", Labels: []string{"self-hosted", "linux", "gpu"}},
	}
	for i := range types {
		types[i].Provider, types[i].BootDeadline, types[i].MaxLifetime = "aws", 3*time.Minute, maxLifetime[d]
	}
	if w.options.Reconcile && w.chance(0.3, "organization", d) { // all of an owner's repositories share their runners
		types[w.pick(len(types), "scope", d)].Scope = provisioner.ScopeOrganization
	}
	types[w.pick(len(types), "limited", d)].Max = 1 + w.pick(2, "max", d)
	return types
}

// settings are how the types' machines are launched; every type has an image of its own.
var settings = map[string]awsrunner.Settings{
	"linux": {Image: "ami-linux", InstanceTypes: []string{"t4g.small", "m7g.large"}, Subnets: []string{"subnet-a", "subnet-b"}},
	"gpu":   {Image: "ami-gpu", InstanceTypes: []string{"g5g.xlarge"}, Subnets: []string{"subnet-a", "subnet-b"}},
}

const (
	token = "token"
	appID = 7
)

// appKey is the App's. The fake does not check it, and a short one signs eight times as fast.
var appKey = sync.OnceValue(func() provisioner.Secret {
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	must(err)
	return provisioner.NewSecret(string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})))
})

// credential is what the tenant's processes ask GitHub with.
func (t *tenant) credential() github.Config {
	if t.app {
		return github.Config{App: &github.App{ID: appID, PrivateKey: appKey()}}
	}
	return github.Config{Token: provisioner.NewSecret(token)}
}

// tenantOf returns the deployment that launched a machine.
func (w *world) tenantOf(i ec2test.Instance) *tenant {
	for _, t := range w.tenants {
		if i.Tags[awsrunner.TagDeployment] == string(t.deployment) {
			return t
		}
	}
	panic(fmt.Sprintf("machine %s is nobody's: %v", i.ID, i.Tags))
}

// typeOf returns the runner type of a machine.
func (t *tenant) typeOf(i ec2test.Instance) provisioner.RunnerType {
	for _, x := range t.types {
		if i.Tags[awsrunner.TagType] == x.Name {
			return x
		}
	}
	panic(fmt.Sprintf("machine %s is of no type: %v", i.ID, i.Tags))
}
