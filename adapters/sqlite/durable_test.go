package sqlite_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/datawire/github-runner-provisioner/adapters/sqlite"
)

// failCommits makes every COMMIT fail that has stored a job named "uncommittable", and leave its
// transaction open, as a COMMIT on a broken disk may: by a constraint that is looked at only then.
func failCommits(t *testing.T, q *sqlite.Queue) {
	t.Helper()
	must(t, q.Exec(t.Context(), `create table parent (id integer primary key);
		create table child (id integer references parent deferrable initially deferred);
		create trigger uncommittable after insert on messages when instr(new.body, 'uncommittable') begin insert into child values (1); end`))
	must(t, q.Set(t.Context(), `pragma foreign_keys = on`))
}

func TestAJobWhoseCommitFailsIsNotAccepted(t *testing.T) {
	q := open(t, filepath.Join(t.TempDir(), "jobs.db"), sqlite.Config{})
	failCommits(t, q)
	for range 2 { // the first must leave no transaction open, which would fail the second in another way
		j := job(1)
		j.Name = "uncommittable"
		if _, err := q.Send(t.Context(), lane, j); err == nil || !strings.Contains(err.Error(), "FOREIGN KEY") {
			t.Fatalf("Send: %v", err)
		}
	}
	send(t, q, lane, 2, 1) // nothing was left of it
	for _, want := range []int64{2, 1} {
		if m := receive(t, q, lane); m.Job.ID != want {
			t.Errorf("received %s, want %d", m.Job, want)
		}
	}
	if depth, err := q.Depth(t.Context()); err != nil || depth[lane] != 2 {
		t.Errorf("Depth = %v, %v", depth, err)
	}
}

func TestACommitThatFailsFailsNothingButItsJobs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := open(t, filepath.Join(t.TempDir(), "jobs.db"), sqlite.Config{})
		failCommits(t, q)
		send(t, q, lane, 1, 2)
		first := receive(t, q, lane)
		inOneBatch(t, q,
			func() {
				j := job(3)
				j.Name = "uncommittable"
				if _, err := q.Send(t.Context(), lane, j); err == nil {
					t.Error("the job was accepted")
				}
			},
			func() { must(t, q.Delete(t.Context(), first)) },
			func() { receive(t, q, lane) },
		)
		if depth, err := q.Depth(t.Context()); err != nil || depth[lane] != 1 {
			t.Errorf("Depth = %v, %v", depth, err)
		}
	})
}

// TestWhatNeedsRoomGetsThatOfTheJobs has a job take the last pages of a full file before something
// else needs them in the same transaction: the job goes, and the rest stays.
func TestWhatNeedsRoomGetsThatOfTheJobs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := open(t, filepath.Join(t.TempDir(), "jobs.db"), sqlite.Config{})
		big := strings.Repeat("x", 60_000)
		must(t, q.Put(t.Context(), "room", big))
		must(t, q.Put(t.Context(), "room", ""))
		pages, err := q.Ask(t.Context(), "pragma page_count")
		must(t, err)
		must(t, q.Exec(t.Context(), "pragma max_page_count = "+pages))
		inOneBatch(t, q,
			func() {
				j := job(1)
				j.Name = big[:30_000]
				if _, err := q.Send(t.Context(), lane, j); err == nil || !strings.Contains(err.Error(), "full") {
					t.Errorf("Send: %v", err)
				}
			},
			func() { must(t, q.Put(t.Context(), "key", big[:40_000])) },
		)
		if value, _, err := q.Get(t.Context(), "key"); err != nil || len(value) != 40_000 {
			t.Errorf("Get: %d bytes, %v", len(value), err)
		}
	})
}

// inOneBatch has the writer take the operations into one transaction, in this order. It must be
// called in a bubble.
func inOneBatch(t *testing.T, q *sqlite.Queue, operations ...func()) {
	t.Helper()
	locked, release := make(chan struct{}), make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() {
		if err := sqlite.Hold(q, locked, release); err != nil {
			t.Error(err)
		}
	})
	<-locked
	for _, o := range operations {
		running.Go(o)
		synctest.Wait() // it waits for the writer
	}
	close(release)
	running.Wait()
}

// A file that was overwritten in place is noticed at once, and not when SQLite next reads what it
// keeps in its memory.
func TestPingNoticesAFileThatWasOverwritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "jobs.db")
	q := open(t, path, sqlite.Config{})
	must(t, q.Ping(t.Context()))
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	must(t, err)
	_, err = f.WriteAt([]byte(strings.Repeat("\x00", 4096)), 0)
	must(t, err)
	must(t, f.Close())
	if err := q.Ping(t.Context()); err == nil || !strings.Contains(err.Error(), "no SQLite database any more") {
		t.Errorf("Ping: %v", err)
	}
}
