package sqlite_test

import (
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/datawire/github-runner-provisioner/adapters/sqlite"
	"github.com/datawire/github-runner-provisioner/provisioner"
)

// BenchmarkSend shows what a durable accept costs: alone, and with senders that share the disk's
// confirmation. cpu-ns/op is the whole process's.
func BenchmarkSend(b *testing.B) {
	for _, senders := range []int{1, 16} {
		b.Run(fmt.Sprintf("%d senders", senders), func(b *testing.B) {
			q := open(b, filepath.Join(b.TempDir(), "jobs.db"), sqlite.Config{})
			var id atomic.Int64
			var done sync.WaitGroup
			b.ReportAllocs()
			b.ResetTimer()
			before := cpuTime(b)
			for range senders {
				done.Go(func() {
					for {
						n := id.Add(1)
						if n > int64(b.N) {
							return
						}
						if duplicate, err := q.Send(b.Context(), "ubuntu-arm64", benchJob(n)); err != nil || duplicate {
							b.Errorf("Send: %t, %v", duplicate, err)
							return
						}
					}
				})
			}
			done.Wait()
			b.ReportMetric(float64(cpuTime(b)-before)/float64(b.N), "cpu-ns/op")
		})
	}
}

// BenchmarkRoundTrip is a message's whole life: sent, received, deleted.
func BenchmarkRoundTrip(b *testing.B) {
	q := open(b, filepath.Join(b.TempDir(), "jobs.db"), sqlite.Config{})
	b.ReportAllocs()
	for n := range b.N {
		if _, err := q.Send(b.Context(), "ubuntu-arm64", benchJob(int64(n)+1)); err != nil {
			b.Fatal(err)
		}
		m, err := q.Receive(b.Context(), "ubuntu-arm64", nil)
		if err != nil {
			b.Fatal(err)
		}
		if err := q.Delete(b.Context(), m); err != nil {
			b.Fatal(err)
		}
	}
}

func benchJob(id int64) provisioner.Job {
	return provisioner.Job{
		ID: 41_000_000_000 + id, RunAttempt: 1, Repository: provisioner.Repository{Owner: "datawire", Name: "infra-actions"},
		Labels: []string{"self-hosted", "ubuntu-arm64"}, Name: "build (arm64)", Workflow: "Continuous integration",
		URL: "https://github.com/datawire/infra-actions/actions/runs/11000000000/job/41000000000", CreatedAt: time.Now(),
	}
}

func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
