package provisioner_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

var job = provisioner.Job{ID: 42, RunAttempt: 1, Repository: provisioner.Repository{Owner: "octo-org", Name: "app"}, Labels: []string{"ubuntu-arm64"}}

const jobRunner = "grp-ubuntu-arm64-42-1"

var (
	errTaken   = fmt.Errorf("409: %w", provisioner.ErrNameTaken)
	errSilence = fmt.Errorf("timeout: %w", provisioner.ErrNoAnswer)
	errBusy    = fmt.Errorf("422: %w", provisioner.ErrRunnerBusy)
	none       = []provisioner.Machine(nil)
)

func TestProvision(t *testing.T) {
	ours := []string{provisioner.DefaultDeployment.Label()}
	offline, foreign := provisioner.Runner{ID: 7, Name: jobRunner, Labels: ours}, provisioner.Runner{ID: 7, Name: jobRunner}
	for _, c := range []struct {
		name     string
		repeated bool
		world    script
		want     provisioner.Status
		wantErr  error
		calls    string
		took     time.Duration
	}{
		{
			name:  "a new job is registered and launched, with one call each",
			world: script{register: []any{int64(7)}, launch: []any{"i-1"}},
			want:  provisioner.StatusLaunched, calls: "register, launch 7",
		},
		{
			name: "a repeated attempt asks GitHub and the cloud first", repeated: true,
			world: script{state: []any{provisioner.JobWaiting}, find: []any{none}, register: []any{int64(7)}, launch: []any{"i-1"}},
			want:  provisioner.StatusLaunched, calls: "job state, find, register, find, look up -2, launch 7",
		},
		{
			name: "a job that runs already is gone", repeated: true,
			world: script{state: []any{provisioner.JobRunning}}, want: provisioner.StatusGone, calls: "job state",
		},
		{
			name: "a cancelled job is gone", repeated: true,
			world: script{state: []any{provisioner.JobEnded}}, want: provisioner.StatusGone, calls: "job state",
		},
		{
			name: "a job that GitHub can't tell about waits", repeated: true,
			world: script{state: []any{provisioner.ErrUnavailable}}, wantErr: provisioner.ErrUnavailable, calls: "job state",
		},
		{
			name: "a replacement under another name serves the job if its registration is current", repeated: true,
			world: script{state: []any{provisioner.JobWaiting}, find: []any{alive(9, jobRunner+"-2")}, rivals: second(provisioner.Runner{ID: 9})},
			want:  provisioner.StatusServed, calls: "job state, find, look up -2",
		},
		{
			name: "a replacement whose registration is gone does not", repeated: true,
			world: script{
				state: []any{provisioner.JobWaiting}, find: []any{alive(9, jobRunner+"-2")},
				register: []any{int64(7)}, launch: []any{"i-1"},
			},
			want: provisioner.StatusLaunched, calls: "job state, find, look up -2, register, find, look up -2, look up -3, launch 7",
		},
		{
			name: "nor does one whose name another registration holds", repeated: true,
			world: script{
				state: []any{provisioner.JobWaiting}, find: []any{alive(9, jobRunner+"-2")}, rivals: second(provisioner.Runner{ID: 11}),
				register: []any{int64(7)}, launch: []any{"i-1"},
			},
			want: provisioner.StatusLaunched, calls: "job state, find, look up -2, register, find, look up -2, look up -3, launch 7",
		},
		{
			name: "a replacement that is busy may have this very job", repeated: true,
			world: script{state: []any{provisioner.JobWaiting}, find: []any{alive(9, jobRunner+"-2")}, rivals: second(provisioner.Runner{ID: 9, Busy: true})},
			want:  provisioner.StatusServed, calls: "job state, find, look up -2",
		},
		{
			name: "one that turns busy meanwhile, and is in no list yet, is left alone", repeated: true,
			world: script{
				state: []any{provisioner.JobWaiting}, find: []any{none}, rivals: second(provisioner.Runner{ID: 9, Busy: true}), register: []any{int64(7)}, remove: []any{nil},
			},
			wantErr: provisioner.ErrUnavailable, calls: "job state, find, register, find, look up -2, remove 7",
		},
		{
			name: "two attempts under different names see each other once registered, and this one gives way", repeated: true,
			world: script{
				state: []any{provisioner.JobWaiting}, find: []any{alive(9, jobRunner)}, register: []any{int64(7)},
				rivals: second(provisioner.Runner{ID: 10, Labels: ours}), remove: []any{nil},
			},
			wantErr: provisioner.ErrUnavailable, calls: "job state, find, register, find, look up -2, remove 7",
		},
		{
			name:  "a taken name whose runner is online serves the job",
			world: script{register: []any{errTaken}, lookup: []any{provisioner.Runner{ID: 7, Online: true}}},
			want:  provisioner.StatusServed, calls: "register, look up",
		},
		{
			name:  "a taken name with a machine of that registration serves the job",
			world: script{register: []any{errTaken}, lookup: []any{offline}, find: []any{alive(7, jobRunner)}},
			want:  provisioner.StatusServed, calls: "register, look up, find",
		},
		{
			name: "a dead try is taken over after the grace time; a machine of the same name with another registration proves nothing",
			world: script{
				register: []any{errTaken, int64(8)}, lookup: []any{offline}, state: []any{provisioner.JobWaiting}, find: []any{alive(6, jobRunner)}, remove: []any{nil}, launch: []any{"i-2"},
			},
			want: provisioner.StatusLaunched, calls: "register, look up, find, look up, find, remove 7, job state, find, register, find, look up -2, launch 8", took: 20 * time.Second,
		},
		{
			name: "a machine that ended does not count",
			world: script{
				register: []any{errTaken, int64(8)}, lookup: []any{offline}, state: []any{provisioner.JobWaiting}, find: []any{[]provisioner.Machine{{RunnerID: 7, State: provisioner.MachineEnded}}},
				remove: []any{nil}, launch: []any{"i-2"},
			},
			want: provisioner.StatusLaunched, calls: "register, look up, find, look up, find, remove 7, job state, find, register, find, look up -2, launch 8", took: 20 * time.Second,
		},
		{
			name: "every new registration gets a grace time of its own",
			world: script{
				register: []any{errTaken, int64(9)}, lookup: []any{offline, provisioner.Runner{ID: 8, Labels: ours}, provisioner.Runner{ID: 8, Labels: ours}}, find: []any{none}, state: []any{provisioner.JobWaiting},
				remove: []any{nil}, launch: []any{"i-2"},
			},
			want:  provisioner.StatusLaunched,
			calls: "register, look up, find, look up, find, look up, find, remove 8, job state, find, register, find, look up -2, launch 9", took: 40 * time.Second,
		},
		{
			name:  "a registration that turns busy when it is to be removed serves the job",
			world: script{register: []any{errTaken}, lookup: []any{offline}, find: []any{none}, remove: []any{errBusy}},
			want:  provisioner.StatusServed, calls: "register, look up, find, look up, find, remove 7", took: 20 * time.Second,
		},
		{
			name:  "a name that is free again is registered",
			world: script{register: []any{errTaken, int64(8)}, lookup: []any{provisioner.ErrNotFound}, state: []any{provisioner.JobWaiting}, find: []any{none}, launch: []any{"i-1"}},
			want:  provisioner.StatusLaunched, calls: "register, look up, job state, find, register, find, look up -2, launch 8",
		},
		{
			name:  "and is not when it was the job's own runner that has just finished it",
			world: script{register: []any{errTaken}, lookup: []any{provisioner.ErrNotFound}, state: []any{provisioner.JobEnded}},
			want:  provisioner.StatusGone, calls: "register, look up, job state",
		},
		{
			name:  "nor when the job is cancelled in the grace time",
			world: script{register: []any{errTaken}, lookup: []any{offline}, find: []any{none}, remove: []any{nil}, state: []any{provisioner.JobEnded}},
			want:  provisioner.StatusGone, calls: "register, look up, find, look up, find, remove 7, job state", took: 20 * time.Second,
		},
		{
			name: "another deployment's registration stays, and the job takes the next name",
			world: script{
				register: []any{errTaken, int64(8)}, lookup: []any{foreign}, find: []any{none}, state: []any{provisioner.JobWaiting}, launch: []any{"i-1"},
			},
			want:  provisioner.StatusLaunched,
			calls: "register, look up, find, look up, find, job state, find, register -2, find, look up, launch 8", took: 20 * time.Second,
		},
		{
			name: "an unanswered registration of our own is taken over without a grace time",
			world: script{
				register: []any{errSilence, int64(8)}, lookup: []any{offline}, find: []any{none}, remove: []any{nil}, launch: []any{"i-1"},
			},
			want: provisioner.StatusLaunched, calls: "register, look up, find, remove 7, register, launch 8", took: time.Second,
		},
		{
			name: "but not where another attempt may have registered before, whose machine is not listed yet", repeated: true,
			world: script{
				state: []any{provisioner.JobWaiting}, register: []any{errSilence}, lookup: []any{offline}, find: []any{none, none, alive(7, jobRunner)},
			},
			want: provisioner.StatusServed, calls: "job state, find, register, look up, find, look up, find", took: 21 * time.Second,
		},
		{
			name:  "an unanswered registration that did not work is repeated",
			world: script{register: []any{errSilence, int64(8)}, lookup: []any{provisioner.ErrNotFound}, launch: []any{"i-1"}},
			want:  provisioner.StatusLaunched, calls: "register, look up, register, launch 8", took: time.Second,
		},
		{
			name:    "a silent GitHub is asked later",
			world:   script{register: []any{errSilence}, lookup: []any{provisioner.ErrUnavailable}},
			wantErr: provisioner.ErrUnavailable, calls: "register, look up", took: time.Second,
		},
		{
			name:  "a refused registration is not repeated",
			world: script{register: []any{provisioner.ErrRefused}}, wantErr: provisioner.ErrRefused, calls: "register",
		},
		{
			name:    "a launch without capacity is undone",
			world:   script{register: []any{int64(7)}, launch: []any{provisioner.ErrCapacity}, remove: []any{nil}},
			wantErr: provisioner.ErrCapacity, calls: "register, launch 7, remove 7",
		},
		{
			name:    "a refused launch is undone",
			world:   script{register: []any{int64(7)}, launch: []any{provisioner.ErrRefused}, remove: []any{nil}},
			wantErr: provisioner.ErrRefused, calls: "register, launch 7, remove 7",
		},
		{
			name:    "a throttled launch is undone",
			world:   script{register: []any{int64(7)}, launch: []any{&provisioner.RetryAfterError{After: time.Second, Err: errors.New("slow down")}}, remove: []any{nil}},
			wantErr: &provisioner.RetryAfterError{}, calls: "register, launch 7, remove 7",
		},
		{
			name:  "a failed launch whose runner has a job all the same serves it",
			world: script{register: []any{int64(7)}, launch: []any{provisioner.ErrUnavailable}, remove: []any{errBusy}},
			want:  provisioner.StatusServed, calls: "register, launch 7, remove 7",
		},
		{
			name:    "an unanswered launch keeps its registration: a machine may come up with it",
			world:   script{register: []any{int64(7)}, launch: []any{errSilence}},
			wantErr: provisioner.ErrNoAnswer, calls: "register, launch 7",
		},
		{
			name:    "an error nobody knows counts as unanswered",
			world:   script{register: []any{int64(7)}, launch: []any{errUnknown}},
			wantErr: errUnknown, calls: "register, launch 7",
		},
		{
			name:    "an unanswered removal is repeated until it has an answer: it may come late",
			world:   script{register: []any{int64(7)}, launch: []any{provisioner.ErrCapacity}, remove: []any{errSilence, errSilence, nil}},
			wantErr: provisioner.ErrCapacity, calls: "register, launch 7, remove 7, remove 7, remove 7", took: 2 * time.Second,
		},
		{
			name:    "a launch that failed and can't be undone says both",
			world:   script{register: []any{int64(7)}, launch: []any{provisioner.ErrCapacity}, remove: []any{provisioner.ErrUnavailable}},
			wantErr: provisioner.ErrUnavailable, calls: "register, launch 7, remove 7",
		},
		{
			name: "a machine that is over is started anew if the job still waits",
			world: script{
				register: []any{int64(7), int64(8)}, launch: []any{provisioner.ErrMachineEnded, "i-2"}, remove: []any{nil},
				state: []any{provisioner.JobWaiting}, find: []any{none},
			},
			want: provisioner.StatusLaunched, calls: "register, launch 7, remove 7, job state, find, register, find, look up -2, launch 8",
		},
		{
			name: "whoever takes the name meanwhile has the grace time, although an earlier registration of this attempt had no answer",
			world: script{
				register: []any{errSilence, int64(7), errTaken, int64(9)}, launch: []any{provisioner.ErrMachineEnded, "i-2"}, remove: []any{nil},
				lookup: []any{provisioner.ErrNotFound, provisioner.Runner{ID: 8, Name: jobRunner, Labels: ours}},
				state:  []any{provisioner.JobWaiting}, find: []any{none},
			},
			want: provisioner.StatusLaunched, took: 21 * time.Second,
			calls: "register, look up, register, launch 7, remove 7, job state, find, register, look up, find, look up, find, remove 8, job state, find, register, find, look up -2, launch 9",
		},
		{
			name: "and is not if the job has ended",
			world: script{
				register: []any{int64(7)}, launch: []any{provisioner.ErrMachineEnded}, remove: []any{nil}, state: []any{provisioner.JobEnded},
			},
			want: provisioner.StatusGone, calls: "register, launch 7, remove 7, job state",
		},
		{
			name:    "a cloud that can't be asked for the machine postpones the decision",
			world:   script{register: []any{errTaken}, lookup: []any{offline}, find: []any{provisioner.ErrUnavailable}},
			wantErr: provisioner.ErrUnavailable, calls: "register, look up, find",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				j := job
				j.Repeated = c.repeated
				out, err := c.world.engine(t, nil).Provision(t.Context(), j)
				var hint *provisioner.RetryAfterError
				switch {
				case c.wantErr == nil && err != nil:
					t.Errorf("error %v", err)
				case c.wantErr != nil && !errors.Is(err, c.wantErr) && !errors.As(err, &hint):
					t.Errorf("error %v, want %v", err, c.wantErr)
				}
				if found := strings.HasSuffix(c.calls, "find") || strings.HasSuffix(c.calls, "find, look up -2"); out.Status == provisioner.StatusServed && found && out.Machine.RunnerID != out.Runner.ID {
					t.Errorf("runner %d is served by machine %+v", out.Runner.ID, out.Machine)
				}
				if out.Status != c.want {
					t.Errorf("status %q, want %q", out.Status, c.want)
				}
				if got := c.world.told(); got != c.calls {
					t.Errorf("calls:\n got %s\nwant %s", got, c.calls)
				}
				if took := time.Since(start); took != c.took {
					t.Errorf("took %s, want %s", took, c.took)
				}
			})
		})
	}
}

var errUnknown = errors.New("something else")

func TestProvisionGivesUpANameThatKeepsChangingHands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := script{register: []any{errTaken}, lookup: []any{provisioner.ErrNotFound}, state: []any{provisioner.JobWaiting}, find: []any{none}}
		_, err := s.engine(t, nil).Provision(t.Context(), job)
		if !errors.Is(err, provisioner.ErrUnavailable) {
			t.Errorf("error %v, want unavailable", err)
		}
	})
}

func TestProvisionUndoesALaunchAlthoughItsTimeIsOver(t *testing.T) {
	s := script{register: []any{int64(7)}, remove: []any{nil}, launch: []any{provisioner.ErrCapacity}}
	ctx, cancel := context.WithCancel(t.Context())
	p := s.engine(t, observer(func(e provisioner.Event) {
		if e.Kind == provisioner.EventRegistered {
			cancel()
		}
	}))
	if _, err := p.Provision(ctx, job); !errors.Is(err, provisioner.ErrCapacity) {
		t.Errorf("error %v", err)
	}
	if !slices.Contains(s.calls, "remove 7") {
		t.Errorf("the registration was left behind: %v", s.calls)
	}
}

func TestProvisionStopsWaitingWhenItsContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		s := script{register: []any{errTaken}, lookup: []any{provisioner.Runner{ID: 7}}, find: []any{none}}
		_, err := s.engine(t, nil).Provision(ctx, job)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v, want the context's", err)
		}
	})
}

func TestProvisionRefusesLabelsNobodyServes(t *testing.T) {
	s := script{}
	j := job
	j.Labels = []string{"windows"}
	if _, err := s.engine(t, nil).Provision(t.Context(), j); !errors.Is(err, provisioner.ErrNoRunnerType) || !strings.Contains(err.Error(), "windows") {
		t.Errorf("error %v", err)
	}
}
