package journal_test

import (
	"testing"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/journal"
)

// full is a journal that has as many jobs as it keeps, all over but for some.
func full(b *testing.B) *journal.Journal {
	b.Helper()
	w := newWorld(journal.Config{})
	for id := range int64(10_000) {
		w.do(of(1+id, app, accepted))
		if id%10 != 0 {
			w.do(of(1+id, app, launch("i-1"), ended(minute, "i-1", "success")))
		}
	}
	return w.Journal
}

// BenchmarkObserve takes in the delivery of a new job: what a webhook's answer waits for.
func BenchmarkObserve(b *testing.B) {
	j := full(b)
	e := provisioner.Event{Kind: provisioner.EventAccepted, RunnerType: "linux", At: time.Now(), Job: newJob(20_000)}
	b.ReportAllocs()
	for b.Loop() {
		e.Job.ID++
		j.Observe(b.Context(), e)
	}
}

// BenchmarkObserveKnown takes in another event of a job that is known.
func BenchmarkObserveKnown(b *testing.B) {
	j := full(b)
	e := provisioner.Event{Kind: provisioner.EventDuplicate, RunnerType: "linux", At: time.Now(), Job: newJob(1)}
	b.ReportAllocs()
	for b.Loop() {
		j.Observe(b.Context(), e)
	}
}

// BenchmarkExplain explains a job that waits with a thousand others.
func BenchmarkExplain(b *testing.B) {
	j := full(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := j.Explain(1); !ok {
			b.Fatal("it is not known")
		}
	}
}
