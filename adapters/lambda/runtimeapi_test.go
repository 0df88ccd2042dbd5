package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// function is the built binary behind the runtime API that Lambda gives it
// (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html).
type function struct {
	cmd     *exec.Cmd
	log     string        // the file that it writes to
	done    chan struct{} // closed when the process has ended
	events  chan invocation
	asked   chan struct{} // closed when the function asks for its first event
	askOnce sync.Once

	mu      sync.Mutex
	waiting map[string]chan result
	serial  int
}

type invocation struct {
	id       string
	event    []byte
	deadline time.Time
}

// result is what the function answered: a response, or an error.
type result struct {
	body  []byte
	error bool
}

// cold starts the binary as a new execution environment does.
func cold(t testing.TB, env map[string]string) *function {
	t.Helper()
	f := &function{cmd: exec.Command(binary), done: make(chan struct{}), events: make(chan invocation), asked: make(chan struct{}), waiting: map[string]chan result{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", f.next)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/response", f.answer(false))
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/error", f.answer(true))
	api := httptest.NewServer(mux)
	f.cmd.Env = append(f.cmd.Env, "AWS_LAMBDA_RUNTIME_API="+strings.TrimPrefix(api.URL, "http://"))
	for k, v := range env {
		f.cmd.Env = append(f.cmd.Env, k+"="+v)
	}
	log, err := os.Create(filepath.Join(t.TempDir(), "log")) // and no pipe: what was written before an answer is there when the answer is
	if err != nil {
		t.Fatal(err)
	}
	f.log, f.cmd.Stdout, f.cmd.Stderr = log.Name(), log, log
	if err := f.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(f.done)
		_ = f.cmd.Wait()
		_ = log.Close()
	}()
	t.Cleanup(func() {
		f.kill()
		if out := f.output(); strings.Contains(out, "DATA RACE") {
			t.Errorf("the function has a data race:\n%s", out)
		}
		api.CloseClientConnections()
		api.Close()
	})
	return f
}

// kill ends the environment at once.
func (f *function) kill() {
	_ = f.cmd.Process.Kill()
	<-f.done
}

// output is what the function has written so far.
func (f *function) output() string {
	b, err := os.ReadFile(f.log)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

func (f *function) next(w http.ResponseWriter, r *http.Request) {
	f.askOnce.Do(func() { close(f.asked) })
	select {
	case in := <-f.events:
		w.Header().Set("Lambda-Runtime-Aws-Request-Id", in.id)
		w.Header().Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(in.deadline.UnixMilli(), 10))
		w.Header().Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:000000000000:function:f")
		_, _ = w.Write(in.event)
	case <-r.Context().Done():
	}
}

func (f *function) answer(failed bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		f.mu.Lock()
		c := f.waiting[r.PathValue("id")]
		delete(f.waiting, r.PathValue("id"))
		f.mu.Unlock()
		if c != nil {
			c <- result{body: body, error: failed}
		}
		w.WriteHeader(http.StatusAccepted)
	}
}

// send gives the function an event, and returns where its answer will be.
func (f *function) send(ctx context.Context, event []byte) (<-chan result, error) {
	c := make(chan result, 1)
	f.mu.Lock()
	f.serial++
	id := fmt.Sprintf("request-%d", f.serial)
	f.waiting[id] = c
	f.mu.Unlock()
	select {
	case f.events <- invocation{id: id, event: event, deadline: time.Now().Add(time.Minute)}:
		return c, nil
	case <-f.done:
		return nil, fmt.Errorf("the function has ended:\n%s", f.output())
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// patience ends a test that hangs. No test depends on how fast the machine is.
const patience = 2 * time.Minute

// invoke returns the function's answer to an event.
func (f *function) invoke(t testing.TB, event []byte) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := f.send(ctx, event)
	if err != nil {
		t.Fatal(err)
	}
	select {
	case r := <-c:
		return r
	case <-f.done:
		t.Fatalf("the function ended in the middle of an event:\n%s", f.output())
	case <-ctx.Done():
		t.Fatalf("the function does not answer:\n%s", f.output())
	}
	return result{}
}

func encode(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
