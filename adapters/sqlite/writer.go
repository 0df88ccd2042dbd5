package sqlite

import (
	"context"
	"database/sql"
	"runtime"
	"slices"
	"time"

	lib "modernc.org/sqlite/lib"
)

// operation is one thing to do in the writer's next transaction.
type operation struct {
	ctx context.Context
	// run does it. It runs again if the transaction has to be begun anew, so it changes nothing
	// outside that it does not set each time.
	run func(tx *sql.Tx) error
	// committed, if any, runs in the writer once the transaction is on the disk.
	committed func()
	// send says that it stores a job, or tries whether one could be stored: such operations fail
	// first when the file takes no more, and their callers may leave them alone.
	send bool
	done chan error
}

const (
	// batchSize bounds the operations of one transaction, and so the time that each of them waits.
	batchSize = 256
	// pollEvery is how often the file is looked at for what other processes have written.
	pollEvery = time.Second
)

// do hands an operation to the writer and waits for its result. An operation that has begun is
// waited for, because its effect must be known; only a send may be left alone when ctx ends, as its
// error means that nobody knows.
func (q *Queue) do(o *operation) error {
	if err := o.ctx.Err(); err != nil {
		return err
	}
	o.done = make(chan error, 1)
	select {
	case q.operations <- o:
	case <-o.ctx.Done():
		return o.ctx.Err()
	case <-q.closing:
		return errClosed
	}
	var abandoned <-chan struct{}
	if o.send {
		abandoned = o.ctx.Done()
	}
	select {
	case err := <-o.done:
		return err
	case <-abandoned:
		return o.ctx.Err()
	case <-q.stopped:
	}
	select {
	case err := <-o.done:
		return err
	default:
		return errClosed
	}
}

// write is the one goroutine that uses the connection: it takes whatever waits into one
// transaction.
func (q *Queue) write() {
	defer close(q.stopped)
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	batch := make([]*operation, 0, batchSize)
	for {
		select {
		case <-q.closing:
			return
		case <-poll.C:
			q.poll()
		case o := <-q.operations:
			batch = q.gather(append(batch[:0], o))
			q.commit(batch)
			clear(batch)
		}
	}
}

// gather adds the operations that wait. It lets those go first that the last transaction has just
// answered: their next one comes along then.
func (q *Queue) gather(batch []*operation) []*operation {
	runtime.Gosched()
	for len(batch) < batchSize {
		select {
		case o := <-q.operations:
			batch = append(batch, o)
		default:
			return batch
		}
	}
	return batch
}

// commit runs a batch in one transaction and answers all of it. One operation's own fault fails
// that operation alone. What fails the transaction fails its sends; the rest gets another try
// without them, and on a full disk one more with the reserve's room, because deleting is what makes
// room.
func (q *Queue) commit(batch []*operation) {
	batch = answer(batch, func(o *operation) (bool, error) { err := o.ctx.Err(); return err != nil, err })
	if slices.ContainsFunc(batch, isSend) {
		if err := q.room.hold(); err != nil {
			err = describe(q.path, err)
			batch = answer(batch, func(o *operation) (bool, error) { return o.send, err })
		}
	}
	for len(batch) > 0 {
		culprit, err := q.transact(batch)
		if primary(err) == lib.SQLITE_FULL && !slices.ContainsFunc(batch, isSend) {
			q.makeRoom()
			culprit, err = q.transact(batch)
		}
		if err == nil {
			for _, o := range batch {
				if o.committed != nil {
					o.committed()
				}
			}
			answer(batch, func(*operation) (bool, error) { return true, nil })
			return
		}
		alone := culprit != nil && ownFault(err)
		err = describe(q.path, err)
		left := answer(batch, func(o *operation) (bool, error) { return o == culprit && alone || o.send && !alone, err })
		if len(left) == len(batch) {
			left = answer(batch, func(*operation) (bool, error) { return true, err })
		}
		batch = left
	}
}

func isSend(o *operation) bool { return o.send }

// makeRoom gives the reserve up, and uses it to write SQLite's log into the file: the log is
// written from its beginning then, which takes no more of the disk.
func (q *Queue) makeRoom() {
	q.room.release()
	if _, err := q.db.ExecContext(context.Background(), `pragma wal_checkpoint(restart)`); err != nil {
		q.cfg.Logger.Error("the disk is full, and the queue can't make do with what it has", "error", err)
	}
}

// answer answers the operations that are settled, and returns the others.
func answer(batch []*operation, settled func(*operation) (bool, error)) []*operation {
	left := batch[:0:0]
	for _, o := range batch {
		if ok, err := settled(o); ok {
			o.done <- err
		} else {
			left = append(left, o)
		}
	}
	return left
}

// transact runs the batch in one transaction. culprit is the operation that failed, if one did.
func (q *Queue) transact(batch []*operation) (culprit *operation, err error) {
	// No caller's context: one that ends must not take the others' transaction with it.
	tx, err := q.db.BeginTx(context.Background(), nil)
	if err != nil {
		return nil, err
	}
	for _, o := range batch {
		if err := o.run(tx); err != nil {
			_ = tx.Rollback() // SQLite may have done so itself
			return o, err
		}
	}
	return nil, tx.Commit() // the driver rolls back what a failed commit leaves open
}

// poll wakes those who wait if another process has written to the file.
func (q *Queue) poll() {
	if q.waiting.Load() == 0 {
		return
	}
	var version int64
	if err := q.db.QueryRowContext(context.Background(), `pragma data_version`).Scan(&version); err != nil {
		return // the next operation meets the same error, and has somebody to tell
	}
	if version != q.version {
		q.version = version
		if err := q.discover(context.Background(), q.db); err != nil {
			q.version-- // it is tried again in a second
		}
	}
}
