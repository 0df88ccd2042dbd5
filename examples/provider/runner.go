//go:build linux || darwin

package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner/github/githubtest"
)

// runner stands for GitHub's runner: it connects with its configuration, runs its job and ends.
func runner(site string) error {
	jit := os.Getenv("ACTIONS_RUNNER_INPUT_JITCONFIG")
	if err := post(site+"/online", jit); err != nil {
		return err
	}
	fmt.Printf("a configuration of %d bytes by the environment, %d arguments, %d variables\n", len(jit), len(os.Args)-1, len(os.Environ()))
	time.Sleep(200 * time.Millisecond)
	return post(site+"/done", jit)
}

func post(url, body string) error {
	resp, err := http.Post(url, "text/plain", strings.NewReader(body)) //nolint:gosec // the machine's lifetime is the limit
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s", url, resp.Status)
	}
	return nil
}

// site is the fake GitHub, and beside its API what a runner tells it. A runner comes online when
// somebody receives that.
func site(fake *githubtest.Server, online <-chan struct{}) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", fake)
	mux.HandleFunc("POST /online", func(w http.ResponseWriter, r *http.Request) {
		<-online
		jit, err := io.ReadAll(r.Body)
		if err == nil {
			_, err = fake.Connect(string(jit))
		}
		if err != nil || len(fake.Assign()) != 1 {
			http.Error(w, fmt.Sprint("no job: ", err), http.StatusForbidden)
		}
	})
	mux.HandleFunc("POST /done", func(http.ResponseWriter, *http.Request) {
		for _, r := range fake.Runners() {
			fake.FinishJob(r.Job, "success")
		}
	})
	return mux
}
