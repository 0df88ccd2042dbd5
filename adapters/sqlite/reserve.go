package sqlite

import (
	"fmt"
	"math/rand/v2"
	"os"
	"time"
)

const (
	// reserveSize is the most by which the file grows at once, when SQLite writes the log's 1,000
	// pages into it (https://www.sqlite.org/pragma.html#pragma_wal_autocheckpoint).
	reserveSize = 4 << 20
	// reservePause is the time between two tries to have the reserve again.
	reservePause = time.Second
)

// reserve is room on the queue's disk that is given up when the disk is full, so that what has been
// accepted can still be launched and deleted. No job is accepted without it. It is a file that has
// no name, so that it goes with the process however that ends. It is the writer's.
type reserve struct {
	dir   string
	file  *os.File // nil while there is no reserve
	tried time.Time
	err   error // of the last try
}

// hold makes sure that there is a reserve.
func (r *reserve) hold() error {
	if r.file != nil || time.Since(r.tried) < reservePause {
		return r.err
	}
	r.file, r.err = takeRoom(r.dir)
	if r.err != nil {
		r.err = fmt.Errorf("no %d MiB can be kept in reserve: %w", reserveSize>>20, r.err)
		r.tried = time.Now()
	}
	return r.err
}

// release gives the reserve up, if there is one.
func (r *reserve) release() {
	if r.file != nil {
		_ = r.file.Close() // a file without a name: its room is free now
		r.file = nil
	}
}

func takeRoom(dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, ".reserve-*")
	if err != nil {
		return nil, err
	}
	_ = os.Remove(f.Name())
	noise := make([]byte, 64<<10) // of zeros some file systems make nothing
	_, _ = rand.NewChaCha8([32]byte{}).Read(noise)
	for n := 0; n < reserveSize; n += len(noise) {
		if _, err := f.Write(noise); err != nil {
			_ = f.Close()
			return nil, err
		}
	}
	return f, nil
}
