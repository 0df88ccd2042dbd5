package webhook_test

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner/webhook"
	"github.com/datawire/github-runner-provisioner/provisioner/webhook/webhooktest"
)

const mib = 1 << 20

// slowClients connect, announce a body of the largest size under a signature that is well-formed
// and wrong, send n bytes of it, and then nothing more until they hang up.
func slowClients(t *testing.T, address string, clients, n int) (hangUp func()) {
	t.Helper()
	conns := make([]net.Conn, clients)
	part := make([]byte, n)
	for i := range conns {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		conns[i] = c
		go func() {
			fmt.Fprintf(c, "POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nX-GitHub-Event: workflow_job\r\nContent-Length: %d\r\nX-Hub-Signature-256: %s\r\n\r\n",
				webhook.DefaultMaxBody, webhooktest.Sign("wrong", nil))
			_, _ = c.Write(part)
		}()
	}
	hangUp = func() {
		for _, c := range conns {
			_ = c.Close()
		}
	}
	t.Cleanup(hangUp)
	return hangUp
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it never was that %s", what)
		}
	}
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// deliver sends a signed body of undeclared size or not over a connection of its own.
func deliver(t *testing.T, url string, body []byte) (code int, header http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/webhook", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = signed("workflow_job", body).Header
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		return 0, nil // the answer of a server that does not read on may get lost
	}
	_ = resp.Body.Close()
	return resp.StatusCode, resp.Header
}

func (w *world) refused() (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, o := range w.outcomes {
		if o.Status == webhook.StatusUnavailable {
			n++
		}
	}
	return n
}

// TestSlowClientsWithLargeBodiesCostBoundedMemoryAndKeepNoJobOut is about clients who do not know
// the secret.
func TestSlowClientsWithLargeBodiesCostBoundedMemoryAndKeepNoJobOut(t *testing.T) {
	w := newWorld(t)
	server := httptest.NewServer(w.receiver)
	t.Cleanup(server.Close) // after the clients have hung up
	large := append(linux(), bytes.Repeat([]byte(" "), 4*mib)...)
	const clients, each = 40, 3 * mib
	before := heap()
	hangUp := slowClients(t, server.Listener.Addr().String(), clients, each)
	eventually(t, "each client is refused or has sent all it wants", func() bool {
		return webhook.Unverified(w.receiver) >= int64(clients-w.refused())*each
	})
	counted, used := webhook.Unverified(w.receiver), heap()-before
	t.Logf("%d of %d clients were refused; %d MiB are counted, %d MiB used", w.refused(), clients, counted/mib, used/mib)
	if counted > 64*mib || used > 72*mib {
		t.Errorf("the bodies of %d slow clients take %d MiB, counted as %d", clients, used/mib, counted/mib)
	}
	if code, _ := deliver(t, server.URL, linux()); code != http.StatusAccepted {
		t.Errorf("meanwhile a job is answered %d", code)
	}
	if code, header := deliver(t, server.URL, large); code != 0 && (code != http.StatusServiceUnavailable || header.Get("Retry-After") == "") {
		t.Errorf("meanwhile a large delivery is answered %d %v", code, header)
	}
	hangUp()
	eventually(t, "the memory is free again", func() bool { return webhook.Unverified(w.receiver) == 0 })
	if code, _ := deliver(t, server.URL, large); code != http.StatusAccepted {
		t.Errorf("afterwards a large delivery is answered %d", code)
	}
}

func TestWhatIsOnlyAnnouncedCostsNoMemory(t *testing.T) {
	w := newWorld(t)
	server := httptest.NewServer(w.receiver)
	t.Cleanup(server.Close) // after the clients have hung up
	before := heap()
	const clients = 100
	slowClients(t, server.Listener.Addr().String(), clients, 1)
	eventually(t, "all are being read", func() bool { return webhook.Unverified(w.receiver) >= clients*4096 })
	if counted, used := webhook.Unverified(w.receiver), heap()-before; counted != clients*4096 || used > 16*mib {
		t.Errorf("%d bodies of one byte take %d KiB, counted as %d", clients, used>>10, counted>>10)
	}
}

func TestABodyThatNeverEndsHoldsItsMemoryAsLongAsTheServerReads(t *testing.T) {
	w := newWorld(t)
	server := httptest.NewUnstartedServer(w.receiver)
	server.Config.ReadTimeout = 200 * time.Millisecond
	server.Start()
	t.Cleanup(server.Close) // after the clients have hung up
	slowClients(t, server.Listener.Addr().String(), 10, mib)
	eventually(t, "all are answered", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return len(w.outcomes) == 10
	})
	eventually(t, "the memory is free again", func() bool { return webhook.Unverified(w.receiver) == 0 })
}
