package github

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestACacheForgetsWhatNobodyCanUseAnyMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCache[int, int](time.Minute, time.Hour)
		get := func(from, to int) {
			for key := from; key < to; key++ {
				_, err := c.get(t.Context(), key, func(context.Context) (int, error) { return key, nil })
				if err != nil {
					t.Fatal(err)
				}
			}
		}
		get(0, keptKeys-1)
		time.Sleep(time.Hour + time.Second)
		get(keptKeys-1, keptKeys) // not too many yet
		if n := len(c.entries); n != keptKeys {
			t.Errorf("%d keys are known, want %d", n, keptKeys)
		}
		get(keptKeys, keptKeys+1)
		if n := len(c.entries); n != 2 {
			t.Errorf("%d keys are known, want the 2 of this hour", n)
		}
		get(2*keptKeys, 4*keptKeys)
		if _, known := c.peek(keptKeys); !known {
			t.Error("what still serves was forgotten")
		}
	})
}
