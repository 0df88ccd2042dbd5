package sqlite

import (
	"context"
	"database/sql"
	"time"

	"maragu.dev/goqite"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/queue"
)

const rememberJob = `insert into accepted (job, attempt, at) values (?, ?, ?) on conflict do nothing`

// Send implements [queue.Queue]. A job is known by its id and attempt, which are GitHub's own over
// all its repositories: a repository's name may change between a delivery and its repetition. An
// error may come from a file that is full, damaged or in the way of another process for more than
// five seconds; after the end of ctx nobody knows whether the job was stored, and sending it again
// is harmless.
func (q *Queue) Send(ctx context.Context, lane string, j provisioner.Job) (duplicate bool, err error) {
	now := time.Now()
	body, err := queue.Encode(lane, j, now)
	if err != nil {
		return false, err
	}
	l := q.lane(lane)
	stored := make(chan bool, 1)
	var fresh bool // the writer's until the operation is done
	o := &operation{
		ctx: ctx, send: true,
		run: func(tx *sql.Tx) error {
			fresh = false
			result, err := tx.ExecContext(context.Background(), rememberJob, j.ID, max(j.RunAttempt, 1), now.Unix())
			if err != nil {
				return err
			}
			if n, err := result.RowsAffected(); err != nil || n == 0 {
				return err
			}
			fresh = true
			return l.jobs.SendTx(context.Background(), tx, goqite.Message{Body: body})
		},
		committed: func() {
			stored <- fresh
			if fresh {
				l.wake()
			}
		},
	}
	if err := q.do(o); err != nil {
		return false, err
	}
	return !<-stored, nil
}
