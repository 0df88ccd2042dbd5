package sqs

import (
	"cmp"
	"slices"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/queue"
)

// lane is what the process holds of one lane.
type lane struct {
	held    queue.Turns[*bunch]
	n       int           // messages held
	waiting int           // receivers that wait for the next message
	changed chan struct{} // closed and replaced when it comes
}

// bunch is what is held of one repository, oldest first.
type bunch struct{ deliveries []*delivery }

// take takes the oldest message of the repository whose turn it is, of those that are ready.
// Without one it says how soon to ask again; 0 if nothing is held.
func (l *lane) take(ready queue.Ready) (d *delivery, again time.Duration) {
	l.held.Take(func(r provisioner.Repository, b *bunch) bool {
		if wait := ready.Wait(r); wait > 0 {
			if again == 0 || wait < again {
				again = wait
			}
			return false
		}
		d = b.deliveries[0]
		return true
	})
	if d != nil {
		l.drop(d)
	}
	return d, again
}

// put holds a message. One that is put back from being hidden anew keeps its place. surplus is one
// that is too many, which is not held any more.
func (l *lane) put(d *delivery) (surplus *delivery) {
	r := d.message.Job.Repository
	b, ok := l.held.Get(r)
	if !ok {
		b = &bunch{}
		l.held.Put(r, b)
	}
	i, _ := slices.BinarySearchFunc(b.deliveries, d, byAge)
	b.deliveries = slices.Insert(b.deliveries, i, d)
	l.n++
	close(l.changed)
	l.changed, l.waiting = make(chan struct{}), 0
	if l.n <= MostHeld {
		return nil
	}
	surplus = l.newest()
	l.drop(surplus)
	return surplus
}

func byAge(a, b *delivery) int {
	return cmp.Or(a.message.Accepted.Compare(b.message.Accepted), cmp.Compare(a.message.Job.ID, b.message.Job.ID))
}

// drop lets go of a message, if it is held.
func (l *lane) drop(d *delivery) (held bool) {
	r := d.message.Job.Repository
	b, ok := l.held.Get(r)
	if !ok {
		return false
	}
	i := slices.Index(b.deliveries, d)
	if i < 0 {
		return false
	}
	b.deliveries = slices.Delete(b.deliveries, i, i+1)
	l.n--
	if len(b.deliveries) == 0 {
		l.held.Delete(r)
	}
	return true
}

// all are the messages that are held.
func (l *lane) all() (all []*delivery) {
	l.held.Take(func(_ provisioner.Repository, b *bunch) bool {
		all = append(all, b.deliveries...)
		return false
	})
	return all
}

// newest is the message that was accepted last, of the repository that has the most.
func (l *lane) newest() (d *delivery) {
	var most *bunch
	l.held.Take(func(_ provisioner.Repository, b *bunch) bool {
		if most == nil || len(b.deliveries) > len(most.deliveries) {
			most = b
		}
		return false
	})
	return most.deliveries[len(most.deliveries)-1]
}
