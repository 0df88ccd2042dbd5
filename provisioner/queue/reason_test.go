package queue_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest"
	"github.com/datawire/github-runner-provisioner/provisioner/queue"
)

// TestTheWorkerSaysWhatHoldsJobsBack has something hold back jobs of linux in o/r, and asks for
// them, for those of another repository and for those of another type.
func TestTheWorkerSaysWhatHoldsJobsBack(t *testing.T) {
	fail := func(err error) func(context.Context, provisioner.Job) (provisioner.Outcome, error) {
		return func(context.Context, provisioner.Job) (provisioner.Outcome, error) { return provisioner.Outcome{}, err }
	}
	at := provisioner.Target{Owner: "o", Repo: "r"}
	for name, c := range map[string]struct {
		max       int
		machines  int
		broken    bool
		provision func(context.Context, provisioner.Job) (provisioner.Outcome, error)
		want      provisioner.Reason
		elsewhere provisioner.Because // in another repository
	}{
		"nothing": {provision: func(_ context.Context, j provisioner.Job) (provisioner.Outcome, error) { return launched(j), nil }},
		"no capacity": {
			provision: fail(fmt.Errorf("provision: %w", fmt.Errorf("aws: t4g in a: Insufficient: %w", provisioner.ErrCapacity))),
			want:      provisioner.Reason{Because: provisioner.BecauseCapacity, System: "cloud", Detail: "aws: t4g in a: Insufficient"}, elsewhere: provisioner.BecauseCapacity,
		},
		"GitHub refuses the repository": {
			provision: fail(fmt.Errorf("provision: %w", &provisioner.GitHubError{Target: at, Err: fmt.Errorf("register: 403: %w", provisioner.ErrRefused)})),
			want:      provisioner.Reason{Because: provisioner.BecauseRefused, System: "github", Target: at, Detail: "register: 403"},
		},
		"a rate limit": {
			provision: fail(&provisioner.RetryAfterError{After: time.Hour, Err: errors.New("slow down")}),
			want:      provisioner.Reason{Because: provisioner.BecauseRateLimit, System: "cloud", Detail: "slow down"}, elsewhere: provisioner.BecauseRateLimit,
		},
		"max": {
			max: 2, machines: 2,
			want: provisioner.Reason{Because: provisioner.BecauseMax, Max: 2}, elsewhere: provisioner.BecauseMax,
		},
		"machines that don't boot": {
			broken: true,
			want:   provisioner.Reason{Because: provisioner.BecauseBootFailures}, elsewhere: provisioner.BecauseBootFailures,
		},
		"machines that can't be counted": {
			max: 2, machines: -1,
			want: provisioner.Reason{Because: provisioner.BecauseUnavailable, System: "cloud", Detail: "its machines can't be counted: list"}, elsewhere: provisioner.BecauseUnavailable,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				full := linux()
				full.Max = c.max
				e := &engine{types: []provisioner.RunnerType{full, mac()}, provision: c.provision}
				lister := &provisionertest.ListerMock{ListFunc: func(context.Context) (list []provisioner.Machine, err error) {
					if c.machines < 0 {
						return nil, fmt.Errorf("list: %w", provisioner.ErrUnavailable)
					}
					for i := range c.machines {
						list = append(list, provisioner.Machine{ID: fmt.Sprint(i), Type: "linux", RunnerID: int64(100 + i), State: provisioner.MachineAlive})
					}
					return list, nil
				}}
				cfg := queue.Config{Listers: map[string]provisioner.Lister{"cloud": lister}}
				work(t, e, cfg, 10*time.Second, func(q *queue.Memory, w *queue.Worker) {
					w.SetBroken("linux", c.broken)
					send(t, q, newJob(1, "linux"))
					time.Sleep(2500 * time.Millisecond)
					got, ok := w.Reason("linux", provisioner.Repository{Owner: "o", Name: "r"})
					c.want.Type, c.want.Until = got.Type, got.Until
					if got != c.want || ok != (got.Because != "") || ok && got.Type != "linux" {
						t.Errorf("%+v, %t; want %+v", got, ok, c.want)
					}
					if failed := got.System != "" || c.broken; failed != !got.Until.IsZero() {
						t.Errorf("it is tried again at %s", got.Until)
					}
					if other, _ := w.Reason("linux", provisioner.Repository{Owner: "o", Name: "else"}); other.Because != c.elsewhere {
						t.Errorf("elsewhere %+v, want %q", other, c.elsewhere)
					}
					if other, ok := w.Reason("mac", provisioner.Repository{Owner: "o", Name: "else"}); ok {
						t.Errorf("another type: %+v", other)
					}
				})
			})
		})
	}
}

func TestWhatHeldJobsBackIsForgottenWithTheFirstLaunch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mended atomic.Bool
		e := &engine{types: []provisioner.RunnerType{linux()}, provision: func(_ context.Context, j provisioner.Job) (provisioner.Outcome, error) {
			if !mended.Load() {
				return provisioner.Outcome{}, provisioner.ErrCapacity
			}
			return launched(j), nil
		}}
		seen := &events{}
		work(t, e, queue.Config{Observer: seen}, time.Minute, func(q *queue.Memory, w *queue.Worker) {
			send(t, q, newJob(1, "linux"))
			time.Sleep(500 * time.Millisecond)
			if _, ok := w.Reason("linux", newJob(1, "linux").Repository); !ok {
				t.Error("nothing holds it back")
			}
			mended.Store(true)
			time.Sleep(time.Minute)
			if why, ok := w.Reason("linux", newJob(1, "linux").Repository); ok {
				t.Errorf("still %+v", why)
			}
		})
		held := seen.of(provisioner.EventHeld)
		if len(held) != 1 || held[0].Reason.Because != provisioner.BecauseCapacity || !strings.Contains(held[0].Reason.String(), "no capacity for linux") || held[0].Reason.Until.IsZero() {
			t.Errorf("the observer heard %+v", held)
		}
	})
}
