package provisioner_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// What an attempt knows is as old as the webhook, the list or the answer that it comes from.
func TestProvisionActsOnFreshKnowledgeAlone(t *testing.T) {
	const slow = 11 * time.Second
	for _, c := range []struct {
		name    string
		job     func(j *provisioner.Job)
		slow    string // the call that takes long
		state   []any
		want    provisioner.Status
		wantErr error
		calls   string
	}{
		{
			name: "a job that waited in the queue is asked about", job: func(j *provisioner.Job) { j.WaitingAt = time.Now().Add(-slow) },
			state: []any{provisioner.JobWaiting}, want: provisioner.StatusLaunched, calls: "job state, register, launch 7",
		},
		{
			name: "one that was queued a moment ago is not", job: func(j *provisioner.Job) { j.WaitingAt = time.Now().Add(-time.Second) },
			want: provisioner.StatusLaunched, calls: "register, launch 7",
		},
		{
			name: "a job that is old at GitHub is asked about, and the cloud too, whoever brings it", job: func(j *provisioner.Job) { j.CreatedAt = time.Now().Add(-30 * time.Second) },
			state: []any{provisioner.JobWaiting}, want: provisioner.StatusLaunched, calls: "job state, find, register, find, look up-2, launch 7",
		},
		{
			name: "one that was told of when it was new has the cloud left alone", job: func(j *provisioner.Job) {
				j.CreatedAt, j.WaitingAt = time.Now().Add(-20*time.Minute), time.Now().Add(-20*time.Minute)
			},
			state: []any{provisioner.JobWaiting}, want: provisioner.StatusLaunched, calls: "job state, register, launch 7",
		},
		{
			name: "an old job that has ended gets nothing", job: func(j *provisioner.Job) { j.CreatedAt = time.Now().Add(-20 * time.Hour) },
			state: []any{provisioner.JobEnded}, want: provisioner.StatusGone, calls: "job state",
		},
		{
			name: "a slow registration is followed by a question", slow: "register",
			state: []any{provisioner.JobWaiting}, want: provisioner.StatusLaunched, calls: "register, job state, launch 7",
		},
		{
			name: "a job that was cancelled during it leaves no registration", slow: "register",
			state: []any{provisioner.JobEnded}, want: provisioner.StatusGone, calls: "register, job state, remove 7",
		},
		{
			name: "one that can't be asked about then leaves none either", slow: "register",
			state: []any{fmt.Errorf("cut off: %w", context.Canceled)}, wantErr: context.Canceled, calls: "register, job state, remove 7",
		},
		{
			name: "a provider that has to wait asks, and goes on", slow: "launch",
			state: []any{provisioner.JobWaiting}, want: provisioner.StatusLaunched, calls: "register, launch 7, job state",
		},
		{
			name: "a provider that is told that the job is over makes nothing, and the registration goes", slow: "launch",
			state: []any{provisioner.JobRunning}, want: provisioner.StatusGone, calls: "register, launch 7, job state, remove 7",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := script{
					register: []any{int64(7)}, launch: []any{"i-1"}, remove: []any{nil}, find: []any{none}, state: c.state,
					before: func(call string) {
						if c.slow != "" && strings.HasPrefix(call, c.slow) {
							time.Sleep(slow)
						}
					},
				}
				j := job
				if c.job != nil {
					c.job(&j)
				}
				out, err := s.engine(t, nil).Provision(t.Context(), j)
				if out.Status != c.want || !errors.Is(err, c.wantErr) {
					t.Errorf("status %q, want %q; error %v", out.Status, c.want, err)
				}
				calls := strings.ReplaceAll(strings.Join(s.calls, ", "), " "+jobRunner, "")
				if calls != c.calls {
					t.Errorf("calls:\n got %s\nwant %s", calls, c.calls)
				}
			})
		})
	}
}

// A service that stops waits for attempts under way, and for what they undo.
func TestUndoingWaitsForASilentGitHubOnlyAsLongAsItsAttemptMay(t *testing.T) {
	for stopped, want := range map[bool]time.Duration{true: 10*time.Second + 5*time.Second, false: 90 * time.Second} {
		t.Run(fmt.Sprint("stopped: ", stopped), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, stop := context.WithCancel(t.Context())
				defer stop()
				if stopped {
					time.AfterFunc(10*time.Second, stop)
				}
				hangs := func(ctx context.Context) error {
					bounded, cancel := context.WithTimeout(ctx, 30*time.Second)
					defer cancel()
					<-bounded.Done()
					return errSilence
				}
				s := script{register: []any{int64(7)}, launch: []any{provisioner.ErrCapacity}, remove: []any{hangs}}
				begun := time.Now()
				_, err := s.engine(t, nil).Provision(ctx, job)
				if took := time.Since(begun); !errors.Is(err, provisioner.ErrNoAnswer) || took != want {
					t.Errorf("after %s, want %s: %v", took, want, err)
				}
			})
		})
	}
}
