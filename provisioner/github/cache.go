package github

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"
)

// cache keeps what was loaded for a key, and serves it stale for a while when it can not be loaded
// again. Callers that want the same key at once share one load (single flight).
type cache[K comparable, V any] struct {
	fresh time.Duration // how long a value is good
	stale time.Duration // how long it serves when it can't be loaded again

	mu      sync.Mutex
	entries map[K]*entry[V]
}

type entry[V any] struct {
	value  V
	loaded time.Time // zero: never
	again  time.Time // not to be loaded before
	flight *flight[V]
}

// flight is a load under way.
type flight[V any] struct {
	done  chan struct{}
	value V
	err   error
}

func newCache[K comparable, V any](fresh, stale time.Duration) *cache[K, V] {
	return &cache[K, V]{fresh: fresh, stale: stale, entries: map[K]*entry[V]{}}
}

// get returns the value of a key, from load if need be. A caller whose shared load was given up by
// whoever began it loads for itself.
func (m *cache[K, V]) get(ctx context.Context, key K, load func(ctx context.Context) (V, error)) (V, error) {
	for {
		m.mu.Lock()
		e := m.entries[key]
		if e == nil {
			m.prune()
			e = &entry[V]{}
			m.entries[key] = e
		}
		if now := time.Now(); !e.loaded.IsZero() && (now.Sub(e.loaded) < m.fresh || now.Before(e.again)) {
			m.mu.Unlock()
			return e.value, nil
		}
		f := e.flight
		if f == nil {
			f = &flight[V]{done: make(chan struct{})}
			e.flight = f
			m.mu.Unlock()
			return m.load(ctx, e, f, load)
		}
		m.mu.Unlock()
		select {
		case <-f.done:
			if !errors.Is(f.err, context.Canceled) && !errors.Is(f.err, context.DeadlineExceeded) {
				return f.value, f.err
			}
		case <-ctx.Done():
			var zero V
			return zero, ctx.Err()
		}
	}
}

// keptKeys is the number of keys from which on those are forgotten that nobody can use any more.
const keptKeys = 1024

func (m *cache[K, V]) prune() {
	if len(m.entries) < keptKeys {
		return
	}
	maps.DeleteFunc(m.entries, func(_ K, e *entry[V]) bool {
		return e.flight == nil && time.Since(e.loaded) > max(m.fresh, m.stale)
	})
}

// staleRetry is how long a stale value serves before it is loaded again.
const staleRetry = time.Minute

func (m *cache[K, V]) load(ctx context.Context, e *entry[V], f *flight[V], load func(ctx context.Context) (V, error)) (V, error) {
	f.value, f.err = load(ctx)
	m.mu.Lock()
	now := time.Now()
	switch {
	case f.err == nil:
		e.value, e.loaded = f.value, now
	case !e.loaded.IsZero() && now.Sub(e.loaded) < m.stale && ctx.Err() == nil:
		f.value, f.err = e.value, nil
		e.again = now.Add(staleRetry)
	}
	e.flight = nil
	m.mu.Unlock()
	close(f.done)
	return f.value, f.err
}

// peek returns the last value of a key, however old.
func (m *cache[K, V]) peek(key K) (value V, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.entries[key]
	if e == nil || e.loaded.IsZero() {
		return value, false
	}
	return e.value, true
}

// put remembers a value that came by another way.
func (m *cache[K, V]) put(key K, v V) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.entries[key]
	if e == nil {
		e = &entry[V]{}
		m.entries[key] = e
	}
	e.value, e.loaded = v, time.Now()
}

func (m *cache[K, V]) forget(key K) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.entries, key)
}
