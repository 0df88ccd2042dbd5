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
	job, attempt, receives, err := parseReceipt(m.Receipt)
	if err != nil {
		return err
	}
	l := q.lane(m.Lane)
	visible := time.Now().Add(max(d, 0))
	return q.do(&operation{
		ctx: ctx,
		run: func(tx *sql.Tx) error {
			_, err := tx.ExecContext(context.Background(), `update messages set visible = ? where job = ? and attempt = ? and receives = ?`,
				visible.UnixNano(), job, attempt, receives)
			return err
		},
		committed: func() { l.expect(m.Job.Repository, visible) },
	})
}

// Delete implements [queue.Queue]. A message that has been delivered again since is left to who has
// it now.
func (q *Queue) Delete(ctx context.Context, m queue.Message) error {
	job, attempt, receives, err := parseReceipt(m.Receipt)
	if err != nil {
		return err
	}
	return q.do(&operation{ctx: ctx, run: func(tx *sql.Tx) error {
		_, err := tx.ExecContext(context.Background(), `delete from messages where job = ? and attempt = ? and receives = ?`, job, attempt, receives)
		return err
	}})
}
