package sqlite_test

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/datawire/github-runner-provisioner/adapters/sqlite"
	"github.com/datawire/github-runner-provisioner/provisioner/queue"
)

func TestAFileIsMadeForItsOwnerAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "odd name ?&%41#.db")
	q := open(t, path, sqlite.Config{})
	send(t, q, lane, 1)
	for _, suffix := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode().Perm(); mode != 0o600 {
			t.Errorf("%s has mode %o", filepath.Base(path+suffix), mode)
		}
	}
}

func TestTheFileIsSetUpToBeDurableAndSmall(t *testing.T) {
	q := open(t, filepath.Join(t.TempDir(), "jobs.db"), sqlite.Config{})
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "cache_size": "-1024", "mmap_size": "0", "busy_timeout": "5000"} {
		if got, err := q.Ask(t.Context(), "pragma "+pragma); err != nil || got != want {
			t.Errorf("%s is %s, %v, want %s", pragma, got, err, want)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		file func(t *testing.T, path string)
		cfg  sqlite.Config
		says string
	}{
		"a directory that does not exist": {func(t *testing.T, path string) { must(t, os.Remove(filepath.Dir(path))) }, sqlite.Config{}, "directory must exist"},
		"a directory":                     {func(t *testing.T, path string) { must(t, os.Mkdir(path, 0o700)) }, sqlite.Config{}, "not a file"},
		"a text file": {func(t *testing.T, path string) {
			must(t, os.WriteFile(path, bytes.Repeat([]byte("runners:\n"), 1000), 0o600))
		}, sqlite.Config{}, "move the file, its -wal and its -shm away"},
		"a file with a damaged page": {damage, sqlite.Config{}, "move the file, its -wal and its -shm away"},
		"a database of something else": {func(t *testing.T, path string) {
			raw(t, path, `create table users (name text)`)
		}, sqlite.Config{}, "something else; name another file"},
		"a database of something else that counts versions too": {func(t *testing.T, path string) {
			raw(t, path, `create table users (name text); pragma user_version = 1`)
		}, sqlite.Config{}, "something else; name another file"},
		"a file of a newer version": {func(t *testing.T, path string) {
			raw(t, path, fmt.Sprintf(`pragma user_version = %d; pragma application_id = %d`, sqlite.Versions()+1, sqlite.ApplicationID))
		}, sqlite.Config{}, "newer version of this service"},
		"a wrong configuration": {func(*testing.T, string) {}, sqlite.Config{Retention: -1, Visibility: -1}, "retention is -1ns\nvisibility is -1ns"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "data")
			must(t, os.Mkdir(dir, 0o700))
			path := filepath.Join(dir, "jobs.db")
			test.file(t, path)
			before, _ := os.ReadFile(path)
			q, err := sqlite.Open(t.Context(), path, test.cfg)
			if err == nil {
				t.Fatal(q.Close())
			}
			if !strings.Contains(err.Error(), test.says) || test.cfg.Retention == 0 && !strings.Contains(err.Error(), path) {
				t.Errorf("it says: %v\nwant: %s", err, test.says)
			}
			if lines := strings.Count(err.Error(), "\n"); lines > strings.Count(test.says, "\n") {
				t.Errorf("one fault takes %d lines:\n%v", lines+1, err)
			}
			if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
				t.Error("the file was changed")
			}
		})
	}
	if _, err := sqlite.Open(t.Context(), "", sqlite.Config{}); err == nil {
		t.Error("no file: no error")
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := sqlite.Open(ended, filepath.Join(t.TempDir(), "jobs.db"), sqlite.Config{}); err == nil {
		t.Error("an ended context: no error")
	}
}

func TestAFileOfAnOlderVersionIsBroughtUpToDate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "jobs.db")
	body, err := queue.Encode(lane, job(7), time.Now())
	must(t, err)
	raw(t, path, sqlite.FirstVersion())
	raw(t, path, `insert into goqite (queue, body) values ('lane/ubuntu-arm64', ?); `, body)
	hidden, err := queue.Encode(lane, job(8), time.Now())
	must(t, err)
	raw(t, path, `insert into goqite (queue, body, created, timeout, received) values ('lane/ubuntu-arm64', ?, '2020-01-01T00:00:00.000Z', strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '+1 hour'), 3); `, hidden)
	raw(t, path, `insert into goqite (queue, body) values ('lane/ubuntu-arm64', x'00'), ('lane/', cast('{"job":{"id":"text"}}' as blob)), ('unreadable', x'7b7d'); `)
	raw(t, path, fmt.Sprintf(`insert into accepted values (7, 1, %d); pragma user_version = 1; pragma application_id = %d`, time.Now().Unix(), sqlite.ApplicationID))

	q := open(t, path, sqlite.Config{})
	if m := receive(t, q, lane); m.Job.ID != 7 {
		t.Errorf("received %s", m.Job)
	}
	if depth, err := q.Depth(t.Context()); err != nil || depth[lane] != 2 {
		t.Errorf("Depth = %v, %v", depth, err)
	}
	if n, err := q.Ask(t.Context(), `select count(*) from unreadable`); err != nil || n != "3" {
		t.Errorf("%s messages that can't be read were kept, %v", n, err)
	}
	if n, err := q.Ask(t.Context(), `select receives || ' ' || ((visible / 1000000000 - unixepoch()) between 3590 and 3600) from messages where job = 8`); err != nil || n != "3 1" {
		t.Errorf("a hidden message is now %s, %v", n, err)
	}
	if duplicate, err := q.Send(t.Context(), lane, job(7)); err != nil || !duplicate {
		t.Errorf("Send = %t, %v", duplicate, err)
	}
	must(t, q.Put(t.Context(), "key", "value"))
	if version, err := q.Ask(t.Context(), "pragma user_version"); err != nil || version != fmt.Sprint(sqlite.Versions()) {
		t.Errorf("the file is of version %s, %v", version, err)
	}
}

// damage makes a file of ours and spoils it in the middle.
func damage(t *testing.T, path string) {
	q, err := sqlite.Open(t.Context(), path, sqlite.Config{})
	must(t, err)
	for id := range int64(50) {
		send(t, q, lane, id+1)
	}
	must(t, q.Close())
	content, err := os.ReadFile(path)
	must(t, err)
	for i := 4096; i < len(content); i += 2 {
		content[i] ^= 0x5a
	}
	must(t, os.WriteFile(path, content, 0o600))
}

// raw runs SQL on a file as any other program would.
func raw(t *testing.T, path, script string, args ...any) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	must(t, err)
	_, err = db.ExecContext(t.Context(), script, args...)
	must(t, err)
	must(t, db.Close())
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
