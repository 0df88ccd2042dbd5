package sqlite

import (
	"context"
	"database/sql"
	"time"
)

const (
	forgetEvery = time.Hour
	// forgetAtOnce keeps the writer free for jobs.
	forgetAtOnce = 500
)

// forget drops the identities of jobs accepted longer ago than the retention, when the queue is
// opened and hourly.
func (q *Queue) forget() {
	tick := time.NewTicker(forgetEvery)
	defer tick.Stop()
	for {
		for more := true; more; {
			n, err := q.forgetSome(q.oldest())
			select {
			case <-q.closing:
				return
			default:
			}
			if err != nil {
				q.cfg.Logger.Warn("the identities of old jobs could not be dropped; it is tried again in an hour", "error", err)
			}
			more = n == forgetAtOnce
		}
		select {
		case <-tick.C:
		case <-q.closing:
			return
		}
	}
}

// oldest is the time from which on jobs are remembered.
func (q *Queue) oldest() time.Time { return time.Now().Add(-q.cfg.Retention) }

// forgetSome looks from the lowest job id on, which is the oldest job or nearly so.
func (q *Queue) forgetSome(before time.Time) (n int64, err error) {
	err = q.do(&operation{ctx: context.Background(), run: func(tx *sql.Tx) error {
		result, err := tx.ExecContext(context.Background(),
			`delete from accepted where (job, attempt) in (select job, attempt from accepted where at < ? limit ?)`, before.Unix(), forgetAtOnce)
		if err != nil {
			return err
		}
		n, err = result.RowsAffected()
		return err
	}})
	return n, err
}
