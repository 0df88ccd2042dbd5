package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/datawire/github-runner-provisioner/adapters/sqlite"
)

func TestAFullDiskRefusesJobsUntilThereIsRoom(t *testing.T) {
	q := open(t, filepath.Join(t.TempDir(), "jobs.db"), sqlite.Config{})
	send(t, q, lane, 1)
	must(t, q.Exec(t.Context(), "pragma max_page_count = 20"))
	accepted := []int64{1}
	var err error
	for id := int64(2); err == nil && id < 1000; id++ {
		if _, err = q.Send(t.Context(), lane, job(id)); err == nil {
			accepted = append(accepted, id)
		}
	}
	if err == nil || !strings.Contains(err.Error(), "the disk is full") {
		t.Fatalf("the disk never was full: %v", err)
	}
	refused := accepted[len(accepted)-1] + 1
	for range accepted {
		must(t, q.Delete(t.Context(), receive(t, q, lane)))
	}
	send(t, q, lane, refused) // not a duplicate: nothing was left of it
	must(t, q.Exec(t.Context(), "pragma max_page_count = 100000"))
	send(t, q, lane, refused+1, refused+2)
	if m := receive(t, q, lane); m.Job.ID != refused {
		t.Errorf("received %s", m.Job)
	}
}

func TestAFullDiskFailsTheSendsOfABatchAndNothingElse(t *testing.T) {
	q := open(t, filepath.Join(t.TempDir(), "jobs.db"), sqlite.Config{})
	for id := range int64(60) {
		send(t, q, lane, id+1)
	}
	pages, err := q.Ask(t.Context(), "pragma page_count")
	must(t, err)
	must(t, q.Exec(t.Context(), "pragma max_page_count = "+pages))
	var group sync.WaitGroup
	var mu sync.Mutex
	refused := 0
	for i := range int64(40) {
		group.Go(func() {
			big := job(1000 + i)
			big.Name = strings.Repeat("x", 20_000)
			if _, err := q.Send(t.Context(), lane, big); err != nil {
				mu.Lock()
				refused++
				mu.Unlock()
			}
		})
		group.Go(func() {
			m, err := q.Receive(t.Context(), lane, nil)
			if err == nil {
				err = q.Extend(t.Context(), m, time.Hour)
			}
			if err != nil {
				t.Errorf("what needs no room failed: %v", err)
			}
		})
	}
	group.Wait()
	if refused != 40 {
		t.Errorf("%d of 40 jobs were refused", refused)
	}
}

func TestOneJobsOwnFaultFailsNoOther(t *testing.T) {
	q := open(t, filepath.Join(t.TempDir(), "jobs.db"), sqlite.Config{})
	must(t, q.Exec(t.Context(), `create trigger poison before insert on messages when instr(new.body, 'poison') begin select raise(abort, 'poisoned'); end`))
	var group sync.WaitGroup
	for id := range int64(64) {
		group.Go(func() {
			j := job(id + 1)
			poisoned := id%5 == 0
			if poisoned {
				j.Name = "poison"
			}
			_, err := q.Send(t.Context(), lane, j)
			if poisoned != (err != nil) {
				t.Errorf("job %d: %v", id+1, err)
			}
		})
	}
	group.Wait()
	must(t, q.Exec(t.Context(), `drop trigger poison`))
	send(t, q, lane, 1) // its identity was not kept either
}

func TestALockedFileIsWaitedForAsLongAsTheCallerLikes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "jobs.db")
	q, other := open(t, path, sqlite.Config{}), open(t, path, sqlite.Config{})
	locked, release, released := make(chan struct{}), make(chan struct{}), make(chan error)
	go func() {
		released <- sqlite.Hold(other, locked, release)
	}()
	<-locked
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := q.Send(ctx, lane, job(1)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Send: %v", err)
	}
	close(release)
	must(t, <-released)
	send(t, q, lane, 2)
}

func TestPing(t *testing.T) {
	for name, test := range map[string]struct {
		harm func(t *testing.T, q *sqlite.Queue, path string)
		says string
	}{
		"is content with a file that can be written": {func(*testing.T, *sqlite.Queue, string) {}, ""},
		"misses a file that was removed":             {func(t *testing.T, _ *sqlite.Queue, path string) { must(t, os.Remove(path)) }, "must not be removed"},
		"notices a file that was replaced": {func(t *testing.T, _ *sqlite.Queue, path string) {
			must(t, os.Rename(path, path+".old"))
			must(t, os.WriteFile(path, nil, 0o600))
		}, "replaced"},
		"notices a file that can't be written": {func(t *testing.T, q *sqlite.Queue, _ string) {
			must(t, q.Exec(t.Context(), `create trigger broken before insert on messages begin select raise(abort, 'no writing'); end`))
		}, "no writing"},
		"notices that the queue is closed": {func(t *testing.T, q *sqlite.Queue, _ string) { must(t, q.Close()) }, "closed"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "jobs.db")
			q := open(t, path, sqlite.Config{})
			test.harm(t, q, path)
			if got := fmt.Sprint(q.Ping(t.Context())); test.says == "" && got != "<nil>" || !strings.Contains(got, test.says) {
				t.Errorf("Ping: %s, want %q", got, test.says)
			}
		})
	}
}

// TestPingFailsNoLaterThanJobsDo fills files of many sizes, because it depends on which of the
// tables is the first to need another page.
func TestPingFailsNoLaterThanJobsDo(t *testing.T) {
	q := open(t, filepath.Join(t.TempDir(), "jobs.db"), sqlite.Config{})
	id := int64(1)
	for pages := 20; pages < 60; pages++ {
		must(t, q.Exec(t.Context(), fmt.Sprintf("pragma max_page_count = %d", pages)))
		for {
			if _, err := q.Send(t.Context(), lane, job(id)); err != nil {
				break
			}
			id++
		}
		if err := q.Ping(t.Context()); err == nil || !strings.Contains(err.Error(), "the disk is full") {
			t.Errorf("job %d is refused by a file of %d pages, and Ping: %v", id, pages, err)
		}
	}
}

func TestCloseEndsWhatWaits(t *testing.T) {
	q, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "jobs.db"), sqlite.Config{})
	must(t, err)
	waited := make(chan error)
	go func() {
		_, err := q.Receive(t.Context(), lane, nil)
		waited <- err
	}()
	must(t, q.Put(t.Context(), "key", "value"))
	must(t, q.Close())
	must(t, q.Close())
	if err := <-waited; err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("Receive: %v", err)
	}
	if _, err := q.Send(t.Context(), lane, job(1)); err == nil {
		t.Error("Send to a closed queue: no error")
	}
	if _, err := q.Receive(t.Context(), lane, nil); err == nil {
		t.Error("Receive from a closed queue: no error")
	}
}

func TestAReceiptOfAnotherQueueIsRefused(t *testing.T) {
	q := open(t, filepath.Join(t.TempDir(), "jobs.db"), sqlite.Config{})
	send(t, q, lane, 1)
	m := receive(t, q, lane)
	m.Receipt = "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a"
	if q.Delete(t.Context(), m) == nil || q.Extend(t.Context(), m, 0) == nil {
		t.Error("no error")
	}
}
