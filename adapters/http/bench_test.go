package main

import (
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/github/githubtest"
	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest/fakehttp"
)

// BenchmarkAccept sends deliveries to the built service over 16 connections, with the durable queue
// and with the memory queue in one run, and reports beside the time of one delivery what the
// service spent on it: CPU and, at the end, resident memory. The launches are held back, so that
// only accepting counts.
func BenchmarkAccept(b *testing.B) {
	for _, queue := range []string{"memory", "sqlite"} {
		b.Run("queue="+queue, func(b *testing.B) {
			c := newClouds(b)
			c.env["LOG_LEVEL"], c.env["RECONCILE_INTERVAL"] = "info", "0"
			if queue == "memory" {
				c.env["QUEUE_URL"] = "memory:"
			}
			c.github.SetFaults(refused)
			s := start(b, c.env)
			before := s.cpu(b)
			s.load(b, c.github, b.N)
			used := s.cpu(b) - before
			b.ReportMetric(float64(used.Microseconds())/float64(b.N), "cpu-µs/op")
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "accepts/s")
			b.ReportMetric(s.rss(b), "MiB")
			s.kill()
		})
	}
}

// BenchmarkStart measures a start with 20,000 waiting jobs, until the service is ready, and its
// memory then.
func BenchmarkStart(b *testing.B) {
	c := newClouds(b)
	c.env["LOG_LEVEL"], c.env["RECONCILE_INTERVAL"] = "info", "0"
	c.github.SetFaults(refused)
	s := start(b, c.env)
	s.load(b, c.github, 20_000)
	after := s.rss(b)
	s.kill()
	b.ResetTimer()
	b.ReportMetric(after, "MiB-after-20000")
	for range b.N {
		b.StartTimer()
		s = start(b, c.env)
		for code := 0; code != http.StatusOK; code, _ = s.get(b, "/readyz") {
		}
		b.StopTimer()
		b.ReportMetric(s.rss(b), "MiB-at-start")
		s.kill()
	}
}

func refused(string, *http.Request) *fakehttp.Fault {
	return &fakehttp.Fault{Status: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {"3600"}}, Body: `{"message":"wait","documentation_url":"x"}`}
}

// load sends n deliveries over 16 connections.
func (s *service) load(b *testing.B, g *githubtest.Server, n int) {
	b.Helper()
	client.Transport = &http.Transport{MaxIdleConnsPerHost: 16, MaxConnsPerHost: 16}
	var next atomic.Int64
	var senders sync.WaitGroup
	b.ResetTimer()
	for range 16 {
		senders.Go(func() {
			for id := next.Add(1); id <= int64(n); id = next.Add(1) {
				j := provisioner.Job{ID: id, RunAttempt: 1, Repository: app, Labels: []string{"ubuntu-arm64"}, CreatedAt: time.Now()}
				if code, _, err := s.deliver(b.Context(), g.Payload("queued", j)); err != nil || code != http.StatusAccepted {
					b.Errorf("%d, %v", code, err)
					return
				}
			}
		})
	}
	senders.Wait()
	b.StopTimer()
}

// cpu is the time that the service's process has spent computing.
func (s *service) cpu(b *testing.B) time.Duration {
	b.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	if err != nil {
		b.Skip("the CPU time of a process is read from /proc")
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond // clock ticks
}

// rss is the resident memory of the service's process in MiB.
func (s *service) rss(b *testing.B) float64 {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		b.Skip("the memory of a process is read from /proc")
	}
	_, after, _ := strings.Cut(string(status), "VmRSS:")
	kib, _ := strconv.Atoi(strings.Fields(after)[0])
	return float64(kib) / 1024
}
