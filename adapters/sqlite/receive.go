package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/queue"
)

// Receive implements [queue.Queue]. It is woken by a Send, by a message that becomes visible, and
// within a second or so by another process's doings.
func (q *Queue) Receive(ctx context.Context, lane string, ready queue.Ready) (queue.Message, error) {
	l := q.lane(lane)
	for {
		news := l.news() // before looking, so that nothing is missed in between
		m, next, err := q.take(ctx, l, ready)
		if err != nil || m.Receipt != "" {
			return m, err
		}
		if err := q.wait(ctx, news, next); err != nil {
			return queue.Message{}, err
		}
	}
}

// longestWait bounds the wait for a hidden message, because somebody may set the clock.
const longestWait = 30 * time.Second

func (q *Queue) wait(ctx context.Context, news <-chan struct{}, next time.Time) error {
	q.waiting.Add(1)
	defer q.waiting.Add(-1)
	var visible <-chan time.Time
	if !next.IsZero() {
		timer := time.NewTimer(min(time.Until(next), longestWait))
		defer timer.Stop()
		visible = timer.C
	}
	select {
	case <-news:
	case <-visible:
	case <-q.closing:
		return errClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// take receives the oldest visible message of the repository whose turn it is. Without one, the
// message has no receipt, and next is when to look again.
func (q *Queue) take(ctx context.Context, l *lane, ready queue.Ready) (m queue.Message, next time.Time, err error) {
	var t turn
	err = q.do(&operation{ctx: ctx, run: func(tx *sql.Tx) error {
		t = turn{tx: tx, lane: l, ready: ready, now: time.Now(), visibility: q.cfg.Visibility}
		return t.take()
	}})
	if err != nil {
		return queue.Message{}, time.Time{}, err
	}
	for _, fault := range t.unread {
		q.cfg.Logger.ErrorContext(ctx, "a message can't be read; it is kept in the file, out of the way", "type", l.name, "error", fault)
	}
	return t.message, t.next, nil
}

// turn is one look for the next message of a lane, in a transaction.
type turn struct {
	tx         *sql.Tx
	lane       *lane
	ready      queue.Ready
	now        time.Time
	visibility time.Duration

	message queue.Message
	next    time.Time // when to look again, if there is no message
	unread  []error
}

// take tries the repositories in turn. It touches the table only for those that may have a visible
// message and are ready.
func (t *turn) take() (err error) {
	var empty []provisioner.Repository
	t.lane.turns.Take(func(r provisioner.Repository, l *line) bool {
		if l.next.After(t.now) {
			t.lookAgain(l.next)
			return false
		}
		if wait := t.ready.Wait(r); wait > 0 {
			t.lookAgain(t.now.Add(wait))
			return false
		}
		var found bool
		if found, err = t.takeOf(r); err != nil || found {
			return true
		}
		if l.next, err = t.nextOf(r); err != nil {
			return true
		}
		if l.next.IsZero() {
			empty = append(empty, r)
		} else {
			t.lookAgain(l.next)
		}
		return false
	})
	for _, r := range empty {
		t.lane.turns.Delete(r)
	}
	return err
}

func (t *turn) lookAgain(at time.Time) {
	if t.next.IsZero() || at.Before(t.next) {
		t.next = at
	}
}

// takeOf takes the oldest visible message of a repository.
func (t *turn) takeOf(r provisioner.Repository) (found bool, err error) {
	for {
		var job int64
		var attempt, receives int
		var body []byte
		err := t.tx.QueryRowContext(context.Background(),
			`select job, attempt, receives, body from messages where lane = ? and repository = ? and visible <= ? order by created limit 1`,
			t.lane.name, r.String(), t.now.UnixNano(),
		).Scan(&job, &attempt, &receives, &body)
		if errors.Is(err, sql.ErrNoRows) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		m, err := queue.Decode(body)
		if err != nil {
			if err := t.setAside(job, attempt, body); err != nil {
				return false, err
			}
			t.unread = append(t.unread, fmt.Errorf("job %d: %w", job, err))
			continue
		}
		receives++
		m.Lane, m.Receives, m.Receipt = t.lane.name, receives, receiptOf(job, attempt, receives)
		t.message = m
		_, err = t.tx.ExecContext(context.Background(), `update messages set visible = ?, receives = ? where job = ? and attempt = ?`,
			t.now.Add(t.visibility).UnixNano(), receives, job, attempt)
		return err == nil, err
	}
}

// setAside puts what this version can't read where nobody receives it, for those who look.
func (t *turn) setAside(job int64, attempt int, body []byte) error {
	if _, err := t.tx.ExecContext(context.Background(), `insert into unreadable (body, at) values (?, ?)`, body, t.now.Unix()); err != nil {
		return err
	}
	_, err := t.tx.ExecContext(context.Background(), `delete from messages where job = ? and attempt = ?`, job, attempt)
	return err
}

// nextOf is when the first message of a repository becomes visible; zero if it has none.
func (t *turn) nextOf(r provisioner.Repository) (time.Time, error) {
	var first sql.NullInt64
	err := t.tx.QueryRowContext(context.Background(), `select min(visible) from messages where lane = ? and repository = ?`, t.lane.name, r.String()).Scan(&first)
	if err != nil || !first.Valid {
		return time.Time{}, err
	}
	return time.Unix(0, first.Int64), nil
}

// repositoryOf reads owner/name.
func repositoryOf(s string) provisioner.Repository {
	owner, name, _ := strings.Cut(s, "/")
	return provisioner.Repository{Owner: owner, Name: name}
}

// A receipt is the message's job and the count of its deliveries, so that it is worth nothing once
// the message has been delivered again.
func receiptOf(job int64, attempt, receives int) string {
	return fmt.Sprintf("%d-%d/%d", job, attempt, receives)
}

func parseReceipt(receipt string) (job int64, attempt, receives int, err error) {
	key, count, ok := strings.Cut(receipt, "/")
	id, try, ok2 := strings.Cut(key, "-")
	job, err1 := strconv.ParseInt(id, 10, 64)
	attempt, err2 := strconv.Atoi(try)
	receives, err3 := strconv.Atoi(count)
	if !ok || !ok2 || errors.Join(err1, err2, err3) != nil {
		return 0, 0, 0, fmt.Errorf("sqlite queue: %q is no receipt of this queue", receipt)
	}
	return job, attempt, receives, nil
}
