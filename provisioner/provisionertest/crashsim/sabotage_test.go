package crashsim_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest/crashsim"
	"github.com/datawire/github-runner-provisioner/provisioner/queue"
	"github.com/datawire/github-runner-provisioner/provisioner/reconcile"
)

// noLock registers under another name when the name is taken.
type noLock struct{ provisioner.Registrar }

var serial atomic.Int64

func (n noLock) Register(ctx context.Context, r provisioner.Registration) (provisioner.Runner, provisioner.Secret, error) {
	runner, jit, err := n.Registrar.Register(ctx, r)
	if errors.Is(err, provisioner.ErrNameTaken) {
		r.Name += fmt.Sprint("-x", serial.Add(1))
		return n.Registrar.Register(ctx, r)
	}
	return runner, jit, err
}

// edited changes the form of every call to EC2.
func edited(next http.RoundTripper, edit func(form url.Values)) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return nil, err
		}
		edit(form)
		r = r.Clone(r.Context())
		encoded := form.Encode()
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(encoded)), int64(len(encoded))
		return next.RoundTrip(r)
	})
}

type roundTripper func(r *http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// freshTokens gives every launch call a client token of its own.
func freshTokens(form url.Values) {
	if form.Has("ClientToken") {
		form.Set("ClientToken", fmt.Sprint("token-", serial.Add(1)))
	}
}

// everybodys lists the machines of all deployments.
func everybodys(form url.Values) {
	for key, values := range form {
		if values[0] == "tag:runner-provisioner:deployment" {
			form.Set(key, "tag:runner-provisioner:managed")
			form.Set(strings.TrimSuffix(key, "Name")+"Value.1", "true")
		}
	}
}

// credulous takes every job for waiting.
type credulous struct{}

func (credulous) JobState(context.Context, provisioner.Job) (provisioner.JobState, error) {
	return provisioner.JobWaiting, nil
}

// atMostOnce forgets a message when it hands it out.
type atMostOnce struct{ queue.Queue }

func (q atMostOnce) Receive(ctx context.Context, lane string, ready queue.Ready) (queue.Message, error) {
	m, err := q.Queue.Receive(ctx, lane, ready)
	if err == nil {
		err = q.Delete(ctx, m)
	}
	return m, err
}

// blindFaith believes that a registration is gone without asking, and that it was removed without
// removing it.
type blindFaith struct{ registrations }

type registrations = reconcile.Runners

func (blindFaith) Remove(context.Context, provisioner.Target, int64) error { return nil }

// oldList is the machines as they were up to a minute ago.
type oldList struct {
	provisioner.Lister
	mu   sync.Mutex
	at   time.Time
	last []provisioner.Machine
}

func (l *oldList) List(ctx context.Context) ([]provisioner.Machine, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Since(l.at) < time.Minute {
		return l.last, nil
	}
	machines, err := l.Lister.List(ctx)
	if err == nil {
		l.at, l.last = time.Now(), machines
	}
	return machines, err
}

// sleepy hides whatever is put back for ten minutes.
type sleepy struct{ queue.Queue }

func (q sleepy) Extend(ctx context.Context, m queue.Message, d time.Duration) error {
	return q.Queue.Extend(ctx, m, max(d, 10*time.Minute))
}

// registrarOfAll and jobsOfAll take what GitHub says of one repository or owner for everybody's
// trouble.
type (
	registrarOfAll struct{ provisioner.Registrar }
	jobsOfAll      struct{ provisioner.Jobs }
)

func (x registrarOfAll) Register(ctx context.Context, r provisioner.Registration) (provisioner.Runner, provisioner.Secret, error) {
	runner, jit, err := x.Registrar.Register(ctx, r)
	return runner, jit, ofAll(err)
}

func (x jobsOfAll) JobState(ctx context.Context, j provisioner.Job) (provisioner.JobState, error) {
	state, err := x.Jobs.JobState(ctx, j)
	return state, ofAll(err)
}

func ofAll(err error) error {
	if github, ok := errors.AsType[*provisioner.GitHubError](err); ok {
		return github.Err
	}
	return err
}

func TestTheSimulationNotices(t *testing.T) {
	for _, c := range []struct {
		name string
		o    crashsim.Options
		want string
	}{
		{
			"a name that is no lock",
			crashsim.Options{Sabotage: crashsim.Sabotage{Registrar: func(r provisioner.Registrar) provisioner.Registrar { return noLock{r} }}},
			"two machines can register",
		},
		{
			"a launch that is not idempotent",
			crashsim.Options{Sabotage: crashsim.Sabotage{EC2: func(next http.RoundTripper) http.RoundTripper { return edited(next, freshTokens) }}},
			"two machines can register",
		},
		{
			"a queue that delivers at most once",
			crashsim.Options{Sabotage: crashsim.Sabotage{Queue: func(q queue.Queue) queue.Queue { return atMostOnce{q} }}},
			"still waits",
		},
		{
			"a reconciler that ends machines before their registrations",
			crashsim.Options{
				Reconcile: true, Sabotage: crashsim.Sabotage{Runners: func(r reconcile.Runners) reconcile.Runners { return blindFaith{r} }},
			},
			"the service ends machine",
		},
		{
			"a provider that takes the machines of another deployment for its own",
			crashsim.Options{
				Reconcile: true, Sabotage: crashsim.Sabotage{EC2: func(next http.RoundTripper) http.RoundTripper { return edited(next, everybodys) }},
			},
			"ends machine",
		},
		{
			"an engine that asks nobody whether a job still waits",
			crashsim.Options{Sabotage: crashsim.Sabotage{Jobs: func(provisioner.Jobs) provisioner.Jobs { return credulous{} }}},
			"a machine is launched for job",
		},
		{
			"a limit that is kept by an old list",
			crashsim.Options{Sabotage: crashsim.Sabotage{Lister: func(l provisioner.Lister) provisioner.Lister { return &oldList{Lister: l} }}},
			"which may have",
		},
		{
			"jobs that are put back for too long",
			crashsim.Options{Sabotage: crashsim.Sabotage{Queue: func(q queue.Queue) queue.Queue { return sleepy{q} }}},
			"waits for nothing",
		},
		{
			"a tenant's trouble that holds up another's jobs",
			crashsim.Options{Sabotage: crashsim.Sabotage{
				Registrar: func(r provisioner.Registrar) provisioner.Registrar { return registrarOfAll{r} },
				Jobs:      func(j provisioner.Jobs) provisioner.Jobs { return jobsOfAll{j} },
			}},
			"waits for nothing",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			const most = 300
			for s := uint64(1); s <= most; s++ {
				r := crashsim.Run(t, s, c.o)
				if strings.Contains(strings.Join(r.Wrong, "\n"), c.want) {
					t.Logf("noticed with seed %d: %s", s, r.Wrong[0])
					return
				}
			}
			t.Errorf("not noticed in %d histories", most)
		})
	}
}
