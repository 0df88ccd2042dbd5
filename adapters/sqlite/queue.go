package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner/queue"
)

// Config of a [Queue]. The zero value means the defaults.
type Config struct {
	// Lanes are the lanes that exist. Messages of others move to [queue.Unsorted] when the queue is
	// opened. Empty means that all stay where they are.
	Lanes []string
	// Retention is how long the identity of an accepted job is remembered. Defaults to four days:
	// GitHub redelivers webhooks for three, GitHub Enterprise Server for seven
	// (https://docs.github.com/en/webhooks/testing-and-troubleshooting-webhooks/redelivering-webhooks).
	Retention time.Duration
	// Visibility is how long a received message stays hidden unless it is extended. Defaults to
	// [queue.Visibility].
	Visibility time.Duration
	// Logger defaults to nobody.
	Logger *slog.Logger
}

// Queue keeps jobs in a SQLite file. It is safe for concurrent use, and by several processes on one
// machine.
type Queue struct {
	path string
	cfg  Config
	db   *sql.DB     // one connection, which is the writer's once the queue is open
	file os.FileInfo // the file as it was when it was opened
	room reserve

	operations chan *operation
	closing    chan struct{}
	stopped    chan struct{} // closed when the writer has ended
	background sync.WaitGroup
	closeOnce  sync.Once
	closeErr   error
	version    int64        // SQLite's count of other processes' transactions; the writer's
	waiting    atomic.Int32 // receivers that wait

	mu    sync.Mutex
	lanes map[string]*lane
}

var (
	_ queue.Queue = (*Queue)(nil)
	_ queue.Depth = (*Queue)(nil)
)

var errClosed = errors.New("sqlite queue: closed")

// Open opens the queue in a file, which is made (readable by its owner alone) if there is none; its
// directory must exist. ctx bounds the opening only. [Queue.Close] ends it.
func Open(ctx context.Context, path string, cfg Config) (*Queue, error) {
	var faults []error
	if path == "" {
		faults = append(faults, errors.New("no file is named"))
	}
	if cfg.Retention < 0 {
		faults = append(faults, fmt.Errorf("retention is %s", cfg.Retention))
	}
	if cfg.Visibility < 0 {
		faults = append(faults, fmt.Errorf("visibility is %s", cfg.Visibility))
	}
	if err := errors.Join(faults...); err != nil {
		return nil, fmt.Errorf("sqlite queue: %w", err)
	}
	cfg.Retention = cmp.Or(cfg.Retention, 4*24*time.Hour)
	cfg.Visibility = cmp.Or(cfg.Visibility, queue.Visibility)
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	db, file, dir, err := openFile(ctx, path)
	if err != nil {
		return nil, describe(path, err)
	}
	q := &Queue{
		path: path, cfg: cfg, db: db, file: file, room: reserve{dir: dir}, lanes: make(map[string]*lane),
		operations: make(chan *operation, batchSize), closing: make(chan struct{}), stopped: make(chan struct{}),
	}
	err = q.moveUnsorted(ctx)
	if err == nil {
		err = q.discover(ctx, db)
	}
	if err != nil {
		return nil, describe(path, errors.Join(err, db.Close()))
	}
	if err := q.room.hold(); err != nil {
		cfg.Logger.WarnContext(ctx, "no job is accepted until the queue's disk has room", "error", err)
	}
	q.background.Go(q.write)
	q.background.Go(q.forget)
	return q, nil
}

// Close ends the queue: calls that wait return an error, and the file is left in one piece. Further
// calls return the same.
func (q *Queue) Close() error {
	q.closeOnce.Do(func() {
		close(q.closing)
		q.background.Wait()
		q.room.release()
		if err := q.db.Close(); err != nil {
			q.closeErr = describe(q.path, err)
		}
	})
	return q.closeErr
}

// moveUnsorted moves the messages of lanes that no longer exist. It works lane by lane, as there
// are few.
func (q *Queue) moveUnsorted(ctx context.Context) error {
	if len(q.cfg.Lanes) == 0 {
		return nil
	}
	exist := map[string]bool{queue.Unsorted: true}
	for _, l := range q.cfg.Lanes {
		exist[l] = true
	}
	lanes, err := countByLane(ctx, q.db)
	if err != nil {
		return err
	}
	for name, n := range lanes {
		if exist[name] {
			continue
		}
		if _, err := q.db.ExecContext(ctx, `update messages set lane = ? where lane = ?`, queue.Unsorted, name); err != nil {
			return err
		}
		q.cfg.Logger.InfoContext(ctx, "waiting jobs of a runner type that no longer exists are matched anew", "type", name, "jobs", n)
	}
	return nil
}
