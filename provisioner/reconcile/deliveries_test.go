package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/reconcile"
)

// log is a delivery log with two failed deliveries.
type log struct {
	asked []string
	fail  error
}

func (l *log) Name() string { return "octo-org/1" }

func (l *log) Failed(_ context.Context, after string) ([]int64, string, error) {
	l.asked = append(l.asked, after)
	if after == "12" {
		return nil, "12", nil
	}
	return []int64{11, 12}, "12", nil
}

func (l *log) Redeliver(_ context.Context, id int64) error {
	if l.fail != nil && id == 12 {
		return l.fail
	}
	return nil
}

// store is kept by a map.
type store map[string]string

func (n store) Get(_ context.Context, key string) (string, bool, error) {
	v, ok := n[key]
	return v, ok, nil
}

func (n store) Put(_ context.Context, key, value string) error {
	n[key] = value
	return nil
}

func TestFailedDeliveriesAreProcessedOnceAcrossRestarts(t *testing.T) {
	for _, c := range []struct {
		name  string
		store reconcile.Store
	}{{"with a store", store{}}, {"in memory", nil}} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, l := &world{}, &log{fail: provisioner.ErrUnavailable}
				s := newSweeper(w, reconcile.Config{Deliveries: []reconcile.DeliveryLog{l}, Store: c.store})
				if did := sweeps(t, w, s, 1); did[0] != "error" {
					t.Error("a delivery that can't be processed is no error")
				}
				l.fail = nil
				if r, err := s.Sweep(t.Context()); err != nil || r.Recovered != 1 {
					t.Errorf("report %+v, %v", r, err)
				}
				if c.store != nil {
					s = newSweeper(w, reconcile.Config{Deliveries: []reconcile.DeliveryLog{l}, Store: c.store})
				}
				sweeps(t, w, s, 1)
				if want := []string{"", "", "12"}; !slices.Equal(l.asked, want) {
					t.Errorf("the log was read after %q, want %q", l.asked, want)
				}
			})
		})
	}
}

// flood is a log of many failed deliveries, some of which can't be processed.
type flood struct {
	mu    sync.Mutex
	n     int64
	fails map[int64]error
	tries map[int64]int
}

func (l *flood) Name() string { return "octo-org/2" }

func (l *flood) Failed(_ context.Context, after string) (ids []int64, cursor string, err error) {
	from, _ := strconv.ParseInt(after, 10, 64)
	for id := from + 1; id <= l.n; id++ {
		ids = append(ids, id)
	}
	return ids, strconv.FormatInt(l.n, 10), nil
}

func (l *flood) Redeliver(_ context.Context, id int64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tries[id]++
	return l.fails[id]
}

func TestADeliveryThatCanNotBeProcessedHoldsUpNoOther(t *testing.T) {
	for name, c := range map[string]struct {
		err   error
		tries int
	}{
		"GitHub has lost its payload": {fmt.Errorf("get delivery: %w", provisioner.ErrNotFound), 1},
		"GitHub fails at it":          {&provisioner.GitHubError{Err: provisioner.ErrUnavailable}, 10},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, kept := &world{}, store{}
				l := &flood{n: 500, fails: map[int64]error{100: c.err}, tries: map[int64]int{}}
				s := newSweeper(w, reconcile.Config{Deliveries: []reconcile.DeliveryLog{l}, Store: kept})
				recovered := 0
				for range 30 {
					r, _ := s.Sweep(t.Context())
					recovered += r.Recovered
					if r.Recovered > 100 {
						t.Errorf("%d deliveries in one sweep", r.Recovered)
					}
				}
				if recovered != 499 || kept["deliveries/octo-org/2"] != "500" {
					t.Errorf("%d of 499 were processed, and the cursor is at %s", recovered, kept["deliveries/octo-org/2"])
				}
				for id := range l.n {
					want := 1
					if id+1 == 100 {
						want = c.tries
					}
					if got := l.tries[id+1]; got != want {
						t.Errorf("delivery %d was fetched %d times, want %d", id+1, got, want)
					}
				}
			})
		})
	}
}

// The queue is full, or its disk is.
func TestADeliveryThatCanNotBeAcceptedHereIsTriedAsLongAsItTakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &flood{n: 1, fails: map[int64]error{1: errors.New("503: the queue is full")}, tries: map[int64]int{}}
		s := newSweeper(&world{}, reconcile.Config{Deliveries: []reconcile.DeliveryLog{l}})
		for range 30 {
			if _, err := s.Sweep(t.Context()); err == nil {
				t.Fatal("no error")
			}
		}
		l.fails = nil
		if r, err := s.Sweep(t.Context()); err != nil || r.Recovered != 1 {
			t.Errorf("report %+v, %v", r, err)
		}
	})
}

func TestRepositoriesSeenAreLookedAfterAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := store{}
		w := &world{}
		s := reconcile.New(w, w, w, w, reconcile.Config{Store: n})
		s.MarkActive(app)
		sweeps(t, w, s, 1)
		w.queue(1)
		s = reconcile.New(w, w, w, w, reconcile.Config{Store: n})
		if did := sweeps(t, w, s, 2); did[1] != "start grp-linux-1-1" {
			t.Errorf("after a restart the sweeps did %q", did)
		}
	})
}

func TestRepositoriesThatAreNotAllowedAreNotServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		w.queue(1)
		s := newSweeper(w, reconcile.Config{Allowed: func(r provisioner.Repository) bool { return r != app }})
		if did := sweeps(t, w, s, 3); did[2] != "" {
			t.Errorf("the sweeps did %q", did)
		}
	})
}
