package wiring

import (
	"context"
	"sync"
	"time"
)

// Remembered gives the answer to a dear question: it is asked at most once in a while and by one at
// a time, however many want to know, and nobody waits longer than the limit, even if the one who is
// asked never answers. It is safe for concurrent use.
type Remembered[T any] struct {
	ask         func(context.Context) (T, error)
	limit, keep time.Duration

	mu     sync.Mutex
	asking chan struct{} // closed when the answer is there; nil while nobody asks
	until  time.Time     // when it must be asked anew
	answer T
	err    error
}

// NewRemembered returns the question ask, whose context ends at the limit, and whose answer, an
// error too, is kept for that long.
func NewRemembered[T any](ask func(context.Context) (T, error), limit, keep time.Duration) *Remembered[T] {
	return &Remembered[T]{ask: ask, limit: limit, keep: keep}
}

// Get returns the answer, which all callers share: it must not be changed. It returns the context's
// error if there is none within the limit.
func (r *Remembered[T]) Get(ctx context.Context) (answer T, err error) {
	ctx, cancel := context.WithTimeout(ctx, r.limit)
	defer cancel()
	r.mu.Lock()
	if r.asking == nil && time.Now().After(r.until) {
		r.asking = make(chan struct{})
		go r.renew()
	}
	asking := r.asking
	r.mu.Unlock()
	if asking != nil {
		select {
		case <-asking:
		case <-ctx.Done():
			return answer, ctx.Err()
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.answer, r.err
}

// renew belongs to none of the callers, whose contexts may end early.
func (r *Remembered[T]) renew() {
	ctx, cancel := context.WithTimeout(context.Background(), r.limit)
	defer cancel()
	answer, err := r.ask(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer, r.err = answer, err
	r.until = time.Now().Add(r.keep)
	close(r.asking)
	r.asking = nil
}
