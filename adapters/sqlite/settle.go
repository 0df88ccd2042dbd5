package sqlite

import (
	"context"
	"database/sql"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner/queue"
)

// Extend implements [queue.Queue]. A message that has been delivered again since, or is gone, is
// left as it is.
func (q *Queue) Extend(ctx context.Context, m queue.Message, d time.Duration) error {
	id, receives, err := parseReceipt(m.Receipt)
	if err != nil {
		return err
	}
	l := q.lane(m.Lane)
	visible := time.Now().Add(max(d, 0)).UTC()
	return q.do(&operation{
		ctx: ctx,
		run: func(tx *sql.Tx) error {
			_, err := tx.ExecContext(context.Background(), `update goqite set timeout = ? where id = ? and received = ?`, visible.Format(tableTime), id, receives)
			return err
		},
		committed: func() {
			// Those who wait know of a later time only.
			if l.next.IsZero() || visible.Before(l.next) {
				l.next = visible
				l.wake()
			}
		},
	})
}

// Delete implements [queue.Queue]. A message that has been delivered again since is left to who has
// it now.
func (q *Queue) Delete(ctx context.Context, m queue.Message) error {
	id, receives, err := parseReceipt(m.Receipt)
	if err != nil {
		return err
	}
	return q.do(&operation{ctx: ctx, run: func(tx *sql.Tx) error {
		_, err := tx.ExecContext(context.Background(), `delete from goqite where id = ? and received = ?`, id, receives)
		return err
	}})
}
