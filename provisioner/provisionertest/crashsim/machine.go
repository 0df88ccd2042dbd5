package crashsim

import (
	"context"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/datawire/github-runner-provisioner/awsrunner"
	"github.com/datawire/github-runner-provisioner/awsrunner/ec2test"
	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/github/githubtest"
)

// life is what happens on a machine.
type life struct {
	tenant    *tenant
	boots     time.Time // when its runner connects
	dies      bool      // while it boots
	runner    int64     // its registration, once it is online
	idleSince time.Time
	job       int64 // the one it runs
	until     time.Time
	over      bool
}

// machines drives the machines until the history is over: every job has ended and the leftovers
// have had the time to go, or nobody has patience any more.
func (w *world) machines(ctx context.Context, jobs int) {
	var done time.Time
	for pause(ctx, tick) {
		for _, i := range w.ec2.Instances() {
			w.drive(ctx, i)
		}
		for _, t := range w.tenants {
			for _, a := range t.github.Assign() {
				w.note("GitHub of %s gives job %d to runner %s", t.deployment, a.Job, a.RunnerName)
				w.start(t, a.RunnerID, a.Job)
				w.tell(ctx, t, a.Job, a.RunnerID, provisioner.JobRunning)
			}
		}
		w.judge()
		w.judgeWaiting()
		switch {
		case time.Since(w.begun) > patience:
			return
		case !w.allEnded(jobs) || !w.calm.Load():
			done = time.Time{}
		case done.IsZero():
			done = time.Now()
			w.note("every job has ended")
		}
		wait := leftoversGo
		if !w.options.Reconcile {
			wait = idleTimeout + 10*time.Minute
		}
		if !done.IsZero() && time.Since(done) > wait {
			return
		}
	}
}

// jitConfig is where the start-up script has the runner's configuration.
var jitConfig = regexp.MustCompile(`(?m)^configuration='([^']+)'$`)

// drive lets time pass on one machine.
func (w *world) drive(ctx context.Context, i ec2test.Instance) {
	l, t := w.lives[i.ID], w.tenantOf(i)
	if l == nil {
		key := i.ClientToken
		l = &life{tenant: t, boots: i.LaunchedAt.Add(w.within(20*time.Second, 80*time.Second, "boot", key)), dies: w.chance(w.weather.bootFails, "dies", key) || w.now(w.weather.image, "image", i.Tags[awsrunner.TagType])}
		w.lives[i.ID] = l
		w.note("machine %s of %s exists, with registration %s for job %s", i.ID, t.deployment, i.Tags[awsrunner.TagRunner], i.Tags[awsrunner.TagJob])
	}
	if i.State == "terminated" || i.State == "shutting-down" || i.State == "stopped" {
		if !l.over {
			l.over = true
			if l.runner != 0 {
				t.github.Disconnect(l.runner)
			}
		}
		return
	}
	now := time.Now()
	switch {
	case l.over:
	case l.runner == 0 && now.Before(l.boots):
	case l.runner == 0 && l.dies && w.chance(0.5, "hangs", i.ClientToken):
		// It hangs for ever: nobody but the reconciler ends it.
	case l.runner == 0 && l.dies:
		w.finish(i.ID, l, "dies while it boots")
	case l.runner == 0:
		id, err := t.github.Connect(configurationOf(i))
		if err != nil {
			w.finish(i.ID, l, "can't register and ends: "+err.Error())
			return
		}
		l.runner, l.idleSince = id, now
		w.note("machine %s comes online as runner %d", i.ID, id)
	case l.job != 0 && now.After(l.until):
		t.github.FinishJob(l.job, "success")
		w.tell(ctx, t, l.job, l.runner, provisioner.JobEnded)
		w.note("machine %s finishes job %d", i.ID, l.job)
		t.github.Disconnect(l.runner)
		w.finish(i.ID, l, "ends")
	case l.job != 0:
	case !t.registered(l.runner):
		w.finish(i.ID, l, "lost its registration and ends")
	case now.Sub(l.idleSince) > idleTimeout:
		t.github.Disconnect(l.runner)
		w.finish(i.ID, l, "finds no job and ends")
	}
}

func (w *world) finish(id string, l *life, how string) {
	l.over = true
	w.note("machine %s %s", id, how)
	w.ec2.Shutdown(id)
}

func (w *world) start(t *tenant, runner, job int64) {
	for _, l := range w.lives {
		if l.tenant == t && l.runner == runner {
			l.job, l.until = job, time.Now().Add(w.within(10*time.Second, 3*time.Minute, "runs", t.deployment, job))
		}
	}
}

func (t *tenant) registered(id int64) bool {
	return slices.ContainsFunc(t.github.Runners(), func(r githubtest.Runner) bool { return r.ID == id })
}

func registration(i ec2test.Instance) int64 {
	id, _ := strconv.ParseInt(i.Tags[awsrunner.TagRunner], 10, 64)
	return id
}

func configurationOf(i ec2test.Instance) string {
	m := jitConfig.FindStringSubmatch(i.UserData)
	if m == nil {
		panic("the start-up script has no configuration where this simulation looks for it")
	}
	return m[1]
}
