package sqlite

import (
	"context"
	"database/sql"
)

// Exec runs SQL on the queue's own connection, within its transactions.
func (q *Queue) Exec(ctx context.Context, query string, args ...any) error {
	return q.do(&operation{ctx: ctx, run: func(tx *sql.Tx) error {
		_, err := tx.ExecContext(context.Background(), query, args...)
		return err
	}})
}

// Ask returns the one value that a query answers.
func (q *Queue) Ask(ctx context.Context, query string) (value string, err error) {
	err = q.do(&operation{ctx: ctx, run: func(tx *sql.Tx) error {
		return tx.QueryRowContext(context.Background(), query).Scan(&value)
	}})
	return value, err
}

// Forget drops the identities that are due, without waiting for the hour.
func (q *Queue) Forget() error {
	for {
		if n, err := q.forgetSome(q.oldest()); err != nil || n < forgetAtOnce {
			return err
		}
	}
}

// FirstVersion are the tables of version 1.
func FirstVersion() string { return migrations[0] }

// Versions is the number of versions of the tables.
func Versions() int { return len(migrations) }

// ApplicationID marks our files.
const ApplicationID = applicationID

// Hold keeps the file locked from the closing of locked to that of release.
func Hold(q *Queue, locked chan<- struct{}, release <-chan struct{}) error {
	return q.do(&operation{ctx: context.Background(), run: func(*sql.Tx) error {
		close(locked)
		<-release
		return nil
	}})
}

// Set runs SQL on the queue's own connection, outside its transactions.
func (q *Queue) Set(ctx context.Context, query string) error {
	_, err := q.db.ExecContext(ctx, query)
	return err
}
