package crashsim

import (
	"fmt"
	"time"

	"github.com/datawire/github-runner-provisioner/awsrunner/ec2test"
	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/github/githubtest"
	"github.com/datawire/github-runner-provisioner/provisioner/queue"
)

// tenant is a deployment of the service with its own GitHub and queue. All tenants launch in one
// EC2, for repositories of the same names: the middle of a migration to another GitHub.
type tenant struct {
	deployment provisioner.Deployment
	github     *githubtest.Server
	queue      *queue.Memory
}

// maxLifetime is the tenants' own; the second's is shorter than what a machine of the first may
// take to get its job.
var maxLifetime = map[provisioner.Deployment]time.Duration{"blue": time.Hour, "green": 20 * time.Minute}

func (w *world) newTenants() {
	names := []provisioner.Deployment{"blue", "green"}
	for i := range 1 + w.pick(2, "tenants") {
		t := &tenant{deployment: names[i], github: githubtest.New(githubtest.Config{Token: "token"}), queue: queue.NewMemory(0)}
		t.github.SetFaults(w.githubFaults)
		t.github.SetLag(w.within(0, w.weather.lag, "API lag", i))
		w.tenants = append(w.tenants, t)
	}
}

func (t *tenant) runnerType() provisioner.RunnerType {
	r := runnerType
	r.MaxLifetime = maxLifetime[t.deployment]
	return r
}

// tenantOf returns the deployment that launched a machine.
func (w *world) tenantOf(i ec2test.Instance) *tenant {
	for _, t := range w.tenants {
		if i.Tags["runner-provisioner:deployment"] == string(t.deployment) {
			return t
		}
	}
	panic(fmt.Sprintf("machine %s is nobody's: %v", i.ID, i.Tags))
}

// loseAccess takes the credential's access to a repository away for a while, now and then.
func (w *world) loseAccess(t *tenant, r provisioner.Repository) {
	target := provisioner.Target{Owner: r.Owner, Repo: r.Name}
	for n := 0; w.chance(w.weather.access, "access", t.deployment, r.Name, n) && n < 3; n++ {
		at := w.within(0, storm, "access lost", t.deployment, r.Name, n)
		back := min(at+w.within(10*time.Second, 4*time.Minute, "access back", t.deployment, r.Name, n), storm)
		to := []githubtest.Access{githubtest.Hidden, githubtest.Forbidden}[w.pick(2, "access how", t.deployment, r.Name, n)]
		time.AfterFunc(at, func() {
			w.note("%s may not see %s any more", t.deployment, r.Name)
			t.github.SetAccess(target, to)
		})
		time.AfterFunc(back, func() {
			w.note("%s may see %s again", t.deployment, r.Name)
			t.github.SetAccess(target, githubtest.Granted)
		})
	}
}
