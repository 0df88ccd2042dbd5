package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"

	lib "modernc.org/sqlite/lib"
)

// busyTimeout is how long another process's transaction is waited for.
const busyTimeout = 5 * time.Second

// openFile opens the database with one connection, after a look at whether the file is whole, and
// brings its tables up to date. dir is where the file and those beside it lie, which a link may
// hide.
func openFile(ctx context.Context, path string) (db *sql.DB, info os.FileInfo, dir string, err error) {
	if err := makeFile(path); err != nil {
		return nil, nil, "", err
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, nil, "", err
	}
	if db, err = sql.Open("sqlite", source(abs)); err != nil {
		return nil, nil, "", err
	}
	db.SetMaxOpenConns(1)
	if err := prepare(ctx, db); err != nil {
		return nil, nil, "", errors.Join(err, db.Close())
	}
	info, err = os.Stat(abs)
	if err != nil {
		return nil, nil, "", errors.Join(err, db.Close())
	}
	target, err := filepath.EvalSymlinks(abs)
	if err != nil {
		return nil, nil, "", errors.Join(err, db.Close())
	}
	return db, info, filepath.Dir(target), nil
}

// source names the file, which is not to be made here, and what every connection is set to. A small
// cache is enough, because the process touches the two ends of the queue only.
func source(abs string) string {
	file := url.URL{Scheme: "file", Path: filepath.ToSlash(abs)}
	options := url.Values{"mode": {"rw"}, "_txlock": {"immediate"}, "_error_rc": {"1"}, "_pragma": {
		fmt.Sprintf("busy_timeout(%d)", busyTimeout.Milliseconds()), "synchronous(full)", "cache_size(-1024)", "mmap_size(0)", "journal_size_limit(4194304)",
	}}
	return file.String() + "?" + options.Encode()
}

// makeFile makes an empty file that only its owner may read, as SQLite then makes the others beside
// it. One that exists is not touched, least of all opened: closing it would take away the locks
// that this process has on it (https://www.sqlite.org/howtocorrupt.html).
func makeFile(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600) //nolint:gosec // the operator names it
	if errors.Is(err, fs.ErrExist) {
		info, err := os.Stat(path)
		if err == nil && !info.Mode().IsRegular() {
			err = errors.New("not a file")
		}
		return err
	}
	if err != nil {
		return err
	}
	return f.Close()
}

// prepare is begun anew while another process that opens the same file is in the way: SQLite does
// not wait for all of its locks by itself.
func prepare(ctx context.Context, db *sql.DB) error {
	for begun := time.Now(); ; {
		err := migrate(ctx, db)
		if err == nil {
			// Turned on here and not with the other settings, so that a file which is not ours
			// stays as it is. It stays on for good.
			_, err = db.ExecContext(ctx, `pragma journal_mode = wal`)
		}
		if code := primary(err); code != lib.SQLITE_BUSY && code != lib.SQLITE_LOCKED || time.Since(begun) > busyTimeout {
			return err
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		}
	}
}
