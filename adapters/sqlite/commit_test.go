package sqlite_test

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/datawire/github-runner-provisioner/adapters/sqlite"
)

func TestSendersThatWaitShareOneCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "jobs.db")
		q := open(t, path, sqlite.Config{})
		send(t, q, lane, 1)
		synctest.Wait()
		before := commits(t, path)

		locked, release := make(chan struct{}), make(chan struct{})
		var sending sync.WaitGroup
		sending.Go(func() {
			if err := sqlite.Hold(q, locked, release); err != nil {
				t.Error(err)
			}
		})
		<-locked
		for id := range int64(100) {
			sending.Go(func() { send(t, q, lane, id+2) })
		}
		synctest.Wait() // all of them wait for the writer
		close(release)
		sending.Wait()
		if n := commits(t, path) - before; n != 1 {
			t.Errorf("100 jobs took %d commits", n)
		}
		if depth, err := q.Depth(t.Context()); err != nil || depth[lane] != 101 {
			t.Errorf("Depth = %v, %v", depth, err)
		}
	})
}

// commits counts the transactions in the write-ahead log: the last frame of each tells the size of
// the database (https://www.sqlite.org/fileformat2.html#the_write_ahead_log).
func commits(t *testing.T, path string) (n int) {
	t.Helper()
	wal, err := os.ReadFile(path + "-wal")
	must(t, err)
	const header, frameHeader, page = 32, 24, 4096
	for frame := wal[header:]; len(frame) >= frameHeader+page; frame = frame[frameHeader+page:] {
		if binary.BigEndian.Uint32(frame[4:]) != 0 {
			n++
		}
	}
	return n
}
