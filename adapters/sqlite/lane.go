package sqlite

import (
	"math"
	"strings"
	"sync"
	"time"

	"maragu.dev/goqite"
)

// lane is what the process knows of one lane.
type lane struct {
	name string
	jobs *goqite.Queue
	// next is when the first of the lane's hidden messages becomes visible, as far as those who
	// wait know; the writer's.
	next time.Time

	mu      sync.Mutex
	changed chan struct{} // nil while nobody waits
}

// lanePrefix makes a goqite queue's name of a lane's, because goqite knows no queue without a name,
// which the unsorted lane has.
const lanePrefix = "lane/"

// unreadable is where messages go that this version can't read. Nobody receives them; they are kept
// for those who look.
const unreadable = "unreadable"

func tableLane(name string) string { return lanePrefix + name }

func laneOf(table string) string { return strings.TrimPrefix(table, lanePrefix) }

func (q *Queue) lane(name string) *lane {
	q.mu.Lock()
	defer q.mu.Unlock()
	l := q.lanes[name]
	if l == nil {
		// Giving up is the worker's decision, never a count of deliveries.
		l = &lane{name: name, jobs: goqite.New(goqite.NewOpts{DB: q.db, Name: tableLane(name), MaxReceive: math.MaxInt32, Timeout: q.cfg.Visibility})}
		q.lanes[name] = l
	}
	return l
}

func (q *Queue) wakeAll() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, l := range q.lanes {
		l.wake()
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
