package main

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/datawire/github-runner-provisioner/adapters/sqlite"
	"github.com/datawire/github-runner-provisioner/adapters/sqs/sqstest"
	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest/fakehttp"
	"github.com/datawire/github-runner-provisioner/provisioner/webhook/webhooktest"
)

// dribble sends a delivery that never ends, a byte at a time, and returns once the service reads
// it. Nobody needs the secret for that.
func (s *service) dribble(t *testing.T) {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	fmt.Fprintf(c, "POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\nX-Hub-Signature-256: %s\r\n\r\n",
		webhooktest.Sign("wrong", nil))
	if line, err := bufio.NewReader(c).ReadString('\n'); err != nil || !strings.Contains(line, "100") {
		t.Fatalf("%q, %v", line, err)
	}
	go func() {
		for _, err := c.Write([]byte("x")); err == nil; _, err = c.Write([]byte("x")) {
			time.Sleep(50 * time.Millisecond)
		}
	}()
}

// holdRegistrations has every registration wait for the release, and counts them.
func (c *clouds) holdRegistrations() (registering *atomic.Int64, release func()) {
	registering = new(atomic.Int64)
	released := make(chan struct{})
	c.github.SetFaults(func(operation string, r *http.Request) *fakehttp.Fault {
		if strings.Contains(operation, "generate-jitconfig") {
			registering.Add(1)
			select {
			case <-released:
			case <-r.Context().Done():
			}
		}
		return nil
	})
	return registering, sync.OnceFunc(func() { close(released) })
}

func (c *clouds) deliverJobs(t *testing.T, s *service, n int) {
	t.Helper()
	for range n {
		if code, _, err := s.deliver(t.Context(), c.github.Payload("queued", c.github.QueueJob(app, "ubuntu-arm64"))); err != nil || code != http.StatusAccepted {
			t.Fatalf("%d, %v", code, err)
		}
	}
}

// stopAnd asks the service to end, does something once it has begun to, and returns its exit code.
func (s *service) stopAnd(t *testing.T, do func()) int {
	t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	eventually(t, "nobody can connect any more", func() bool {
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
		if err == nil {
			_ = conn.Close()
		}
		return err != nil
	})
	do()
	select {
	case <-s.done:
		return s.cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		t.Fatal("the service does not stop")
		return -1
	}
}

func TestLaunchesUnderWayEndBeforeTheServiceDoes(t *testing.T) {
	t.Parallel()
	c := newClouds(t)
	c.env["RECONCILE_INTERVAL"], c.env["LOG_LEVEL"] = "0", "info"
	registering, release := c.holdRegistrations()
	s := start(t, c.env)
	c.deliverJobs(t, s, 2)
	eventually(t, "attempts are under way", func() bool { return registering.Load() == 2 })
	if code := s.stopAnd(t, release); code != 0 || len(c.ec2.Instances()) != 2 {
		t.Errorf("exit code %d, %d of 2 machines\n%s", code, len(c.ec2.Instances()), tail(s.out.String()))
	}
}

// TestASlowClientDoesNotSpoilTheStop stops the service while some of its jobs are being registered,
// others wait, and a client dribbles: what is under way ends, nothing else begins, and the queue is
// left as it should be.
func TestASlowClientDoesNotSpoilTheStop(t *testing.T) {
	t.Parallel()
	const jobs, atOnce = 14, 8 // of one type
	for name, test := range map[string]struct {
		use  func(t *testing.T, c *clouds) any
		left func(t *testing.T, c *clouds, used any) int
	}{
		"SQLite": {
			func(*testing.T, *clouds) any { return nil },
			func(t *testing.T, c *clouds, _ any) int {
				file := strings.TrimPrefix(c.env["QUEUE_URL"], "sqlite://")
				if _, err := os.Stat(file + "-wal"); err == nil {
					t.Error("the queue's file was not closed")
				}
				q, err := sqlite.Open(t.Context(), file, sqlite.Config{})
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = q.Close() }()
				depth, err := q.Depth(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				return depth["ubuntu-arm64"]
			},
		},
		"SQS": {
			func(t *testing.T, c *clouds) any {
				q := sqstest.New()
				url := listen(t, q)
				c.env["QUEUE_URL"], c.env["AWS_ENDPOINT_URL_SQS"] = url+"/000000000000/jobs", url
				return q
			},
			func(t *testing.T, _ *clouds, used any) int {
				messages := used.(*sqstest.Server).Messages()
				for _, m := range messages {
					// The poll that the stop cut off goes on at SQS, and may take what is let go.
					if m.Visible.After(time.Now()) && m.Receives < 2 {
						t.Errorf("a message was not let go: %+v", m)
					}
				}
				return len(messages)
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newClouds(t)
			c.env["RECONCILE_INTERVAL"], c.env["LOG_LEVEL"] = "0", "info"
			used := test.use(t, c)
			registering, release := c.holdRegistrations()
			s := start(t, c.env)
			c.deliverJobs(t, s, jobs)
			eventually(t, "attempts are under way", func() bool { return registering.Load() == atOnce })
			s.dribble(t)
			if code := s.stopAnd(t, release); code != 0 {
				t.Errorf("exit code %d\n%s", code, tail(s.out.String()))
			}
			if n := registering.Load(); n != atOnce {
				t.Errorf("%d jobs were begun after the stop", n-atOnce)
			}
			// On a machine that is very slow some of those under way are cut off, and stay.
			if launched, left := len(c.ec2.Instances()), test.left(t, c, used); launched > atOnce || left < jobs-atOnce || launched+left < jobs {
				t.Errorf("of %d jobs %d were launched and %d are left in the queue\n%s", jobs, launched, left, tail(s.out.String()))
			}
		})
	}
}

func TestAStopThatComesDuringTheStartIsOneToo(t *testing.T) {
	t.Parallel()
	c := newClouds(t)
	c.withPage()
	cmd := exec.CommandContext(t.Context(), binary)
	for k, v := range c.env {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	cmd.Dir = t.TempDir()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		fmt.Fprintln(&out, lines.Text())
		if strings.Contains(lines.Text(), "the status page is served") { // the webhook's server is not yet
			_ = cmd.Process.Signal(syscall.SIGTERM)
		}
	}
	if err := cmd.Wait(); err != nil || !strings.Contains(out.String(), `"msg":"stopped"`) {
		t.Errorf("%v\n%s", err, out.String())
	}
}
