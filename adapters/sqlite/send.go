package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/queue"
)

const (
	rememberJob = `insert into accepted (job, attempt, at) values (?, ?, ?) on conflict do nothing`
	storeJob    = `insert into messages (job, attempt, lane, repository, created, visible, body) values (?, ?, ?, ?, ?, ?, ?)`
)

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
			result, err := tx.ExecContext(context.Background(), rememberJob, j.ID, attemptOf(j), now.Unix())
			if err != nil {
				return err
			}
			if n, err := result.RowsAffected(); err != nil || n == 0 {
				return err
			}
			fresh = true
			// A message of a job whose identity has been forgotten: it is older than any that
			// GitHub keeps.
			_, err = tx.ExecContext(context.Background(), storeJob+` on conflict do nothing`,
				j.ID, attemptOf(j), lane, j.Repository.String(), now.UnixNano(), now.UnixNano(), body)
			return err
		},
		committed: func() {
			stored <- fresh
			if fresh {
				l.expect(j.Repository, now)
			}
		},
	}
	if err := q.do(o); err != nil {
		return false, err
	}
	return !<-stored, nil
}

func attemptOf(j provisioner.Job) int { return max(j.RunAttempt, 1) }

// Requeue implements [queue.Queue].
func (q *Queue) Requeue(ctx context.Context, m queue.Message) (news bool, err error) {
	now := time.Now()
	l := q.lane(m.Lane)
	stored := make(chan bool, 1)
	var fresh, visible bool // the writer's until the operation is done
	err = q.do(&operation{
		ctx: ctx, send: true,
		run: func(tx *sql.Tx) (err error) { fresh, visible, err = requeue(tx, m, now); return err },
		committed: func() {
			stored <- fresh
			if visible {
				l.expect(m.Job.Repository, now)
			}
		},
	})
	if err != nil {
		return false, err
	}
	return <-stored, nil
}

// requeue reports whether it changed anything, and whether there is a message to receive.
func requeue(tx *sql.Tx, m queue.Message, now time.Time) (news, visible bool, err error) {
	ctx, j := context.Background(), m.Job
	var lane string
	var old []byte
	err = tx.QueryRowContext(ctx, `select lane, body from messages where job = ? and attempt = ?`, j.ID, attemptOf(j)).Scan(&lane, &old)
	if errors.Is(err, sql.ErrNoRows) {
		if _, err := tx.ExecContext(ctx, rememberJob, j.ID, attemptOf(j), now.Unix()); err != nil {
			return false, false, err
		}
		body, err := queue.Encode(m.Lane, j, m.Accepted)
		if err != nil {
			return false, false, err
		}
		_, err = tx.ExecContext(ctx, storeJob, j.ID, attemptOf(j), m.Lane, j.Repository.String(), now.UnixNano(), now.UnixNano(), body)
		return true, true, err
	}
	if err != nil {
		return false, false, err
	}
	waits, err := queue.Decode(old)
	switch {
	case err != nil: // it is set aside when its turn comes
		return false, false, nil //nolint:nilerr // and is found again then
	case lane == m.Lane && j.Generation <= waits.Job.Generation:
		return false, false, nil
	}
	body, err := queue.Encode(m.Lane, j, waits.Accepted)
	if err != nil {
		return false, false, err
	}
	if lane == m.Lane {
		_, err = tx.ExecContext(ctx, `update messages set body = ? where job = ? and attempt = ?`, body, j.ID, attemptOf(j))
		return true, false, err
	}
	_, err = tx.ExecContext(ctx, `update messages set lane = ?, repository = ?, visible = ?, receives = receives + 1, body = ? where job = ? and attempt = ?`,
		m.Lane, j.Repository.String(), now.UnixNano(), body, j.ID, attemptOf(j))
	return true, true, err
}
