package codemagic_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/datawire/github-runner-provisioner/codemagic"
	"github.com/datawire/github-runner-provisioner/codemagic/codemagictest"
	"github.com/datawire/github-runner-provisioner/provisioner"
)

var release = provisioner.RunnerDownload{Version: "2.338.0", URL: "https://example.com/runner.tar.gz", SHA256: "5e1f"}

type releases struct {
	found provisioner.RunnerDownload
	err   error
	asked *string
	hangs bool
}

func (d releases) RunnerDownload(ctx context.Context, t provisioner.Target, os, arch string) (provisioner.RunnerDownload, error) {
	if d.asked != nil {
		*d.asked = t.String() + " " + os + " " + arch
	}
	if d.hangs {
		<-ctx.Done()
		return provisioner.RunnerDownload{}, ctx.Err()
	}
	return d.found, d.err
}

func TestTheReleaseIsThatOfTheRunnersTarget(t *testing.T) {
	for name, test := range map[string]struct {
		scope provisioner.Scope
		want  string
	}{
		"a repository's":    {provisioner.ScopeRepository, "octo/app osx arm64"},
		"an organisation's": {provisioner.ScopeOrganization, "octo osx arm64"},
	} {
		t.Run(name, func(t *testing.T) {
			var asked string
			p := newProvider(t, newFake(codemagictest.Config{}), codemagic.Config{Downloads: releases{found: release, asked: &asked}})
			l := launch(7)
			l.Type.Scope = test.scope
			if _, err := p.Launch(t.Context(), l); err != nil || asked != test.want {
				t.Errorf("asked for %q, error %v, want %q", asked, err, test.want)
			}
		})
	}
}

func TestALaunchGoesOnWithoutTheRelease(t *testing.T) {
	for name, downloads := range map[string]codemagic.Downloads{
		"nobody to ask": nil,
		"a failure":     releases{err: errors.New("GitHub is down")},
		"silence":       releases{hangs: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := newFake(codemagictest.Config{})
				began := time.Now()
				if _, err := newProvider(t, fake, codemagic.Config{Downloads: downloads}).Launch(t.Context(), launch(7)); err != nil {
					t.Fatal(err)
				}
				if _, named := fake.Builds()[0].Variables["RUNNER_DOWNLOAD_URL"]; named {
					t.Error("a release is named that nobody knows")
				}
				if took := time.Since(began); took > 5*time.Second {
					t.Errorf("the launch was held up for %s", took)
				}
			})
		})
	}
}

func TestAFailedLookUpUsesTheLastReleaseKnown(t *testing.T) {
	fake := newFake(codemagictest.Config{})
	var log bytes.Buffer
	downloads := &releases{found: release}
	p := newProvider(t, fake, codemagic.Config{Downloads: downloads, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	for range 2 {
		if _, err := p.Launch(t.Context(), launch(7)); err != nil {
			t.Fatal(err)
		}
		*downloads = releases{err: errors.New("GitHub is down")}
	}
	if got := fake.Builds()[1].Variables["RUNNER_DOWNLOAD_URL"]; got != release.URL {
		t.Errorf("the release is %q, want the one of the launch before", got)
	}
	if !strings.Contains(log.String(), "GitHub is down") || strings.Contains(log.String(), jit.Reveal()) {
		t.Errorf("the log says:\n%s", &log)
	}
}
