package sqlite_test

import (
	"path/filepath"
	"testing"

	"github.com/datawire/github-runner-provisioner/adapters/sqlite"
	"github.com/datawire/github-runner-provisioner/provisioner/queue"
	"github.com/datawire/github-runner-provisioner/provisioner/queue/queuetest"
)

func TestConformance(t *testing.T) {
	var path string
	queuetest.Run(t, queuetest.Harness{
		Remembers: true,
		Open: func(t *testing.T) queue.Queue {
			path = filepath.Join(t.TempDir(), "jobs.db")
			return open(t, path, sqlite.Config{Lanes: queuetest.Lanes})
		},
		Another: func(t *testing.T) queue.Queue { return open(t, path, sqlite.Config{Lanes: queuetest.Lanes}) },
	})
}

// open opens a queue that is closed when the test ends.
func open(t testing.TB, path string, cfg sqlite.Config) *sqlite.Queue {
	t.Helper()
	q, err := sqlite.Open(t.Context(), path, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := q.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return q
}
