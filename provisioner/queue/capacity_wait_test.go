package queue_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/queue"
)

// A list of the worker's is so slow that one of the reconciler's overtakes it, which is old itself
// by the time that the worker counts.
func TestASlowListLeavesNobodyCountingOnAnOldOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limited := linux()
		limited.Max = 1
		c := &cloud{alive: map[int64]bool{}}
		e := &engine{types: []provisioner.RunnerType{limited}}
		slow := &slowLists{cloud: c, first: 35 * time.Second}
		w := queue.NewWorker(queue.NewMemory(0), e, queue.Config{Listers: map[string]provisioner.Lister{"cloud": slow}})
		time.AfterFunc(15*time.Second, func() { w.ObserveMachines("cloud", time.Now(), nil) })
		time.AfterFunc(20*time.Second, func() { c.set(1, true) }) // another replica's
		if _, err := w.Attempt(t.Context(), newJob(2, "linux"), time.Now()); err == nil {
			t.Error("a machine was launched beside the only one that there may be")
		}
	})
}

// slowLists takes its time for the first list.
type slowLists struct {
	*cloud
	first time.Duration
}

func (s *slowLists) List(ctx context.Context) ([]provisioner.Machine, error) {
	d := s.first
	s.first = 0
	time.Sleep(d)
	return s.cloud.List(ctx)
}
