package sqlite_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/datawire/github-runner-provisioner/adapters/sqlite"
)

// smallDisk is a directory on a disk of its own with room for 12 MiB.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=12m"); err != nil {
		t.Skipf("NOT TESTED: what a full disk does needs a small file system, and mounting one is not allowed here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill takes all room that is left, with a file that it names.
func fill(t *testing.T, dir string) string {
	t.Helper()
	path := filepath.Join(dir, "others")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	must(t, err)
	defer func() { must(t, f.Close()) }()
	for {
		if _, err := f.Write(make([]byte, 4096)); errors.Is(err, syscall.ENOSPC) {
			return path
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// sendUntilFull sends jobs of some size from that id on until one is refused, and returns its id.
func sendUntilFull(t *testing.T, q *sqlite.Queue, id int64) int64 {
	t.Helper()
	for ; id < 1_000_000; id++ {
		j := job(id)
		j.Name = strings.Repeat("x", 4000)
		if _, err := q.Send(t.Context(), lane, j); err != nil {
			if !strings.Contains(err.Error(), "the disk is full") {
				t.Fatalf("Send: %v", err)
			}
			return id
		}
	}
	t.Fatal("the disk never was full")
	return 0
}

// TestAFullDiskRefusesJobsAndHoldsUpNoneThatWereAccepted is about a disk that others have filled,
// and about one that the queue has filled itself.
func TestAFullDiskRefusesJobsAndHoldsUpNoneThatWereAccepted(t *testing.T) {
	for name, others := range map[string]bool{"filled by others": true, "filled by the queue itself": false} {
		t.Run(name, func(t *testing.T) {
			dir := smallDisk(t)
			q := open(t, filepath.Join(dir, "jobs.db"), sqlite.Config{Visibility: time.Hour})
			send(t, q, lane, 1, 2, 3)
			must(t, q.Ping(t.Context()))
			if others {
				fill(t, dir)
			}
			refused := sendUntilFull(t, q, 4)
			if err := q.Ping(t.Context()); err == nil || !strings.Contains(err.Error(), "the disk is full") {
				t.Errorf("jobs are refused, and Ping: %v", err)
			}
			for n := range 300 { // they come back and back, as jobs that have to wait do
				must(t, q.Extend(t.Context(), receive(t, q, lane), 0))
				if n == 0 && others {
					fill(t, dir) // what has been made room is gone at once
				}
			}
			for range refused - 1 {
				must(t, q.Delete(t.Context(), receive(t, q, lane)))
			}
		})
	}
}

// TestJobsAreAcceptedAgainOnceTheDiskHasRoom has the reserve made anew, which is not tried at every
// job.
func TestJobsAreAcceptedAgainOnceTheDiskHasRoom(t *testing.T) {
	dir := smallDisk(t)
	q := open(t, filepath.Join(dir, "jobs.db"), sqlite.Config{})
	send(t, q, lane, 1)
	others := fill(t, dir)
	refused := sendUntilFull(t, q, 2)
	must(t, q.Delete(t.Context(), receive(t, q, lane))) // with the reserve's room
	fill(t, dir)
	if _, err := q.Send(t.Context(), lane, job(refused)); err == nil {
		t.Error("a job was accepted without a reserve")
	}
	must(t, os.Remove(others))
	for deadline := time.Now().Add(time.Minute); q.Ping(t.Context()) != nil; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("Ping: %v", q.Ping(t.Context()))
		}
	}
	send(t, q, lane, refused)
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 3 {
		t.Errorf("the disk holds %v, %v, want the file and the two beside it", entries, err)
	}
}

// TestAQueueOpensOnAFullDisk is about a service that is started anew to help it: what was accepted
// is launched.
func TestAQueueOpensOnAFullDisk(t *testing.T) {
	dir := smallDisk(t)
	path := filepath.Join(dir, "jobs.db")
	q := open(t, path, sqlite.Config{})
	send(t, q, lane, 1)
	must(t, q.Close())
	others := fill(t, dir)
	must(t, os.Truncate(others, fileSize(t, others)-256<<10))
	q = open(t, path, sqlite.Config{})
	if err := q.Ping(t.Context()); err == nil || !strings.Contains(err.Error(), "the disk is full") {
		t.Errorf("Ping: %v", err)
	}
	must(t, q.Delete(t.Context(), receive(t, q, lane)))
}

func fileSize(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	must(t, err)
	return info.Size()
}
