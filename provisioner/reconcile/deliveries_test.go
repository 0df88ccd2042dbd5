package reconcile_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/reconcile"
)

// log is a delivery log with two failed deliveries.
type log struct {
	asked       []string
	redelivered []int64
	fail        error
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
	l.redelivered = append(l.redelivered, id)
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
				if r, err := s.Sweep(t.Context()); err != nil || r.Recovered != 2 {
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
