package reconcile_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/reconcile"
	"github.com/datawire/github-runner-provisioner/provisioner/reconcile/reconciletest"
)

// patchy is a GitHub at which one other repository, or one other organisation's, can't be read.
type patchy struct {
	*world
	dark provisioner.Repository
	err  error
}

func (p patchy) QueuedJobs(ctx context.Context, r provisioner.Repository, l provisioner.Look) (provisioner.Sight, error) {
	if r == p.dark {
		return provisioner.Sight{Complete: true}, p.err
	}
	return p.world.QueuedJobs(ctx, r, l)
}

var elsewhere = provisioner.Repository{Owner: "elsewhere", Name: "broken"}

func TestWhatCanNotBeReadElsewhereIsNoReasonToKeepAMachine(t *testing.T) {
	for name, err := range map[string]error{
		"it fails":        &provisioner.GitHubError{Target: provisioner.Target{Owner: elsewhere.Owner, Repo: elsewhere.Name}, Err: provisioner.ErrUnavailable},
		"it is limited":   &provisioner.GitHubError{Err: &provisioner.RetryAfterError{After: time.Hour, Err: provisioner.ErrUnavailable}},
		"it is forbidden": &provisioner.GitHubError{Err: provisioner.ErrRefused},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &world{}
				w.machine(1, time.Hour)                                    // its registration is gone
				w.launch(2, time.Hour, provisioner.Runner{})               // it never came up
				w.launch(3, time.Hour, provisioner.Runner{Online: true})   // nobody needs it
				w.launch(4, 7*time.Hour, provisioner.Runner{Online: true}) // it is too old
				w.launch(5, time.Minute, provisioner.Runner{})             // its machine is not there
				w.machines = slices.DeleteFunc(w.machines, func(m provisioner.Machine) bool { return m.ID == "i-5" })
				s := reconcile.New(w, patchy{w, elsewhere, err}, w, w, reconcile.Config{Repositories: []provisioner.Repository{app, elsewhere}})
				did := strings.Join(sweeps(t, w, s, 3), ", ")
				for _, want := range []string{"terminate i-1", "remove 102, ", "terminate i-2", "terminate i-3", "terminate i-4", "remove 105"} {
					if !strings.Contains(did, want) {
						t.Errorf("no %q: %s", want, did)
					}
				}
			})
		})
	}
}

// The workers launch them, so that a sweep takes no longer for them.
func TestAllLostJobsAreQueuedInOneSweepOldestFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		var want []int64
		for id := range int64(200) {
			w.queue(1000 - id)
			want = append(want, 1000-id)
			time.Sleep(time.Second)
		}
		var calls [][]int64
		worker := &reconciletest.WorkerMock{
			RequeueFunc: func(_ context.Context, jobs []provisioner.Job) ([]provisioner.Job, error) {
				var ids []int64
				for _, j := range jobs {
					ids = append(ids, j.ID)
				}
				calls = append(calls, ids)
				return jobs, nil
			},
			AttemptingFunc:      func(provisioner.Job) bool { return false },
			ObserveMachinesFunc: func(string, time.Time, []provisioner.Machine) {},
		}
		s := reconcile.New(w, w, w, worker, reconcile.Config{Repositories: []provisioner.Repository{app}})
		sweeps(t, w, s, 2)
		if len(calls) != 1 || !slices.Equal(calls[0], want) {
			t.Errorf("the sweeps queued %v", calls)
		}
	})
}

func TestATypeIsFoundBrokenWhateverCanNotBeReadElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		for id := range int64(5) {
			w.launch(id+1, 6*time.Minute, provisioner.Runner{})
		}
		s := reconcile.New(w, patchy{w, elsewhere, provisioner.ErrUnavailable}, w, w, reconcile.Config{Repositories: []provisioner.Repository{app, elsewhere}})
		sweeps(t, w, s, 2)
		if !w.broken["linux"] {
			t.Error("five machines did not boot, and the type is not broken")
		}
	})
}

// An organisation's machines serve all of its repositories: while the jobs of one are unknown,
// none of them is known to be too many.
func TestAnOrganisationsMachinesAreNotTooManyWhileOneRepositoryCanNotBeRead(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		goes bool
	}{
		"it fails":        {provisioner.ErrUnavailable, false},
		"it is forbidden": {&provisioner.GitHubError{Err: provisioner.ErrRefused}, true},
		"it is read":      {nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &world{scope: provisioner.ScopeOrganization}
				w.launch(1, time.Hour, provisioner.Runner{Online: true})
				other := provisioner.Repository{Owner: app.Owner, Name: "other"}
				s := reconcile.New(w, patchy{w, other, c.err}, w, w, reconcile.Config{Repositories: []provisioner.Repository{app, other}})
				if did := strings.Join(sweeps(t, w, s, 3), ", "); strings.Contains(did, "terminate") != c.goes {
					t.Errorf("the sweeps did: %s", did)
				}
			})
		})
	}
}

// A job that waits may be among the jobs of a workflow run that is still to be read.
func TestNoMachineIsTooManyWhileWorkflowRunsAreStillToBeRead(t *testing.T) {
	for _, scope := range []provisioner.Scope{provisioner.ScopeRepository, provisioner.ScopeOrganization} {
		synctest.Test(t, func(t *testing.T) {
			w := &world{scope: scope, partial: true}
			w.launch(1, time.Hour, provisioner.Runner{Online: true})
			s := newSweeper(w, reconcile.Config{})
			if did := sweeps(t, w, s, 3); strings.Join(did, "") != "" {
				t.Errorf("the sweeps did %q", did)
			}
			w.partial = false
			if did := sweeps(t, w, s, 2); !strings.Contains(did[1], "terminate i-1") {
				t.Errorf("and then %q", did)
			}
		})
	}
}

func TestSweepsLeaveAloneWhatACredentialWithLittleQuotaSees(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		w.queue(1)
		w.machine(2, time.Hour)
		low := map[string]bool{app.Owner: true, elsewhere.Owner: true}
		remaining := 499
		s := newSweeper(w, reconcile.Config{Repositories: []provisioner.Repository{elsewhere}, Quota: func(t provisioner.Target) (int, int, time.Time) {
			if !low[t.Owner] {
				return 5000, 5000, time.Now().Add(10 * time.Minute)
			}
			return remaining, 5000, time.Now().Add(10 * time.Minute)
		}})
		r, err := s.Sweep(t.Context())
		if err != nil || r.PutOff != 2 {
			t.Errorf("report %+v, %v", r, err)
		}
		if did := strings.Join(sweeps(t, w, s, 3), ""); did != "" {
			t.Errorf("with little left: %q", did)
		}
		low[app.Owner] = false // another credential's troubles
		if did := sweeps(t, w, s, 2); did[1] != "start grp-linux-1-1, terminate i-2" {
			t.Errorf("beside a credential with little left: %q", did)
		}
		low[app.Owner], remaining = true, 500
		w.machine(3, time.Hour)
		if did := sweeps(t, w, s, 2); !strings.Contains(did[1], "terminate i-3") {
			t.Errorf("with a tenth left: %q", did)
		}
	})
}
