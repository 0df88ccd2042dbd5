package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
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

// ReadNote returns what was put under a key in a file that a queue may be open in. It changes
// nothing, and takes files of older versions as they are.
func ReadNote(ctx context.Context, path, key string) (value string, err error) {
	if _, err := os.Stat(path); err != nil {
		return "", describe(path, err)
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", describe(path, err)
	}
	file := url.URL{Scheme: "file", Path: filepath.ToSlash(abs), RawQuery: url.Values{"mode": {"ro"}, "_pragma": {fmt.Sprintf("busy_timeout(%d)", busyTimeout.Milliseconds())}}.Encode()}
	db, err := sql.Open("sqlite", file.String())
	if err != nil {
		return "", describe(path, err)
	}
	defer db.Close() //nolint:errcheck // nothing was written
	if err := db.QueryRowContext(ctx, `select value from notes where key = ?`, key).Scan(&value); err != nil {
		return "", describe(path, err)
	}
	return value, nil
}
