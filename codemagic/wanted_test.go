package codemagic_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/datawire/github-runner-provisioner/codemagic"
	"github.com/datawire/github-runner-provisioner/codemagic/codemagictest"
	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest/fakehttp"
)

// confirmed is a launch whose machine is wanted until an age at which it is not, for a reason. The
// times at which it was asked are kept.
func confirmed(until time.Duration, reason error) (l provisioner.Launch, asked *[]time.Duration) {
	l, asked = launch(7), &[]time.Duration{}
	began := time.Now()
	l.Confirm = func(context.Context) error {
		age := time.Since(began)
		*asked = append(*asked, age)
		if age < until {
			return nil
		}
		return fmt.Errorf("job 7: %w", reason)
	}
	return l, asked
}

const never = time.Hour

func TestAStartIsNotRepeatedForAJobThatIsOver(t *testing.T) {
	someError := errors.New("something else")
	const start = "POST /builds"
	for name, test := range map[string]struct {
		faults fakehttp.Faults
		until  time.Duration
		reason error
		builds int
		starts int
		took   time.Duration
	}{
		"the answer was lost": {
			faults: first(1, start, fakehttp.Fault{Lose: true}), reason: provisioner.ErrNotWanted, builds: 1, starts: 1, took: time.Second,
		},
		"the request was lost": {
			faults: first(1, start, fakehttp.Fault{Drop: true}), until: 4 * time.Second, reason: provisioner.ErrNotWanted, starts: 1, took: 6 * time.Second,
		},
		"it ends while the last look is answered": {
			faults: both(first(1, start, fakehttp.Fault{Drop: true}), always("GET /builds", fakehttp.Fault{Delay: time.Second})),
			until:  14 * time.Second, reason: provisioner.ErrNotWanted, starts: 1, took: 14 * time.Second,
		},
		"the second request was lost too": {
			faults: first(2, start, fakehttp.Fault{Drop: true}), until: 11 * time.Second, reason: provisioner.ErrNotWanted, starts: 2, took: 11 * time.Second,
		},
		"it ends during a rate limit": {
			faults: inTurn(start, fakehttp.Fault{Drop: true}, fakehttp.Fault{Status: 429}), until: 30 * time.Second,
			reason: provisioner.ErrNotWanted, starts: 2, took: 71 * time.Second,
		},
		"another reason": {
			faults: first(1, start, fakehttp.Fault{Lose: true}), reason: someError, builds: 1, starts: 1, took: time.Second,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := newFake(codemagictest.Config{ListLag: time.Hour})
				fake.SetFaults(test.faults)
				l, _ := confirmed(test.until, test.reason)
				began := time.Now()
				_, err := newProvider(t, fake, codemagic.Config{}).Launch(within(t, 5*time.Minute), l)
				if !errors.Is(err, test.reason) {
					t.Errorf("error %v, want %v", err, test.reason)
				}
				if unknown := errors.Is(err, provisioner.ErrNoAnswer); unknown == errors.Is(test.reason, provisioner.ErrNotWanted) {
					t.Errorf("error %v says that the outcome is unknown: %t", err, unknown)
				}
				if len(fake.Builds()) != test.builds || fake.Calls()[start] != test.starts {
					t.Errorf("%d builds of %d starts, want %d of %d", len(fake.Builds()), fake.Calls()[start], test.builds, test.starts)
				}
				if took := time.Since(began); took != test.took {
					t.Errorf("it took %s, want %s", took, test.took)
				}
			})
		})
	}
}

func TestALaunchAsksAfterEveryWaitAndBeforeEveryRepetition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(codemagictest.Config{})
		fake.SetFaults(first(1, "POST /builds", fakehttp.Fault{Drop: true}))
		l, asked := confirmed(never, nil)
		if _, err := newProvider(t, fake, codemagic.Config{}).Launch(t.Context(), l); err != nil {
			t.Fatal(err)
		}
		want := []time.Duration{time.Second, 3 * time.Second, 6 * time.Second, 10 * time.Second, 10 * time.Second}
		if !slices.Equal(*asked, want) {
			t.Errorf("asked at %v, want %v", *asked, want)
		}
	})
}

func TestALaunchAsksBeforeItsFirstStartIfItLookedUpTheRelease(t *testing.T) {
	for name, test := range map[string]struct {
		downloads codemagic.Downloads
		until     time.Duration
		ends      bool
		asked     int
	}{
		"it knew nobody to ask":         {nil, 0, false, 0},
		"the job waits":                 {releases{found: release}, never, false, 1},
		"the job is over":               {releases{found: release}, 0, true, 1},
		"it is over after a long while": {releases{hangs: true}, time.Second, true, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := newFake(codemagictest.Config{})
				l, asked := confirmed(test.until, provisioner.ErrNotWanted)
				_, err := newProvider(t, fake, codemagic.Config{Downloads: test.downloads}).Launch(t.Context(), l)
				if errors.Is(err, provisioner.ErrNotWanted) != test.ends || (err != nil) != test.ends || errors.Is(err, provisioner.ErrNoAnswer) {
					t.Errorf("error %v", err)
				}
				if (fake.Calls()["POST /builds"] == 0) != test.ends || len(*asked) != test.asked {
					t.Errorf("calls %v, asked at %v", fake.Calls(), *asked)
				}
			})
		})
	}
}
