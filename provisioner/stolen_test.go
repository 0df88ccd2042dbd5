package provisioner_test

import (
	"errors"
	"testing"
	"testing/synctest"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// The reconciler asks for a third machine because the runners of the first two have other jobs; the
// second's is looked at here.
func TestWhetherABusyRunnerOfTheJobsOwnHasAnotherJob(t *testing.T) {
	busy := provisioner.Runner{ID: 9, Busy: true}
	for _, c := range []struct {
		name    string
		stolen  int64
		world   script
		want    provisioner.Status
		wantErr error
		calls   string
	}{
		{
			name: "the reconciler has seen it, and the job gets its machine", stolen: busy.ID,
			world: script{
				state: []any{provisioner.JobWaiting}, find: []any{alive(9, jobRunner+"-2")}, rivals: second(busy),
				lookup: []any{provisioner.ErrNotFound}, register: []any{int64(7)}, launch: []any{"i-1"},
			},
			want: provisioner.StatusLaunched, calls: "job state, find, look up -2, register -3, find, look up, look up -2, job state, launch 7",
		},
		{
			name: "it is another one that has the name since, and may have this very job", stolen: busy.ID - 1,
			world: script{state: []any{provisioner.JobWaiting}, find: []any{alive(9, jobRunner+"-2")}, rivals: second(busy)},
			want:  provisioner.StatusServed, calls: "job state, find, look up -2",
		},
		{
			name: "so may one whose machine no list shows yet", stolen: busy.ID - 1,
			world: script{
				state: []any{provisioner.JobWaiting}, find: []any{none}, rivals: second(busy),
				lookup: []any{provisioner.ErrNotFound}, register: []any{int64(7)}, remove: []any{nil},
			},
			wantErr: provisioner.ErrUnavailable, calls: "job state, find, register -3, find, look up, look up -2, remove 7",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				j := job
				j.Repeated, j.Generation, j.Stolen = true, 3, []int64{1, c.stolen}
				out, err := c.world.engine(t, nil).Provision(t.Context(), j)
				if out.Status != c.want || !errors.Is(err, c.wantErr) {
					t.Errorf("status %q, %v, want %q, %v", out.Status, err, c.want, c.wantErr)
				}
				if got := c.world.told(); got != c.calls {
					t.Errorf("calls:\n got %s\nwant %s", got, c.calls)
				}
			})
		})
	}
}
