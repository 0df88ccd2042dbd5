package awsrunner

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const jit = "SECRETCONFIGURATIONxxxxxxxxxxxxxxxxxxxxxxxxxxx=="

// stub is a runner that behaves as its case asks; it leaves what it saw behind.
const stub = `#!/bin/bash
out="%[1]s"
{ echo "user=$(id -un)"; echo "home=$HOME"; echo "jit=$ACTIONS_RUNNER_INPUT_JITCONFIG"; echo "args=$*"; } > "%[1]s/saw"
chmod 0644 "%[1]s/saw"
if grep -rlsF "$ACTIONS_RUNNER_INPUT_JITCONFIG" "$PWD" > "%[1]s/files" ; then :; fi
if ps -eo args | grep -F "$ACTIONS_RUNNER_INPUT_JITCONFIG" | grep -v grep > "%[1]s/ps"; then :; fi
%[2]s
`

// sleepStub lets the seconds of one of the script's waits pass at once, but not before the runner
// is ready, and leaves behind who waits.
const sleepStub = `if [ "$1" = "%[2]s" ]; then
  echo "$PPID" > "%[1]s/new"
  chmod 0644 "%[1]s/new"
  mv "%[1]s/new" "%[1]s/waiting"
  until [ -e "%[1]s/ready" ]; do "%[3]s" 0.02; done
  exit 0
fi
exec "%[3]s" "$@"`

func archive(t *testing.T, run string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	if err := w.WriteHeader(&tar.Header{Name: "run.sh", Mode: 0o755, Size: int64(len(run))}); err != nil {
		t.Fatal(err)
	}
	_, _ = w.Write([]byte(run))
	_ = w.Close()
	_ = z.Close()
	return b.Bytes()
}

// machine is a place where a start-up script runs for real, but for its shutdown.
type testMachine struct {
	dir, out string
	x        start
}

func newTestMachine(t *testing.T, behaviour, passes string) *testMachine {
	t.Helper()
	tools := map[string]string{}
	for _, tool := range []string{"bash", "curl", "ps", "pgrep", "sleep"} {
		path, err := exec.LookPath(tool)
		if err != nil {
			t.Skipf("SKIPPED: the start-up script is not run, because %s is missing", tool)
		}
		tools[tool] = path
	}
	dir := t.TempDir()
	for d := dir; d != "/" && d != "."; d = filepath.Dir(d) {
		if strings.HasPrefix(d, os.TempDir()+"/") {
			_ = os.Chmod(d, 0o755) // for the unprivileged user
		}
	}
	out := filepath.Join(dir, "out")
	bin := filepath.Join(dir, "bin")
	for _, d := range []string{out, bin} {
		if err := os.Mkdir(d, 0o777); err != nil {
			t.Fatal(err)
		}
		_ = os.Chmod(d, 0o777)
	}
	write := func(name, text string) {
		syscall.ForkLock.RLock() // a file that a child inherited open for writing can't be executed
		defer syscall.ForkLock.RUnlock()
		if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write("shutdown", fmt.Sprintf(`echo "$*" >> %q`, filepath.Join(out, "shutdown")))
	write("sleep", fmt.Sprintf(sleepStub, out, passes, tools["sleep"]))
	write("curl", fmt.Sprintf(`exec %q "$@" --retry 0`, tools["curl"])) // which would be seconds apart
	write("poweroff", "echo 'the real thing must not be called' >&2; exit 1")
	body := archive(t, fmt.Sprintf(stub, out, behaviour))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body) }))
	t.Cleanup(server.Close)
	sum := sha256.Sum256(body)
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	runnerUser := me.Username
	if me.Uid == "0" {
		runnerUser = "nobody"
	}
	return &testMachine{dir: dir, out: out, x: start{
		Name: "grp-linux-1-1", User: runnerUser, Dir: filepath.Join(dir, "runner"), State: filepath.Join(dir, "state"), URL: server.URL + "/runner.tar.gz",
		SHA256: hex.EncodeToString(sum[:]), Lifetime: 3600, Idle: 3600, JITConfig: jit, PlainHTTP: true,
	}}
}

// run runs the script to its end and returns its output.
func (m *testMachine) run(t *testing.T, system string) string {
	t.Helper()
	script, err := m.x.render(system)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute) // for a script that hangs
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-s")
	cmd.Stdin = strings.NewReader(script)
	cmd.Env = append(cmd.Environ(), "PATH="+filepath.Join(m.dir, "bin")+":"+os.Getenv("PATH"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	logFile, err := os.Create(filepath.Join(m.out, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = logFile.Close() }()
	cmd.Stdout, cmd.Stderr = logFile, logFile // a file: the watchdog outlives the script, and a pipe would be waited for
	_ = cmd.Run()
	t.Cleanup(func() { killSession(cmd.Process.Pid) })
	return m.read("log")
}

func (m *testMachine) read(name string) string {
	b, _ := os.ReadFile(filepath.Join(m.out, name))
	return string(b)
}

// killSession ends what a script left running, such as its watchdog.
func killSession(sid int) {
	out, _ := exec.Command("ps", "-o", "pid=", "-s", fmt.Sprint(sid)).Output()
	for f := range strings.FieldsSeq(string(out)) {
		var pid int
		if _, err := fmt.Sscan(f, &pid); err == nil {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}
