package queuetest_test

import (
	"testing"

	"github.com/datawire/github-runner-provisioner/provisioner/queue"
	"github.com/datawire/github-runner-provisioner/provisioner/queue/queuetest"
)

func TestTheMemoryQueueKeepsItsPromises(t *testing.T) {
	queuetest.Run(t, queuetest.Harness{Remembers: true, Open: func(*testing.T) queue.Queue { return queue.NewMemory(0) }})
}
