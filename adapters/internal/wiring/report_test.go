package wiring

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/github"
	"github.com/datawire/github-runner-provisioner/provisioner/journal"
)

// held holds back all jobs for one reason, or for none.
type held struct {
	why atomic.Pointer[provisioner.Reason]
}

func (h *held) Reason(string, provisioner.Repository) (why provisioner.Reason, ok bool) {
	if r := h.why.Load(); r != nil {
		return *r, true
	}
	return why, false
}

// TestAWaitIsShownOncePerReasonAndTakenBack follows a job from its acceptance to its start, and
// says what is shown of it when.
func TestAWaitIsShownOncePerReasonAndTakenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		h := &held{}
		j := journal.New(journal.Config{})
		j.Ask(h)
		var shown []string
		r := newReporter(j, func(_ context.Context, job provisioner.Job, n github.Notice) error {
			shown = append(shown, fmt.Sprintf("%s %d %s %.20s", time.Since(begun).Round(time.Second), job.ID, n.State, n.Text))
			return errors.New("and it fails, which is no reason to repeat it")
		}, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { r.run(ctx); close(done) }()
		tell := func(id int64, kind provisioner.EventKind, edit func(*provisioner.Event)) {
			e := provisioner.Event{Kind: kind, RunnerType: "linux", Job: provisioner.Job{ID: id, HeadSHA: "abc", Repository: provisioner.Repository{Owner: "o", Name: "r"}}}
			if edit != nil {
				edit(&e)
			}
			j.Observe(t.Context(), e)
		}
		tell(1, provisioner.EventAccepted, nil)
		tell(2, provisioner.EventAccepted, func(e *provisioner.Event) { e.Job.HeadSHA = "" })
		tell(3, provisioner.EventAccepted, nil)
		tell(4, provisioner.EventDenied, func(e *provisioner.Event) { e.Reason.Because = provisioner.BecauseNotAllowed })
		time.Sleep(time.Minute + time.Second) // so that nothing happens at the moment of a look
		tell(3, provisioner.EventStarted, nil)
		h.why.Store(&provisioner.Reason{Because: provisioner.BecauseMax, Type: "linux", Max: 3})
		time.Sleep(2 * time.Minute) // 3m
		h.why.Store(&provisioner.Reason{Because: provisioner.BecauseCapacity, Type: "linux", System: "aws"})
		time.Sleep(time.Minute) // 4m
		h.why.Store(&provisioner.Reason{Because: provisioner.BecauseCapacity, Type: "linux", System: "aws", Until: time.Now().Add(time.Second)})
		time.Sleep(time.Minute) // 5m
		h.why.Store(nil)
		tell(1, provisioner.EventRegistered, nil)
		tell(1, provisioner.EventLaunched, func(e *provisioner.Event) { e.Machine.ID = "i-1" })
		time.Sleep(time.Minute) // 6m
		tell(1, provisioner.EventOnline, func(e *provisioner.Event) { e.Machine.ID = "i-1" })
		time.Sleep(time.Minute)
		tell(1, provisioner.EventStarted, nil)
		time.Sleep(time.Minute)
		cancel()
		<-done
		want := []string{
			"5s 4 error It is denied: . Some", "2m0s 1 pending linux has its 3 mach", "3m5s 1 pending EC2 has no capacity", "6m5s 1 success Its runner is online",
		}
		for i := range shown {
			shown[i] = strings.TrimSpace(shown[i])
		}
		if !slices.Equal(shown, want) {
			t.Errorf("shown:\n%s\nwant\n%s", strings.Join(shown, "\n"), strings.Join(want, "\n"))
		}
	})
}

func TestReportsKeepToGitHubsLimitForContent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := journal.New(journal.Config{})
		shown := map[int64]int{}
		r := newReporter(j, func(_ context.Context, job provisioner.Job, _ github.Notice) error { shown[job.ID]++; return nil }, slog.New(slog.DiscardHandler))
		for id := range int64(1000) {
			j.Observe(t.Context(), provisioner.Event{Kind: provisioner.EventAccepted, RunnerType: "linux", Job: provisioner.Job{ID: id + 1, HeadSHA: "abc"}})
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour+reportAfter)
		defer cancel()
		r.run(ctx)
		if len(shown) < 400 || len(shown) > 500 {
			t.Errorf("%d jobs were shown in an hour", len(shown))
		}
		for id, n := range shown {
			if n != 1 {
				t.Errorf("job %d was shown %d times", id, n)
			}
		}
	})
}

// What is shown at GitHub stays until there is another reason, so it holds no time that is over
// soon.
func TestANoticeHoldsWhatLasts(t *testing.T) {
	at := time.Now().Add(time.Hour)
	for want, why := range map[string]provisioner.Reason{
		"EC2 fails: one job probes and the rest follow, next within a minute.":                                                  {Because: provisioner.BecauseUnavailable, System: "aws", Ahead: 7, Until: time.Now().Add(25 * time.Second)},
		"GitHub's rate limit is used up: it is tried again at " + at.UTC().Format("15:04:05 UTC") + ", as soon as that allows.": {Because: provisioner.BecauseRateLimit, System: "github", Until: at},
		"Nothing holds it back, but 7 jobs of linux come first. It is tried in its turn.":                                       {Because: provisioner.BecauseBehind, Type: "linux", Ahead: 7},
	} {
		if got := lasting(why).String(); got != want {
			t.Errorf("%s\nwant\n%s", got, want)
		}
	}
}
