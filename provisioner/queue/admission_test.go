package queue_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/queue"
)

// A job that was stored for one type is another's once the catalogue has changed.
func TestAJobInAnotherTypesLaneHoldsItUpNoLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limited := linux()
		limited.Max = 500
		fake := &crowd{full: true}
		e := &engine{types: []provisioner.RunnerType{limited, mac()}}
		tried := func() (ids []int64) {
			for _, a := range e.attempts() {
				ids = append(ids, a.job)
			}
			return ids
		}
		depth := work(t, e, queue.Config{Listers: map[string]provisioner.Lister{"cloud": fake}}, time.Minute, func(q *queue.Memory, _ *queue.Worker) {
			if _, err := q.Send(t.Context(), "mac", newJob(1, "linux")); err != nil {
				t.Fatal(err)
			}
			send(t, q, newJob(2, "mac"))
			time.Sleep(time.Minute)
			if got := tried(); !slices.Equal(got, []int64{2}) {
				t.Errorf("the jobs %v were tried while the first job's type was full, want 2 alone", got)
			}
			if depth, err := q.Depth(t.Context()); err != nil || depth["linux"] != 1 || depth["mac"] != 0 {
				t.Errorf("%v wait, %v: want the first job, in the lane of its type", depth, err)
			}
			fake.set(false, false)
		})
		if got := tried(); !slices.Equal(got, []int64{2, 1}) || depth["linux"]+depth["mac"] != 0 {
			t.Errorf("the jobs %v were tried, and %v wait still", got, depth)
		}
	})
}
