package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"time"

	"maragu.dev/goqite"

	"github.com/datawire/github-runner-provisioner/provisioner/queue"
)

// Receive implements [queue.Queue]. It is woken by a Send, by a message that becomes visible, and
// within a second or so by another process's doings.
func (q *Queue) Receive(ctx context.Context, lane string) (queue.Message, error) {
	l := q.lane(lane)
	for {
		news := l.news() // before looking, so that nothing is missed in between
		m, next, err := q.take(ctx, l)
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

// take receives the lane's oldest visible message. Without one, the message has no receipt, and
// next is when the first hidden one will be visible.
func (q *Queue) take(ctx context.Context, l *lane) (m queue.Message, next time.Time, err error) {
	var unread []error
	err = q.do(&operation{
		ctx: ctx,
		run: func(tx *sql.Tx) (err error) {
			unread = unread[:0]
			for {
				m, next, err = receive(tx, l)
				fault, ok := err.(*unreadableError) //nolint:errorlint // receive returns it bare
				if !ok {
					return err
				}
				unread = append(unread, fault)
			}
		},
		committed: func() {
			if m.Receipt == "" {
				l.next = next
			}
		},
	})
	if err != nil {
		return queue.Message{}, next, err
	}
	for _, fault := range unread {
		q.cfg.Logger.ErrorContext(ctx, "a message can't be read; it is kept in the file, out of the way", "type", l.name, "error", fault)
	}
	return m, next, nil
}

// unreadableError is a message that this version can't read.
type unreadableError struct {
	id  goqite.ID
	err error
}

func (e *unreadableError) Error() string { return fmt.Sprintf("message %s: %v", e.id, e.err) }

func receive(tx *sql.Tx, l *lane) (m queue.Message, next time.Time, err error) {
	ctx := context.Background()
	raw, err := l.jobs.ReceiveTx(ctx, tx)
	if err != nil {
		return m, next, err
	}
	if raw == nil {
		next, err = nextVisible(tx, l)
		return m, next, err
	}
	m, err = queue.Decode(raw.Body)
	if err != nil {
		if _, err := tx.ExecContext(ctx, `update goqite set queue = ? where id = ?`, unreadable, raw.ID); err != nil {
			return queue.Message{}, next, err
		}
		return queue.Message{}, next, &unreadableError{raw.ID, err}
	}
	if err := tx.QueryRowContext(ctx, `select received from goqite where id = ?`, raw.ID).Scan(&m.Receives); err != nil {
		return queue.Message{}, next, err
	}
	m.Lane, m.Receipt = l.name, receiptOf(raw.ID, m.Receives)
	return m, next, nil
}

// tableTime is how goqite writes times: they compare as text.
const tableTime = "2006-01-02T15:04:05.000Z07:00"

func nextVisible(tx *sql.Tx, l *lane) (time.Time, error) {
	var first sql.NullString
	err := tx.QueryRowContext(context.Background(), `select min(timeout) from goqite where queue = ?`, tableLane(l.name)).Scan(&first)
	if err != nil || !first.Valid {
		return time.Time{}, err
	}
	return time.Parse(tableTime, first.String)
}

// A receipt is the message's id and the count of its deliveries, so that it is worth nothing once
// the message has been delivered again.
func receiptOf(id goqite.ID, receives int) string { return string(id) + "/" + strconv.Itoa(receives) }

func parseReceipt(receipt string) (id string, receives int, err error) {
	id, count, ok := strings.Cut(receipt, "/")
	if receives, err = strconv.Atoi(count); !ok || err != nil {
		return "", 0, fmt.Errorf("sqlite queue: %q is no receipt of this queue", receipt)
	}
	return id, receives, nil
}
