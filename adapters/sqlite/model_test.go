package sqlite_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/datawire/github-runner-provisioner/adapters/sqlite"
	"github.com/datawire/github-runner-provisioner/provisioner/queue"
)

// model is a queue as its interface describes it, in the simplest terms.
type model struct {
	known   map[int64]bool
	waiting []*modelled
}

type modelled struct {
	id       int64
	lane     string
	visible  time.Time
	receives int
}

func (m *model) send(lane string, id int64) (duplicate bool) {
	if m.known[id] {
		return true
	}
	m.known[id] = true
	m.waiting = append(m.waiting, &modelled{id: id, lane: lane, visible: time.Now()})
	return false
}

// visible are the messages of the lane that a receiver may get. Which of them it gets is not
// promised to the millisecond.
func (m *model) visible(lane string) map[int64]*modelled {
	visible := map[int64]*modelled{}
	for _, x := range m.waiting {
		if x.lane == lane && !x.visible.After(time.Now()) {
			visible[x.id] = x
		}
	}
	return visible
}

func (x *modelled) receive() {
	x.visible = time.Now().Add(queue.Visibility)
	x.receives++
}

// holder returns the message if that delivery of it is the latest.
func (m *model) holder(d queue.Message) *modelled {
	for _, x := range m.waiting {
		if x.id == d.Job.ID && x.receives == d.Receives {
			return x
		}
	}
	return nil
}

func TestTheQueueDoesWhatItsModelDoes(t *testing.T) {
	for range 5 {
		seed := rand.Uint64()
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { compareWithModel(t, rand.New(rand.NewPCG(seed, 0)), 400) })
		})
	}
}

func compareWithModel(t *testing.T, r *rand.Rand, steps int) {
	path := filepath.Join(t.TempDir(), "jobs.db")
	q := open(t, path, sqlite.Config{})
	m := &model{known: map[int64]bool{}}
	var deliveries []queue.Message
	lanes := []string{"ubuntu-arm64", "macOS-arm64", queue.Unsorted}
	for step := range steps {
		lane := lanes[r.IntN(len(lanes))]
		switch n := r.IntN(20); {
		case n < 6:
			id := int64(r.IntN(steps/4)) + 1
			want := m.send(lane, id)
			if got, err := q.Send(t.Context(), lane, job(id)); err != nil || got != want {
				t.Fatalf("step %d: Send(%q, %d) = %t, %v, want %t", step, lane, id, got, err, want)
			}
		case n < 11:
			visible := m.visible(lane)
			ctx, cancel := contextThatEndsNow(t)
			got, err := q.Receive(ctx, lane, nil)
			cancel()
			if err != nil {
				if len(visible) > 0 {
					t.Fatalf("step %d: Receive(%q): %v, want one of %d messages", step, lane, err, len(visible))
				}
				continue
			}
			want := visible[got.Job.ID]
			if want == nil {
				t.Fatalf("step %d: received %s, delivery %d, which is not visible", step, got.Job, got.Receives)
			}
			want.receive()
			if got.Receives != want.receives || got.Lane != lane {
				t.Fatalf("step %d: received %s, delivery %d, want %+v", step, got.Job, got.Receives, *want)
			}
			deliveries = append(deliveries, got)
		case n < 16 && len(deliveries) > 0:
			d := deliveries[r.IntN(len(deliveries))]
			if n < 14 {
				hidden := time.Duration(r.IntN(3)) * 15 * time.Second
				if x := m.holder(d); x != nil {
					x.visible = time.Now().Add(hidden)
				}
				must(t, q.Extend(t.Context(), d, hidden))
			} else {
				if x := m.holder(d); x != nil {
					m.waiting = slices.DeleteFunc(m.waiting, func(y *modelled) bool { return x == y })
				}
				must(t, q.Delete(t.Context(), d))
			}
		case n == 16:
			must(t, q.Close())
			q = open(t, path, sqlite.Config{})
		default:
			time.Sleep(time.Duration(r.IntN(15)) * time.Second)
		}
	}
	want := map[string]int{}
	for _, x := range m.waiting {
		want[x.lane]++
	}
	if got, err := q.Depth(t.Context()); err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("Depth = %v, %v, want %v", got, err, want)
	}
}
