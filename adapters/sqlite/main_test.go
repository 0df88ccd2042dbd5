package sqlite_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/datawire/github-runner-provisioner/adapters/sqlite"
	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/queue"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(crashFile); path != "" {
		sendUntilKilled(path)
	}
	goleak.VerifyTestMain(m)
}

const lane = "ubuntu-arm64"

func job(id int64) provisioner.Job {
	return provisioner.Job{ID: id, RunAttempt: 1, Repository: provisioner.Repository{Owner: "datawire", Name: "infra-actions"}, Labels: []string{lane}}
}

func send(t testing.TB, q *sqlite.Queue, lane string, ids ...int64) {
	t.Helper()
	for _, id := range ids {
		if duplicate, err := q.Send(t.Context(), lane, job(id)); err != nil || duplicate {
			t.Fatalf("Send(%d) = %t, %v", id, duplicate, err)
		}
	}
}

func receive(t testing.TB, q *sqlite.Queue, lane string) queue.Message {
	t.Helper()
	m, err := q.Receive(t.Context(), lane, nil)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func ExampleOpen() {
	dir, err := os.MkdirTemp("", "queue")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir) //nolint:errcheck // it is temporary anyway
	ctx := context.Background()
	q, err := sqlite.Open(ctx, filepath.Join(dir, "jobs.db"), sqlite.Config{Lanes: []string{"ubuntu-arm64"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { fmt.Println("closed:", q.Close()) }()
	job := provisioner.Job{ID: 41, RunAttempt: 1, Repository: provisioner.Repository{Owner: "datawire", Name: "infra-actions"}}
	for range 2 { // GitHub may deliver a webhook twice
		duplicate, err := q.Send(ctx, "ubuntu-arm64", job)
		fmt.Println("duplicate:", duplicate, err)
	}
	m, err := q.Receive(ctx, "ubuntu-arm64", nil)
	fmt.Println(m.Job, err)
	fmt.Println("deleted:", q.Delete(ctx, m))
	// Output:
	// duplicate: false <nil>
	// duplicate: true <nil>
	// datawire/infra-actions job 41-1 <nil>
	// deleted: <nil>
	// closed: <nil>
}

// contextThatEndsNow ends as soon as everybody waits, in a bubble.
func contextThatEndsNow(t *testing.T) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), time.Microsecond)
}
