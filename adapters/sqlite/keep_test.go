package sqlite_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/datawire/github-runner-provisioner/adapters/sqlite"
	"github.com/datawire/github-runner-provisioner/provisioner/queue"
)

func TestJobsOfALaneThatIsGoneAreUnsorted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "jobs.db")
	q := open(t, path, sqlite.Config{Lanes: []string{"old", "kept"}})
	send(t, q, "old", 1, 2)
	send(t, q, "kept", 3)
	send(t, q, queue.Unsorted, 4)
	must(t, q.Close())

	q = open(t, path, sqlite.Config{Lanes: []string{"kept", "new"}})
	depth, err := q.Depth(t.Context())
	if got := fmt.Sprint(depth, err); got != "map[:3 kept:1] <nil>" {
		t.Errorf("Depth = %s", got)
	}
	if m := receive(t, q, queue.Unsorted); m.Job.ID != 1 || m.Lane != queue.Unsorted {
		t.Errorf("received %s from lane %q", m.Job, m.Lane)
	}
	must(t, q.Close())

	q = open(t, path, sqlite.Config{})
	if depth, err := q.Depth(t.Context()); err != nil || depth["kept"] != 1 {
		t.Errorf("without lanes something was moved: %v, %v", depth, err)
	}
}

func TestIdentitiesAreForgottenAfterTheRetention(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "jobs.db")
		q := open(t, path, sqlite.Config{})
		count := func() string {
			n, err := q.Ask(t.Context(), "select count(*) from accepted")
			must(t, err)
			return n
		}
		for id := range int64(700) { // more than go at once
			send(t, q, lane, id+1)
		}
		time.Sleep(24 * time.Hour)
		send(t, q, lane, 1001)
		time.Sleep(3*24*time.Hour - time.Minute)
		if duplicate, err := q.Send(t.Context(), lane, job(1)); err != nil || !duplicate {
			t.Errorf("before four days are over: Send = %t, %v", duplicate, err)
		}
		time.Sleep(2 * time.Hour)
		if n := count(); n != "1" {
			t.Errorf("%s identities are left", n)
		}
		must(t, q.Close())
		time.Sleep(24 * time.Hour)
		q = open(t, path, sqlite.Config{})
		synctest.Wait()
		if n := count(); n != "0" {
			t.Errorf("%s identities are left after opening", n)
		}
		if depth, err := q.Depth(t.Context()); err != nil || depth[lane] != 701 {
			t.Errorf("jobs were forgotten with their identities: %v, %v", depth, err)
		}
	})
}

func TestAMessageThatCannotBeReadIsKeptOutOfTheWay(t *testing.T) {
	path := filepath.Join(t.TempDir(), "jobs.db")
	var log bytes.Buffer
	q := open(t, path, sqlite.Config{Lanes: []string{lane}, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	send(t, q, lane, 1)
	for i, body := range []string{`{"v":99}`, `not JSON`} {
		must(t, q.Exec(t.Context(), `insert into messages select ?, 1, lane, repository, 0, 0, 0, ? from messages where job = 1`, 901+i, []byte(body)))
	}
	if m := receive(t, q, lane); m.Job.ID != 1 {
		t.Errorf("received %s", m.Job)
	}
	if n := strings.Count(log.String(), "level=ERROR"); n != 2 {
		t.Errorf("the log has %d errors:\n%s", n, &log)
	}
	must(t, q.Close())
	q = open(t, path, sqlite.Config{Lanes: []string{"other"}})
	if n, err := q.Ask(t.Context(), `select count(*) from unreadable`); err != nil || n != "2" {
		t.Errorf("%s were kept, %v", n, err)
	}
	if depth, err := q.Depth(t.Context()); err != nil || len(depth) != 1 {
		t.Errorf("they count as jobs: %v, %v", depth, err)
	}
}

func TestNotes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "jobs.db")
	q := open(t, path, sqlite.Config{})
	if value, ok, err := q.Get(t.Context(), "cursor"); value != "" || ok || err != nil {
		t.Errorf("Get = %q, %t, %v", value, ok, err)
	}
	must(t, q.Put(t.Context(), "cursor", "1"))
	must(t, q.Put(t.Context(), "cursor", "2"))
	must(t, q.Put(t.Context(), "empty", ""))
	must(t, q.Close())
	q = open(t, path, sqlite.Config{})
	if value, ok, err := q.Get(t.Context(), "cursor"); value != "2" || !ok || err != nil {
		t.Errorf("Get = %q, %t, %v", value, ok, err)
	}
	if value, ok, err := q.Get(t.Context(), "empty"); value != "" || !ok || err != nil {
		t.Errorf("Get = %q, %t, %v", value, ok, err)
	}
}

func TestTwentyThousandWaitingJobsCostNeitherTimeNorMemory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "jobs.db")
	q := open(t, path, sqlite.Config{Lanes: []string{lane}})
	body, err := queue.Encode(lane, benchJob(1), time.Now())
	must(t, err)
	must(t, q.Exec(t.Context(), `with recursive n(i) as (select 1 union all select i + 1 from n where i < 20000)
		insert into messages select i, 1, 'ubuntu-arm64', ?, i, i, 0, ? from n`, benchJob(1).Repository.String(), body))
	must(t, q.Exec(t.Context(), `with recursive n(i) as (select 1 union all select i + 1 from n where i < 40000)
		insert into accepted select 41000000000 + i, 1, unixepoch() from n`))
	must(t, q.Close())

	before, did := residentKiB(t), allocations()
	q = open(t, path, sqlite.Config{Lanes: []string{lane}})
	receive(t, q, lane)
	did, grown := allocations()-did, residentKiB(t)-before
	t.Logf("opened and received with %d allocations, %d KiB more", did, grown)
	if did > 10_000 { // it stands for the time; to look at each job takes several for each
		t.Errorf("it took %d allocations", did)
	}
	if grown > 10<<10 {
		t.Errorf("it took %d KiB", grown)
	}
}

func allocations() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Mallocs
}

func residentKiB(t *testing.T) int {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip("this system does not tell the memory of a process")
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	n, err := strconv.Atoi(strings.Fields(rest)[0])
	must(t, err)
	return n
}
