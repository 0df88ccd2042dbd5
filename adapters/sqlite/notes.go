package sqlite

import (
	"context"
	"database/sql"
	"errors"
)

// Put keeps a small text under a key for good, in the place of what was there.
func (q *Queue) Put(ctx context.Context, key, value string) error {
	return q.do(&operation{ctx: ctx, run: func(tx *sql.Tx) error {
		_, err := tx.ExecContext(context.Background(),
			`insert into notes (key, value) values (?, ?) on conflict (key) do update set value = excluded.value`, key, value)
		return err
	}})
}

// Get returns what was put under a key, and false when nothing was.
func (q *Queue) Get(ctx context.Context, key string) (value string, ok bool, err error) {
	err = q.do(&operation{ctx: ctx, run: func(tx *sql.Tx) error {
		value, ok = "", false
		err := tx.QueryRowContext(context.Background(), `select value from notes where key = ?`, key).Scan(&value)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		ok = err == nil
		return err
	}})
	return value, ok, err
}
