package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// applicationID marks a file as ours; it is "ghrp"
// (https://www.sqlite.org/pragma.html#pragma_application_id).
const applicationID = 0x67687270

// migrations lead from each version of the tables to the next: the file's user_version is the
// number of those it has seen. What has been released is never changed.
var migrations = []string{
	// 1: goqite's table, without its trigger for a column that nobody reads, and with the timeout
	// in the index, so that hidden messages are passed over without reading them; and the
	// identities of accepted jobs, in the order of GitHub's ids, which grow with time.
	`create table goqite (
		id text primary key default ('m_' || lower(hex(randomblob(16)))),
		created text not null default (strftime('%Y-%m-%dT%H:%M:%fZ')),
		updated text not null default (strftime('%Y-%m-%dT%H:%M:%fZ')),
		queue text not null,
		body blob not null,
		timeout text not null default (strftime('%Y-%m-%dT%H:%M:%fZ')),
		received integer not null default 0,
		priority integer not null default 0
	) strict;
	create index goqite_queue_priority_created_idx on goqite (queue, priority desc, created, timeout);
	create table accepted (
		job integer not null,
		attempt integer not null,
		at integer not null, -- Unix seconds
		primary key (job, attempt)
	) strict, without rowid;`,
	// 2: the reconciler's notes.
	`create table notes (
		key text primary key,
		value text not null
	) strict, without rowid;`,
	// 3: messages by job, so that a job waits once, and by repository, so that they take turns.
	`create table messages (
		job integer not null,
		attempt integer not null,
		lane text not null,
		repository text not null,
		created integer not null, -- Unix nanoseconds, as is visible
		visible integer not null,
		receives integer not null default 0,
		body blob not null,
		primary key (job, attempt)
	) strict, without rowid;
	create index messages_in_turn on messages (lane, repository, created, visible);
	create table unreadable (
		body blob not null,
		at integer not null -- Unix seconds
	) strict;
	insert or ignore into messages (job, attempt, lane, repository, created, visible, receives, body)
		select job ->> '$.id', max(coalesce(job ->> '$.run_attempt', 1), 1), substr(queue, 6), (job ->> '$.repository.owner') || '/' || (job ->> '$.repository.name'),
			cast(unixepoch(created, 'subsec') * 1000 as integer) * 1000000, cast(unixepoch(timeout, 'subsec') * 1000 as integer) * 1000000, received, body
		from (select queue, created, timeout, received, body, cast(body as text) -> '$.job' as job from goqite where queue like 'lane/%' and json_valid(cast(body as text)))
		where typeof(job ->> '$.id') = 'integer' and typeof(job ->> '$.repository.owner') = 'text' and typeof(job ->> '$.repository.name') = 'text'
		order by created;
	insert into unreadable (body, at) select body, unixepoch() from goqite
		where queue = 'unreadable' or queue like 'lane/%' and not exists (select 1 from messages m where m.body = goqite.body);
	drop table goqite;`,
	// 4: what became of jobs.
	`create table journal (
		job integer primary key,
		body blob not null
	) strict;`,
}

// migrate checks the file and brings its tables up to date, in one transaction.
func migrate(ctx context.Context, db *sql.DB) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // nothing is left to undo after a commit
	version, err := identify(ctx, tx)
	if err != nil {
		return err
	}
	if version == len(migrations) {
		return whole(ctx, tx)
	}
	for _, step := range migrations[version:] {
		if _, err := tx.ExecContext(ctx, step); err != nil {
			return err
		}
	}
	mark := fmt.Sprintf(`pragma user_version = %d; pragma application_id = %d`, len(migrations), applicationID)
	if _, err := tx.ExecContext(ctx, mark); err != nil {
		return err
	}
	if err := whole(ctx, tx); err != nil {
		return err
	}
	return tx.Commit()
}

// identify returns the version of the file's tables; 0 for an empty file.
func identify(ctx context.Context, tx *sql.Tx) (version int, err error) {
	var application, tables int
	row := tx.QueryRowContext(ctx, `select a.application_id, v.user_version, (select count(*) from sqlite_schema)
		from pragma_application_id() a, pragma_user_version() v`)
	if err := row.Scan(&application, &version, &tables); err != nil {
		return 0, err
	}
	switch {
	case application == 0 && version == 0 && tables == 0:
		return 0, nil
	case application != applicationID || version < 1:
		return 0, errForeign
	case version > len(migrations):
		return 0, fmt.Errorf("the file is of a newer version of this service (tables of version %d, this one knows %d): run that version, or name another file",
			version, len(migrations))
	}
	return version, nil
}

// whole has SQLite look through the file.
func whole(ctx context.Context, tx *sql.Tx) error {
	var verdict string
	if err := tx.QueryRowContext(ctx, `pragma quick_check(1)`).Scan(&verdict); err != nil {
		return err
	}
	if verdict != "ok" {
		return fmt.Errorf("%w: %s", errDamaged, strings.Join(strings.Fields(verdict), " "))
	}
	return nil
}
