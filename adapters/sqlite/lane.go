package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/queue"
)

// lane is what the process knows of one lane.
type lane struct {
	name string
	// turns has the repositories with messages in the lane, as far as is known; the writer's.
	turns queue.Turns[*line]

	mu      sync.Mutex
	changed chan struct{} // nil while nobody waits
}

// line is what a repository has in a lane.
type line struct {
	// next is when the first of its messages becomes visible, or was, as far as is known.
	next time.Time
}

// expect notes that a message of a repository will be visible then; the writer's.
func (l *lane) expect(r provisioner.Repository, visible time.Time) {
	x, known := l.turns.Get(r)
	if known && !visible.Before(x.next) {
		return
	}
	l.turns.Put(r, &line{next: visible})
	l.wake()
}

func (q *Queue) lane(name string) *lane {
	q.mu.Lock()
	defer q.mu.Unlock()
	l := q.lanes[name]
	if l == nil {
		l = &lane{name: name}
		q.lanes[name] = l
	}
	return l
}

// discover finds the repositories that other processes, or earlier ones, have left messages of. It
// goes from one to the next in the index, whatever the number of messages.
func (q *Queue) discover(ctx context.Context, db querier) error {
	var lane, repository string
	for first := true; ; first = false {
		query := `select lane, repository from messages where (lane, repository) > (?, ?) order by lane, repository limit 1`
		if first {
			query = `select lane, repository from messages where (lane, repository) >= (?, ?) order by lane, repository limit 1`
		}
		switch err := db.QueryRowContext(ctx, query, lane, repository).Scan(&lane, &repository); {
		case errors.Is(err, sql.ErrNoRows):
			return nil
		case err != nil:
			return err
		}
		q.lane(lane).expect(repositoryOf(repository), time.Time{})
	}
}

// news returns a channel that is closed when a message of the lane may have become visible, from
// now on.
func (l *lane) news() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.changed == nil {
		l.changed = make(chan struct{})
	}
	return l.changed
}

func (l *lane) wake() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.changed != nil {
		close(l.changed)
		l.changed = nil
	}
}
