package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"os"

	"github.com/datawire/github-runner-provisioner/provisioner/queue"
)

const (
	// pingJob is whose message Ping stores and deletes, in one transaction: no job has this id.
	pingJob = -1
	// pingSize is more than several jobs need, so that Ping fails no later than they do.
	pingSize = 16 << 10
)

// Ping reports whether jobs can be stored: it stores a large one and deletes it again, and sees
// that the file is still the one at its path. That costs as much as a job does, a confirmation of
// the disk, so ask no more often than you need to know.
func (q *Queue) Ping(ctx context.Context) error {
	now, err := os.Stat(q.path)
	if err != nil {
		return describe(q.path, err)
	}
	if !os.SameFile(q.file, now) {
		return describe(q.path, fmt.Errorf("the file has been replaced by another; restart the service"))
	}
	if err := q.looksWhole(); err != nil {
		return describe(q.path, err)
	}
	return q.do(&operation{ctx: ctx, send: true, run: func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(context.Background(), storeJob, pingJob, 1, queue.Unsorted, "", 0, 0, make([]byte, pingSize)); err != nil {
			return err
		}
		_, err := tx.ExecContext(context.Background(), `delete from messages where job = ?`, pingJob)
		return err
	}})
}

// magic begins every SQLite file (https://www.sqlite.org/fileformat.html#the_database_header).
const magic = "SQLite format 3\x00"

// looksWhole reads what SQLite itself takes from its cache.
func (q *Queue) looksWhole() error {
	f, err := os.Open(q.path)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // nothing was written
	begin := make([]byte, len(magic))
	if _, err := io.ReadFull(f, begin); err != nil || string(begin) != magic {
		return fmt.Errorf("the file is no SQLite database any more: restore it, or move it away and restart the service")
	}
	return nil
}

// Depth implements [queue.Depth].
func (q *Queue) Depth(ctx context.Context) (depth map[string]int, err error) {
	err = q.do(&operation{ctx: ctx, run: func(tx *sql.Tx) (err error) {
		depth, err = countByLane(context.Background(), tx)
		return err
	}})
	return depth, err
}

type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func countByLane(ctx context.Context, db querier) (map[string]int, error) {
	rows, err := db.QueryContext(ctx, `select lane, count(*) from messages group by lane`)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // rows.Err has told
	lanes := make(map[string]int)
	for rows.Next() {
		var name string
		var n int
		if err := rows.Scan(&name, &n); err != nil {
			return nil, err
		}
		lanes[name] = n
	}
	return lanes, rows.Err()
}
