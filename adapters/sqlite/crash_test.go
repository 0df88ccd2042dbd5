package sqlite_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/datawire/github-runner-provisioner/adapters/sqlite"
)

// crashFile names the file for a child process of this test binary.
const crashFile = "SQLITE_QUEUE_CRASH_FILE"

// sendUntilKilled is the child: it tells its parent of every job that it was told is stored, and
// takes every third out again.
func sendUntilKilled(path string) {
	ctx := context.Background()
	q, err := sqlite.Open(ctx, path, sqlite.Config{})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	base := time.Now().UnixNano()
	var mu sync.Mutex
	for sender := range int64(8) {
		go func() {
			for n := sender; ; n += 8 {
				if _, err := q.Send(ctx, lane, job(base+n)); err != nil {
					fmt.Println(err)
					os.Exit(1)
				}
				mu.Lock()
				fmt.Println("sent", base+n) // unbuffered: what is printed is known outside
				mu.Unlock()
			}
		}()
	}
	for {
		m, err := q.Receive(ctx, lane, nil)
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		if m.Job.ID%3 != 0 {
			continue
		}
		mu.Lock()
		fmt.Println("deleting", m.Job.ID)
		mu.Unlock()
		if err := q.Delete(ctx, m); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
}

func TestEveryJobThatWasAcceptedSurvivesAKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "jobs.db")
	sent, deleting := map[int64]bool{}, map[int64]bool{}
	for round := range 3 {
		before := len(sent)
		runUntilKilled(t, path, 20+rand.IntN(150), sent, deleting)
		t.Logf("round %d: killed after %d jobs", round+1, len(sent)-before)
	}
	q := open(t, path, sqlite.Config{Visibility: time.Hour})
	if whole, err := q.Ask(t.Context(), "pragma integrity_check"); err != nil || whole != "ok" {
		t.Fatalf("the file: %s, %v", whole, err)
	}
	for id := range sent {
		if duplicate, err := q.Send(t.Context(), lane, job(id)); err != nil || !duplicate {
			t.Fatalf("accepted job %d is not known: %t, %v", id, duplicate, err)
		}
	}
	if err := q.Exec(t.Context(), "update messages set visible = created"); err != nil { // nobody holds anything any more
		t.Fatal(err)
	}
	depth, err := q.Depth(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for range depth[lane] {
		delete(sent, receive(t, q, lane).Job.ID)
	}
	for id := range sent {
		if !deleting[id] {
			t.Errorf("accepted job %d is gone", id)
		}
	}
}

func runUntilKilled(t *testing.T, path string, jobs int, sent, deleting map[int64]bool) {
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), crashFile+"="+path)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() { // to the end: what was printed before the kill counts
		var verb, id string
		if _, err := fmt.Sscan(lines.Text(), &verb, &id); err != nil {
			t.Fatalf("the child says %q", lines.Text())
		}
		n, err := strconv.ParseInt(id, 10, 64)
		if err != nil {
			t.Fatalf("the child says %q", lines.Text())
		}
		if verb == "deleting" {
			deleting[n] = true
			continue
		}
		sent[n] = true
		if jobs--; jobs == 0 {
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = child.Wait()
	if jobs > 0 {
		t.Fatalf("the child ended by itself, %d jobs early", jobs)
	}
}

func TestTwoProcessesShareOneFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "jobs.db")
	const each = 100
	var opening, sending sync.WaitGroup
	queues := make([]*sqlite.Queue, 4)
	for i := range queues { // all at once, on a file that does not exist yet
		opening.Go(func() {
			q, err := sqlite.Open(t.Context(), path, sqlite.Config{})
			if err != nil {
				t.Error(err)
				return
			}
			queues[i] = q
		})
	}
	opening.Wait()
	defer func() {
		for _, q := range queues {
			if q != nil {
				if err := q.Close(); err != nil {
					t.Error(err)
				}
			}
		}
	}()
	if t.Failed() {
		return
	}
	for i, q := range queues {
		sending.Go(func() {
			for n := range int64(each) {
				if _, err := q.Send(t.Context(), lane, job(int64(i)*each/2+n+1)); err != nil { // half of them another sends too
					t.Error(err)
				}
			}
		})
	}
	sending.Wait()
	seen := map[int64]bool{}
	for i := range (len(queues) + 1) * each / 2 {
		m := receive(t, queues[i%len(queues)], lane)
		if seen[m.Job.ID] {
			t.Errorf("job %d was received twice", m.Job.ID)
		}
		seen[m.Job.ID] = true
	}
	if depth, err := queues[0].Depth(t.Context()); err != nil || depth[lane] != len(seen) {
		t.Errorf("%d jobs were received, Depth = %v, %v", len(seen), depth, err)
	}
}
