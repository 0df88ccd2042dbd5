package sqlite_test

import (
	"context"
	"maps"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/datawire/github-runner-provisioner/adapters/sqlite"
	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/journal"
)

func TestWhatBecameOfJobsIsThereAfterTheFileWasClosed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "q.db")
	reopen := func() *sqlite.Queue {
		q, err := sqlite.Open(t.Context(), path, sqlite.Config{})
		if err != nil {
			t.Fatal(err)
		}
		return q
	}
	save := func(q *sqlite.Queue, jobs map[int64][]byte, forgotten ...int64) {
		if err := q.SaveJobs(t.Context(), jobs, forgotten); err != nil {
			t.Fatal(err)
		}
	}
	q := reopen()
	save(q, map[int64][]byte{1: []byte("one"), 2: []byte("two"), 3: []byte("three")})
	save(q, map[int64][]byte{2: []byte("two again")}, 3, 4)
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	q = reopen()
	defer func() { _ = q.Close() }()
	got, err := q.LoadJobs(t.Context())
	want := map[int64][]byte{1: []byte("one"), 2: []byte("two again")}
	if err != nil || !maps.EqualFunc(got, want, slices.Equal) {
		t.Errorf("%v, %v", got, err)
	}
}

func TestTheJobsThatWaitAreListedOldestFirst(t *testing.T) {
	q, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "q.db"), sqlite.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = q.Close() }()
	for _, id := range []int64{3, 1, 2} {
		if _, err := q.Send(t.Context(), "linux", provisioner.Job{ID: id, Repository: provisioner.Repository{Owner: "o", Name: "r"}}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := q.Receive(t.Context(), "linux", nil); err != nil { // one in somebody's hands waits all the same
		t.Fatal(err)
	}
	list, err := q.Waiting(t.Context(), 2)
	if err != nil || len(list) != 2 || list[0].Job.ID != 3 || list[1].Job.ID != 1 || list[0].Lane != "linux" || list[0].Accepted.IsZero() {
		t.Errorf("%+v, %v", list, err)
	}
}

// TestAJournalIsKeptInTheFile has a journal written down once, and read by another process.
func TestAJournalIsKeptInTheFile(t *testing.T) {
	q, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "q.db"), sqlite.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = q.Close() }()
	j := journal.New(journal.Config{Store: q})
	job := provisioner.Job{ID: 7, Repository: provisioner.Repository{Owner: "o", Name: "r"}, Labels: []string{"linux"}}
	for _, e := range []provisioner.Event{
		{Kind: provisioner.EventAccepted, At: time.Now().Add(-time.Minute)},
		{Kind: provisioner.EventLaunched, Machine: provisioner.Machine{ID: "i-1"}},
	} {
		e.Job, e.RunnerType = job, "linux"
		j.Observe(t.Context(), e)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	j.Run(ended)
	again := journal.New(journal.Config{Store: q})
	if err := again.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, ok := again.Explain(7); !ok || got.State != journal.Booting || got.Machine != "i-1" || len(got.Timeline) != 2 {
		t.Errorf("%+v, %t", got, ok)
	}
}
