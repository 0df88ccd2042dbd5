// Package queuetest is for tests of queues, and of what uses one.
//
// [Run] tells whether a queue keeps the promises of [queue.Queue]. An adapter's test hands it a way
// to open empty queues:
//
//	func TestConformance(t *testing.T) {
//		queuetest.Run(t, queuetest.Harness{Open: func(t *testing.T) queue.Queue { ... }})
//	}
//
// Every case is a sentence and runs in a testing/synctest bubble of its own, so that a visibility
// timeout takes no time: a queue, and the fake of the server it talks to, must live in the bubble
// that opened it. Where queues may differ the [Harness] says how.
//
// [QueueMock] and [ProvisionerMock] are the doubles of the interfaces, made by moq.
package queuetest

//go:generate go tool -modfile=../../../tools/go.mod moq -pkg queuetest -out mocks.go .. Queue Provisioner
