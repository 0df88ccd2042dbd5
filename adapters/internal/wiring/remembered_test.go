package wiring

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestAnAnswerIsSharedAndRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		r := NewRemembered(func(context.Context) (int64, error) {
			time.Sleep(100 * time.Millisecond)
			return asked.Add(1), nil
		}, 2*time.Second, 5*time.Second)
		for want := range int64(3) {
			var callers sync.WaitGroup
			for range 300 {
				callers.Go(func() {
					if got, err := r.Get(t.Context()); err != nil || got != want+1 {
						t.Errorf("%d, %v, want %d", got, err, want+1)
					}
				})
			}
			callers.Wait()
			time.Sleep(4900 * time.Millisecond)
			if got, err := r.Get(t.Context()); err != nil || got != want+1 {
				t.Errorf("%d, %v: it was forgotten early", got, err)
			}
			time.Sleep(200 * time.Millisecond)
		}
	})
}

func TestNobodyWaitsLongerThanTheLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		release := make(chan struct{})
		r := NewRemembered(func(context.Context) (bool, error) { // of a disk that hangs, no context helps
			asked.Add(1)
			<-release
			return true, nil
		}, 2*time.Second, time.Second)
		for range 3 {
			begun := time.Now()
			if _, err := r.Get(t.Context()); !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) != 2*time.Second {
				t.Errorf("%v after %s", err, time.Since(begun))
			}
		}
		if n := asked.Load(); n != 1 {
			t.Errorf("%d questions wait", n)
		}
		close(release)
		synctest.Wait()
		if ok, err := r.Get(t.Context()); err != nil || !ok {
			t.Errorf("afterwards: %t, %v", ok, err)
		}
	})
}

func TestAnErrorIsRememberedToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fault := errors.New("down")
		r := NewRemembered(func(context.Context) (struct{}, error) { return struct{}{}, fault }, time.Second, time.Second)
		if _, err := r.Get(t.Context()); !errors.Is(err, fault) {
			t.Error(err)
		}
		fault = nil
		if _, err := r.Get(t.Context()); err == nil {
			t.Error("it was asked again at once")
		}
		time.Sleep(time.Second + 1)
		if _, err := r.Get(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
