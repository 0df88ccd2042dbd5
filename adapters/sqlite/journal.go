package sqlite

import (
	"context"
	"database/sql"

	"github.com/datawire/github-runner-provisioner/provisioner/journal"
	"github.com/datawire/github-runner-provisioner/provisioner/queue"
)

var _ journal.Store = (*Queue)(nil)

// SaveJobs implements [journal.Store]. It gives way to jobs that are sent: on a full disk it fails
// as they do.
func (q *Queue) SaveJobs(ctx context.Context, jobs map[int64][]byte, forgotten []int64) error {
	return q.do(&operation{ctx: ctx, send: true, run: func(tx *sql.Tx) error {
		for id, body := range jobs {
			if _, err := tx.ExecContext(context.Background(), `insert into journal (job, body) values (?, ?) on conflict (job) do update set body = excluded.body`, id, body); err != nil {
				return err
			}
		}
		for _, id := range forgotten {
			if _, err := tx.ExecContext(context.Background(), `delete from journal where job = ?`, id); err != nil {
				return err
			}
		}
		return nil
	}})
}

// LoadJobs implements [journal.Store].
func (q *Queue) LoadJobs(ctx context.Context) (jobs map[int64][]byte, err error) {
	err = q.do(&operation{ctx: ctx, run: func(tx *sql.Tx) error {
		jobs = make(map[int64][]byte)
		return each(tx, `select job, body from journal`, func(scan func(...any) error) error {
			var id int64
			var body []byte
			if err := scan(&id, &body); err != nil {
				return err
			}
			jobs[id] = body
			return nil
		})
	}})
	return jobs, err
}

// Waiting returns the jobs that wait, the oldest first, and so many at most. What can't be read is
// left out.
func (q *Queue) Waiting(ctx context.Context, limit int) (messages []queue.Message, err error) {
	err = q.do(&operation{ctx: ctx, run: func(tx *sql.Tx) error {
		messages = nil
		return each(tx, `select lane, body from messages order by created limit ?`, func(scan func(...any) error) error {
			var lane string
			var body []byte
			if err := scan(&lane, &body); err != nil {
				return err
			}
			if m, err := queue.Decode(body); err == nil {
				m.Lane = lane
				messages = append(messages, m)
			}
			return nil
		}, limit)
	}})
	return messages, err
}

// each calls do for every row of a query.
func each(tx *sql.Tx, query string, do func(scan func(...any) error) error, args ...any) error {
	rows, err := tx.QueryContext(context.Background(), query, args...)
	if err != nil {
		return err
	}
	defer rows.Close() //nolint:errcheck // rows.Err has told
	for rows.Next() {
		if err := do(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}
