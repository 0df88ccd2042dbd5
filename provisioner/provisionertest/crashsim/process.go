package crashsim

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/datawire/github-runner-provisioner/awsrunner"
	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/github"
	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest/fakehttp"
	"github.com/datawire/github-runner-provisioner/provisioner/queue"
	"github.com/datawire/github-runner-provisioner/provisioner/reconcile"
)

// process is one life of a replica, from its start to its death.
type process struct {
	id      int64
	world   *world
	tenant  *tenant
	replica int
	worker  *queue.Worker
	sweeper *reconcile.Sweeper
	github  *github.Client

	kill context.CancelFunc

	mu     sync.Mutex
	dead   bool
	steps  int
	last   int                 // the step at which it dies, 0: never
	begun  map[int64]time.Time // when its last attempt for a job began
	tokens map[string]bool     // client tokens of the launches that it asked for
}

// String names the replica.
func (p *process) String() string { return fmt.Sprintf("%s %d", p.tenant.deployment, p.replica) }

// caller returns the process that makes a request.
func (w *world) caller(r *http.Request) *process {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.everybody[r.Header.Get(processHeader)]
}

var errDead = errors.New("the process is dead")

// replica starts processes, one after the other, until the history is over.
func (w *world) replica(ctx context.Context, t *tenant, n int) {
	for life := 0; ctx.Err() == nil; life++ {
		p := w.newProcess(t, n, life)
		w.note("%s starts", p)
		p.run(ctx)
		if ctx.Err() != nil || !pause(ctx, w.within(0, 40*time.Second, "down", t.deployment, n, life)) {
			return
		}
	}
}

func (w *world) newProcess(t *tenant, n, life int) *process {
	p := &process{id: w.serial.Add(1), world: w, tenant: t, replica: n, begun: map[int64]time.Time{}, tokens: map[string]bool{}}
	if w.weather.killed && !w.calm.Load() && w.chance(0.9, "killed", t.deployment, n, life) {
		p.last = 1 + w.pick(60, "last step", t.deployment, n, life)
	}
	cfg := t.credential()
	cfg.BaseURL, cfg.Transport = "http://github.test", p.transport(t.github)
	gh, err := github.New(cfg)
	must(err)
	client := ec2.New(ec2.Options{
		Region: "us-east-1", BaseEndpoint: aws.String("http://ec2.test"), Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""),
		HTTPClient: &http.Client{Transport: wrap(w.options.Sabotage.EC2, p.transport(w.ec2))},
	})
	provider, err := awsrunner.New(client, gh, settings, awsrunner.Config{Deployment: t.deployment})
	must(err)
	cloud := wrap(w.options.Sabotage.Provider, Cloud(provider))
	registrar := wrap(w.options.Sabotage.Registrar, provisioner.Registrar(gh))
	engine, err := provisioner.New(t.types, map[string]provisioner.Provider{"aws": cloud}, registrar, provisioner.Config{
		Jobs: wrap(w.options.Sabotage.Jobs, provisioner.Jobs(gh)), Deployment: t.deployment,
	})
	must(err)
	p.github = gh
	p.worker = queue.NewWorker(wrap(w.options.Sabotage.Queue, queue.Queue(mortalQueue{t.queue, p})), timedEngine{engine, p}, queue.Config{
		Listers: map[string]provisioner.Lister{"aws": wrap(w.options.Sabotage.Lister, provisioner.Lister(cloud))}, NoDeduplication: t.forgets,
	})
	sweeps := reconcile.Config{
		Repositories: repositories,
		Quota: func(t provisioner.Target) (int, int, time.Time) {
			q := gh.QuotaAt(t)
			return q.Remaining, q.Limit, q.Reset
		},
	}
	if !t.forgets {
		sweeps.Store = mortalNotes{&t.notes, p}
	}
	p.sweeper = reconcile.New(engine, gh, wrap(w.options.Sabotage.Runners, reconcile.Runners(gh)), p.worker, sweeps)
	return p
}

func wrap[T any](f func(T) T, part T) T {
	if f == nil {
		return part
	}
	return f(part)
}

// run lives until the process is killed or ctx ends.
func (p *process) run(ctx context.Context) {
	ctx, p.kill = context.WithCancel(ctx)
	defer p.kill()
	p.world.join(p)
	defer p.world.leave(p)
	var parts sync.WaitGroup
	parts.Go(func() { _ = p.worker.Run(ctx) })
	if p.world.options.Reconcile {
		parts.Go(func() { p.sweeper.Run(ctx, sweepEvery) })
	}
	parts.Wait()
}

func (w *world) join(p *process) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.processes = append(w.processes, p)
	w.everybody[itoa(p.id)] = p
}

func (w *world) leave(p *process) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, q := range w.processes {
		if q == p {
			w.processes = append(w.processes[:i:i], w.processes[i+1:]...)
			return
		}
	}
}

// step is taken before and after everything that the process does to the world. It returns an error
// once the process is dead.
func (p *process) step(what string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dead {
		return errDead
	}
	if p.steps++; p.steps == p.last && !p.world.calm.Load() {
		p.dead = true
		p.world.mu.Lock()
		p.world.crashes++
		p.world.mu.Unlock()
		p.world.note("%s is killed %s", p, what)
		p.kill()
		return errDead
	}
	return nil
}

// transport leads to a server of the world as long as the process lives.
func (p *process) transport(h http.Handler) http.RoundTripper {
	return mortal{p, fakehttp.Loopback(h)}
}

type mortal struct {
	process *process
	next    http.RoundTripper
}

// processHeader tells the judge which process of the world calls.
const processHeader = "X-Process"

// RoundTrip implements http.RoundTripper.
func (m mortal) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := m.process.step("before " + r.Method + " " + r.URL.Path); err != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	r.Header.Set(processHeader, itoa(m.process.id))
	resp, err := m.next.RoundTrip(r)
	if dead := m.process.step("after " + r.Method + " " + r.URL.Path); dead != nil {
		if err == nil {
			_ = resp.Body.Close()
		}
		return nil, dead
	}
	return resp, err
}

// timedEngine notes when attempts began.
type timedEngine struct {
	*provisioner.Provisioner
	process *process
}

// Provision implements queue.Provisioner.
func (e timedEngine) Provision(ctx context.Context, j provisioner.Job) (provisioner.Outcome, error) {
	e.process.attempt(j.ID, time.Now())
	return e.Provisioner.Provision(ctx, j)
}

// attempt notes when an attempt for a job began.
func (p *process) attempt(job int64, begun time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.begun[job] = begun
}

// began tells when the last attempt for a job began.
func (p *process) began(job int64) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.begun[job]
}

// launches notes a launch that the process asks for.
func (p *process) launches(clientToken string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tokens[clientToken] = true
}

// launched reports whether the process has asked for a launch.
func (p *process) launched(clientToken string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.tokens[clientToken]
}

// mortalQueue is the durable queue as long as the process lives.
type mortalQueue struct {
	queue.Queue
	process *process
}

func around[T any](p *process, what string, do func() (T, error)) (T, error) {
	var none T
	if err := p.step("before it " + what); err != nil {
		return none, err
	}
	x, err := do()
	if dead := p.step("after it " + what); dead != nil {
		return none, dead
	}
	return x, err
}

// Send implements queue.Queue.
func (q mortalQueue) Send(ctx context.Context, lane string, j provisioner.Job) (bool, error) {
	return around(q.process, "stored job "+itoa(j.ID), func() (bool, error) { return q.Queue.Send(ctx, lane, j) })
}

// Requeue implements queue.Queue.
func (q mortalQueue) Requeue(ctx context.Context, m queue.Message) (news bool, err error) {
	return around(q.process, "stored job "+itoa(m.Job.ID)+" again", func() (bool, error) { return q.Queue.Requeue(ctx, m) })
}

// Receive implements queue.Queue.
func (q mortalQueue) Receive(ctx context.Context, lane string, ready queue.Ready) (queue.Message, error) {
	m, err := q.Queue.Receive(ctx, lane, ready)
	if err == nil {
		err = q.process.step("after it received job " + itoa(m.Job.ID))
	}
	return m, err
}

// Extend implements queue.Queue.
func (q mortalQueue) Extend(ctx context.Context, m queue.Message, d time.Duration) error {
	_, err := around(q.process, "put back job "+itoa(m.Job.ID), func() (struct{}, error) { return struct{}{}, q.Queue.Extend(ctx, m, d) })
	return err
}

// Delete implements queue.Queue.
func (q mortalQueue) Delete(ctx context.Context, m queue.Message) error {
	_, err := around(q.process, "deleted job "+itoa(m.Job.ID), func() (struct{}, error) { return struct{}{}, q.Queue.Delete(ctx, m) })
	return err
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

func must(err error) {
	if err != nil {
		panic(err)
	}
}
