package queuetest

import (
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner/queue"
)

// again sends a job and has it delivered twice: to one whose receipt is worth nothing any more, and
// to its present holder.
func again(w *world) (stale, held queue.Message) {
	w.Helper()
	w.send(ubuntu, job(1))
	stale = w.receive(ubuntu)
	time.Sleep(queue.Visibility)
	held = w.receive(ubuntu)
	w.is(held, job(1), 2)
	return stale, held
}

func receiptsLast(h Harness) bool { return !h.ReceiptsExpire }

// A queue may answer an error to a receipt that is worth nothing, or none; what counts is that
// nothing happens.
var receiptCases = []testCase{
	{sentence: "an earlier receipt does not delete a job that was delivered again", run: func(w *world) {
		stale, held := again(w)
		_ = w.Queue.Delete(w.Context(), stale)
		w.extend(held, 0)
		w.is(w.receive(ubuntu), job(1), 3)
	}},
	{sentence: "an earlier receipt does not put back a job that was delivered again", run: func(w *world) {
		stale, held := again(w)
		_ = w.Queue.Extend(w.Context(), stale, 0)
		w.nothing(ubuntu, queue.Visibility/2)
		w.delete(held)
		w.nothing(ubuntu, time.Hour)
	}},
	{sentence: "an earlier receipt does not hide a job that was delivered again for longer", run: func(w *world) {
		stale, _ := again(w)
		_ = w.Queue.Extend(w.Context(), stale, time.Hour)
		w.is(w.receiveWithin(ubuntu, queue.Visibility+w.Delay), job(1), 3)
	}},
	{sentence: "a receipt of a deleted job does nothing", run: func(w *world) {
		w.send(ubuntu, job(1))
		m := w.receive(ubuntu)
		w.delete(m)
		_ = w.Queue.Extend(w.Context(), m, 0)
		_ = w.Queue.Delete(w.Context(), m)
		w.nothing(ubuntu, time.Hour)
	}},
	{sentence: "a receipt still serves after the visibility timeout when nobody has the job", applies: receiptsLast, run: func(w *world) {
		w.send(ubuntu, job(1))
		m := w.receive(ubuntu)
		time.Sleep(2 * queue.Visibility)
		w.delete(m)
		w.nothing(ubuntu, time.Hour)
	}},
}
