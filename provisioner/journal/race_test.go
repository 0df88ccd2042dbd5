package journal_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/journal"
)

// TestManyMayAskAndTellAtOnce is for the race detector.
func TestManyMayAskAndTellAtOnce(t *testing.T) {
	s := &store{}
	w := newWorld(journal.Config{Store: s, Jobs: 150, Changed: func(context.Context, journal.Job) {}})
	var running, g sync.WaitGroup
	ctx, stop := context.WithCancel(t.Context())
	running.Go(func() { w.Run(ctx) })
	for n := range int64(4) {
		g.Go(func() {
			for i := range int64(200) {
				w.do(of(1+(n*50+i)%180, app, accepted, held(capacity, time.Hour), launch("i-1"), online("i-1"), started(second, "i-1"), ended(minute, "i-1", "success")), of(200+i, lib, ignored))
			}
		})
		g.Go(func() {
			for i := range int64(100) {
				w.Explain(i)
				w.Types()
				w.Machines()
				w.Waits()
				w.LastHour()
				w.Swept(time.Now(), []journal.Machine{{Machine: provisioner.Machine{ID: "i-1"}}}, nil)
				w.holds.set("linux", capacity)
				w.Ask(w.holds)
				for _, j := range w.Jobs(nil) {
					_ = j.Because()
				}
				select {
				case <-w.News():
				default:
				}
			}
		})
	}
	g.Wait()
	stop()
	running.Wait()
	for _, j := range w.Jobs(nil) {
		if j.State != journal.Ended && j.State != journal.Ignored {
			t.Errorf("job %d is %s", j.ID, j.State)
		}
		if s.rows[j.ID] == nil {
			t.Errorf("job %d is not written down", j.ID)
		}
	}
	if counted, are := w.Unused(); counted != are {
		t.Errorf("%d jobs that no type serves, counted as %d", are, counted)
	}
}
