package crashsim

import (
	"context"
	"fmt"
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
	ec2Lag  time.Duration // of its lists

	serial  atomic.Int64       // of processes
	waiting map[*job]time.Time // since when, for nothing

	mu        sync.Mutex
	jobs      []*job
	processes []*process          // that are up
	everybody map[string]*process // by id
	lives     map[string]*life
	crashes   int
	late      int // redeliveries to come
}

// job is a job of the history.
type job struct {
	provisioner.Job
	kind     provisioner.RunnerType
	tenant   *tenant
	accepted atomic.Bool
}

func newWorld(seed uint64, o Options) *world {
	w := &world{history: &history{begun: time.Now()}, fate: &fate{seed: seed}, options: o, lives: make(map[string]*life), everybody: make(map[string]*process), waiting: make(map[*job]time.Time)}
	w.weather = newWeather(w.fate, o)
	w.newTenants()
	w.ec2Lag = w.within(0, 15*time.Second, "lag")
	w.ec2 = ec2test.New(ec2test.Config{VisibilityLag: w.ec2Lag, LaunchRate: 2, LaunchBurst: 5})
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
		for _, owner := range owners {
			w.useUp(t, owner)
			w.loseAccess(t, provisioner.Target{Owner: owner})
		}
	}
	jobs, runs := 0, 2+w.pick(4, "runs")
	if w.weather.spares != "" || !w.options.Reconcile {
		runs += 4
	}
	for i := range runs {
		repository := provisioner.Repository{Owner: owners[w.pick(len(owners), "owner", i)], Name: fmt.Sprint("app-", i)}
		if w.options.Reconcile { // who shares a repository shares runners
			repository = repositories[w.pick(len(repositories), "repository", i)]
		}
		t := w.tenants[w.pick(len(w.tenants), "tenant", i)]
		t.github.AddRepository(repository.Owner, repository.Name)
		w.loseAccess(t, provisioner.Target{Owner: repository.Owner, Repo: repository.Name})
		n := 1
		if w.options.Reconcile {
			n += w.pick(3, "jobs", i)
		}
		jobs += n
		all.Go(func() { w.runLife(ctx, t, i, n, repository) })
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

// runLife queues the jobs of a workflow run at GitHub.
func (w *world) runLife(ctx context.Context, t *tenant, i, jobs int, r provisioner.Repository) {
	if !pause(ctx, w.within(0, storm*3/4, "queued", i)) {
		return
	}
	kind := t.types[w.pick(len(t.types), "type", i)]
	var all sync.WaitGroup
	for n, queued := range t.github.QueueJobs(r, jobs, kind.Labels...) {
		j := &job{Job: queued, kind: kind, tenant: t}
		w.mu.Lock()
		w.jobs = append(w.jobs, j)
		w.mu.Unlock()
		w.note("job %d of %s is queued, for %s", j.ID, r, kind.Name)
		all.Go(func() { w.jobLife(ctx, j, 10*i+n) })
	}
	all.Wait()
}

// jobLife delivers the webhooks of a job, and perhaps cancels it.
func (w *world) jobLife(ctx context.Context, j *job, i int) {
	if w.chance(w.weather.cancelled, "cancelled", i) {
		after := w.within(0, 4*time.Minute, "cancelled after", i)
		time.AfterFunc(after, func() {
			if j.tenant.github.CancelJob(j.ID) {
				w.note("job %d is cancelled", j.ID)
				w.tell(ctx, j.tenant, j.ID, 0, provisioner.JobEnded)
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
