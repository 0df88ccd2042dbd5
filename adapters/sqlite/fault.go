package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"
)

// errForeign is a database of something else.
var errForeign = errors.New("the file is a database of something else")

// errDamaged is a file in which SQLite has found something wrong.
var errDamaged = errors.New("the file is damaged")

// describe names the file and what can be done about the error.
func describe(path string, err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("sqlite queue %s: %w", path, err)
	}
	if advice := adviceFor(err); advice != "" {
		return fmt.Errorf("sqlite queue %s: %w; %s", path, err, advice)
	}
	return fmt.Errorf("sqlite queue %s: %w", path, err)
}

const beginAnew = "stop the service and move the file, its -wal and its -shm away: a new one is made, and the reconciler finds the waiting jobs at GitHub, " +
	"in the repositories that it knows without the file; what was launched for the old file ends by itself, or set DEPLOYMENT to the old id, " +
	"which the log's line \"serving\" and the runners' label grp-deployment-ID show"

const full = "the disk is full"

func adviceFor(err error) string {
	if errors.Is(err, errForeign) {
		return "name another file"
	}
	if errors.Is(err, errDamaged) {
		return beginAnew
	}
	if errors.Is(err, syscall.ENOSPC) {
		return full
	}
	if errors.Is(err, fs.ErrNotExist) {
		return "its directory must exist, and a file in use must not be removed"
	}
	switch primary(err) {
	case lib.SQLITE_NOTADB, lib.SQLITE_CORRUPT:
		return "the file is damaged or no SQLite database: " + beginAnew
	case lib.SQLITE_FULL:
		return full
	case lib.SQLITE_READONLY, lib.SQLITE_CANTOPEN, lib.SQLITE_PERM:
		return "the file and its directory must be writable"
	case lib.SQLITE_BUSY, lib.SQLITE_LOCKED:
		return "another process keeps it locked"
	}
	return ""
}

// ownFault reports whether the error is about the statement's own values, so that the transaction
// may do without it.
func ownFault(err error) bool {
	switch primary(err) {
	case lib.SQLITE_CONSTRAINT, lib.SQLITE_TOOBIG, lib.SQLITE_MISMATCH:
		return true
	}
	return false
}

// primary is SQLite's result code, the low byte of the extended one; 0 for other errors
// (https://www.sqlite.org/rescode.html).
func primary(err error) int {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code() & 0xff
	}
	return 0
}
