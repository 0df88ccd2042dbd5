package github_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/github"
	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest/fakehttp"
)

const downloading = "GET /repos/octo/shop/actions/runners/downloads"

var releases = []object{
	{"os": "osx", "architecture": "arm64", "download_url": "https://dl.test/osx", "filename": "actions-runner-osx-arm64-2.338.0.tar.gz", "sha256_checksum": "aa"},
	{"os": "linux", "architecture": "x64", "download_url": "https://dl.test/x64", "filename": "actions-runner-linux-x64-2.338.0.tar.gz", "sha256_checksum": "bb"},
	{"os": "linux", "architecture": "arm64", "download_url": "https://dl.test/arm", "filename": "actions-runner-linux-arm64-2.338.0.tar.gz"},
	{"os": "win", "architecture": "x64", "download_url": "https://dl.test/win", "filename": "actions-runner.zip", "sha256_checksum": "cc"},
}

func TestARunnerDownloadIsWhatTheMachineCanCheck(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]http.HandlerFunc{downloading: func(w http.ResponseWriter, r *http.Request) { answer(w, r, releases) }})
	c := s.client(t, github.Config{})
	for name, x := range map[string]struct {
		os, arch, refusal string
		want              provisioner.RunnerDownload
	}{
		"GitHub's names":     {"linux", "x64", "", provisioner.RunnerDownload{Version: "2.338.0", URL: "https://dl.test/x64", SHA256: "bb"}},
		"Go's names":         {"darwin", "arm64", "", provisioner.RunnerDownload{Version: "2.338.0", URL: "https://dl.test/osx", SHA256: "aa"}},
		"Go's architecture":  {"linux", "amd64", "", provisioner.RunnerDownload{Version: "2.338.0", URL: "https://dl.test/x64", SHA256: "bb"}},
		"no checksum":        {"linux", "arm64", "no checksum", provisioner.RunnerDownload{}},
		"no version":         {"windows", "x64", "version", provisioner.RunnerDownload{}},
		"no such release":    {"linux", "riscv64", "offers none", provisioner.RunnerDownload{}},
		"no such system too": {"plan9", "x64", "offers none", provisioner.RunnerDownload{}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := c.RunnerDownload(t.Context(), repo, x.os, x.arch)
			if got != x.want {
				t.Errorf("got %+v, want %+v", got, x.want)
			}
			if x.refusal == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			outcome{is: provisioner.ErrRefused, message: x.refusal}.check(t, err)
		})
	}
	if n := s.total(); n != 1 {
		t.Errorf("%d requests", n)
	}
}

func TestDownloadsAreKeptAnHourAndADayWhileGitHubFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var sent int
		var failing bool
		c := newClient(t, github.Config{BaseURL: "http://github.test", Transport: fakehttp.Loopback(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			sent++
			if failing {
				fail(w, 500, "Server Error")
				return
			}
			answer(w, r, releases)
		}))})
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		expect := func(requests int, want error) {
			t.Helper()
			before := sent
			_, err := c.RunnerDownload(t.Context(), repo, "linux", "x64")
			if !errors.Is(err, want) || sent-before != requests {
				t.Errorf("after %d requests: %v", sent-before, err)
			}
		}
		const reads = 3 // a read that fails is repeated twice
		expect(1, nil)
		time.Sleep(59 * time.Minute)
		expect(0, nil)
		time.Sleep(2 * time.Minute)
		expect(1, nil)
		failing = true
		time.Sleep(61 * time.Minute)
		expect(reads, nil)
		expect(0, nil) // GitHub is left alone for a minute
		time.Sleep(time.Minute)
		expect(reads, nil)
		time.Sleep(time.Minute)
		if _, err := c.RunnerDownload(gone, repo, "linux", "x64"); !errors.Is(err, context.Canceled) {
			t.Errorf("a caller that has gone: %v", err)
		}
		expect(reads, nil) // nobody else waits for that
		time.Sleep(23 * time.Hour)
		expect(reads, provisioner.ErrUnavailable)
		failing = false
		expect(1, nil)
	})
}

func TestManyLaunchesAtOnceAskForTheDownloadsOnce(t *testing.T) {
	t.Parallel()
	var waiting atomic.Int32
	s := serve(t, map[string]http.HandlerFunc{downloading: func(w http.ResponseWriter, r *http.Request) {
		for begun := time.Now(); waiting.Load() < 20 && time.Since(begun) < 10*time.Second; {
			time.Sleep(time.Millisecond)
		}
		answer(w, r, releases)
	}})
	c := s.client(t, github.Config{})
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			waiting.Add(1)
			if _, err := c.RunnerDownload(t.Context(), repo, "linux", "x64"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := s.count(downloading); n != 1 {
		t.Errorf("%d requests", n)
	}
}

func TestARunnersEndIsKnown(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]http.HandlerFunc{
		"GET /repos/octo/shop/actions/runners/deprecations/{version}": func(w http.ResponseWriter, r *http.Request) {
			switch r.PathValue("version") {
			case "2.336.0":
				answer(w, r, object{"runner_version": "2.336.0", "runtime_deprecates_at": "2026-11-05T00:00:00Z"})
			case "2.338.0":
				answer(w, r, object{"runner_version": "2.338.0", "runtime_deprecates_at": nil})
			default:
				fail(w, 404, "Not Found")
			}
		},
	})
	c := s.client(t, github.Config{})
	if at, err := c.RunnerDeprecation(t.Context(), repo, "2.336.0"); err != nil || !at.Equal(time.Date(2026, 11, 5, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("got %s: %v", at, err)
	}
	if at, err := c.RunnerDeprecation(t.Context(), repo, "2.338.0"); err != nil || !at.IsZero() {
		t.Errorf("without an end: %s: %v", at, err)
	}
	_, err := c.RunnerDeprecation(t.Context(), repo, "1.0.0")
	outcome{is: provisioner.ErrNotFound}.check(t, err)
	_, err = c.RunnerDeprecation(t.Context(), repo, "../../x")
	if err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("a version that is none: %v", err)
	}
}
