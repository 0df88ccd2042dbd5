package crashsim

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/datawire/github-runner-provisioner/awsrunner/ec2test"
	"github.com/datawire/github-runner-provisioner/provisioner"
)

// world is everything outside of the processes: GitHub, EC2, the durable queue, the machines, and
// fate.
type world struct {
	*history
	*fate
	options Options
	weather weather
	calm    atomic.Bool

	tenants []*tenant
	ec2     *ec2test.Server

	mu        sync.Mutex
	jobs      []*job
	processes []*process
	lives     map[string]*life
	crashes   int
	late      int // redeliveries to come
}

// job is a job of the history.
type job struct {
	provisioner.Job
	tenant   *tenant
	accepted atomic.Bool
}

var runnerType = provisioner.RunnerType{
	Name: "linux", Labels: []string{"self-hosted", "linux"}, Provider: "aws", BootDeadline: 3 * time.Minute, MaxLifetime: time.Hour,
}

func newWorld(seed uint64, o Options) *world {
	w := &world{history: &history{begun: time.Now()}, fate: &fate{seed: seed}, options: o, lives: make(map[string]*life)}
	w.weather = newWeather(w.fate, o)
	w.newTenants()
	w.ec2 = ec2test.New(ec2test.Config{VisibilityLag: w.within(0, 15*time.Second, "lag"), LaunchRate: 2, LaunchBurst: 5})
	w.ec2.SetFaults(w.ec2Faults)
	w.ec2.SetCapacity(w.capacity)
	return w
}

// live lets the history happen.
func (w *world) live(ctx context.Context) {
	ctx, stop := context.WithCancel(ctx)
	var all sync.WaitGroup
	for _, t := range w.tenants {
		for i := range 1 + w.pick(3, "replicas", t.deployment) {
			all.Go(func() { w.replica(ctx, t, i) })
		}
	}
	jobs := 2 + w.pick(7, "jobs")
	for i := range jobs {
		repository := provisioner.Repository{Owner: "octo-org", Name: fmt.Sprint("app-", i)}
		if w.options.Reconcile { // who shares a repository shares runners
			repository.Name = fmt.Sprint("app-", w.pick(2, "repository", i))
		}
		t := w.tenants[w.pick(len(w.tenants), "tenant", i)]
		t.github.AddRepository(repository.Owner, repository.Name)
		w.loseAccess(t, repository)
		all.Go(func() { w.jobLife(ctx, t, i, repository) })
	}
	time.AfterFunc(storm, func() {
		w.calm.Store(true)
		w.note("the weather turns calm")
	})
	w.machines(ctx, jobs)
	stop()
	all.Wait()
	time.Sleep(time.Minute) // for calls that are still under way
	w.judgeEnd()
}

// jobLife queues a job at GitHub, delivers its webhooks, and perhaps cancels it.
func (w *world) jobLife(ctx context.Context, t *tenant, i int, r provisioner.Repository) {
	if !pause(ctx, w.within(0, storm*3/4, "queued", i)) {
		return
	}
	j := &job{Job: t.github.QueueJob(r, "self-hosted", "linux"), tenant: t}
	w.mu.Lock()
	w.jobs = append(w.jobs, j)
	w.mu.Unlock()
	w.note("job %d of %s is queued", j.ID, r.Name)
	if w.chance(w.weather.cancelled, "cancelled", i) {
		after := w.within(0, 4*time.Minute, "cancelled after", i)
		time.AfterFunc(after, func() {
			if t.github.CancelJob(j.ID) {
				w.note("job %d is cancelled", j.ID)
			}
		})
	}
	deliveries := 1 + w.pick(3, "deliveries", i)
	for n := range deliveries {
		if !pause(ctx, w.within(0, 20*time.Second, "delivery", i, n)) {
			return
		}
		w.deliver(ctx, j, i, n)
	}
	if w.chance(w.weather.redelivered, "redelivered", i) { // by hand, or by a script, whatever became of the job
		w.redeliver(ctx, j, i)
	}
	// Without a reconciler somebody has to see to it that the webhook arrives.
	for !w.options.Reconcile && !j.accepted.Load() && pause(ctx, 30*time.Second) {
		w.deliver(ctx, j, i, 99)
	}
}

// redeliver sends the webhook of a job once more, late.
func (w *world) redeliver(ctx context.Context, j *job, i int) {
	w.mu.Lock()
	w.late++
	w.mu.Unlock()
	time.AfterFunc(w.within(10*time.Second, 15*time.Minute, "redelivery", i), func() {
		w.deliver(ctx, j, i, 50)
		w.mu.Lock()
		defer w.mu.Unlock()
		w.late--
	})
}

// deliver sends a webhook to one of the replicas. It is lost if that is down.
func (w *world) deliver(ctx context.Context, j *job, i, n int) {
	if w.options.Reconcile && n < 50 && w.chance(w.weather.lostWebhook, "lost webhook", i, n) {
		w.note("a webhook of job %d is lost", j.ID)
		return
	}
	w.mu.Lock()
	up := slices.DeleteFunc(slices.Clone(w.processes), func(p *process) bool { return p.tenant != j.tenant })
	w.mu.Unlock()
	if len(up) == 0 {
		w.note("a webhook of job %d finds nobody", j.ID)
		return
	}
	p := up[w.pick(len(up), "replica", i, n)]
	duplicate, err := p.worker.Accept(ctx, runnerType.Name, j.Job)
	if err != nil {
		w.note("a webhook of job %d is answered 503: %v", j.ID, err)
		return
	}
	p.sweeper.MarkActive(j.Repository)
	j.accepted.Store(true)
	w.note("replica %d accepts job %d (duplicate: %v)", p.replica, j.ID, duplicate)
}

func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

func (w *world) result() Result {
	return Result{
		Seed: w.seed, Wrong: w.wrong, History: w.String(), Jobs: len(w.jobs), Machines: len(w.ec2.Instances()), Crashes: w.crashes,
		GitHubCalls: w.tenants[0].github.Calls(), EC2Calls: w.ec2.Calls(),
	}
}
