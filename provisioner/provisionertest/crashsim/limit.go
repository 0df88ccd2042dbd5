package crashsim

import (
	"time"

	"github.com/datawire/github-runner-provisioner/awsrunner"
	"github.com/datawire/github-runner-provisioner/provisioner"
)

// refresh is how old the list of machines may be by which a process keeps a limit, and so how long
// what other processes launch may be unknown to it.
const refresh = 8 * time.Second

// judgeLimit looks whether a process launches a machine of a type that has as many as it may have.
// What it has to know of is what it launched itself, and what others had launched when its list was
// made: a refresh before its attempt began at the earliest, but for EC2's own lag. (A launch that
// got no answer and was then undone may leave a machine that can't register: it counts once it is
// listed.)
func (w *world) judgeLimit(by *process, kind provisioner.RunnerType, job int64) {
	if kind.Max == 0 {
		return
	}
	listed := by.began(job).Add(-refresh - w.ec2Lag)
	runners, n := by.tenant.runners(), 0
	for _, i := range w.ec2.Instances() {
		mine := w.tenantOf(i) == by.tenant && i.Tags[awsrunner.TagType] == kind.Name
		again := i.Tags[awsrunner.TagJob] == itoa(job) // an earlier attempt for this very job, which this one has dealt with
		_, registered := runners[registration(i)]
		if mine && alive(i) && !again && (i.LaunchedAt.Before(listed) || registered && by.launched(i.ClientToken)) {
			n++
		}
	}
	if n >= kind.Max {
		w.violation("a machine of %s is launched for job %d of %s, which may have %d and has %d", kind.Name, job, by.tenant.deployment, kind.Max, n)
	}
}
