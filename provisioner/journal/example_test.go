package journal_test

import (
	"context"
	"fmt"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/journal"
)

// A journal observes what reports events, here the queue's worker, and says what it knows of a job.
func ExampleNew() {
	j := journal.New(journal.Config{Types: []provisioner.RunnerType{{Name: "linux", Provider: "aws", Max: 2}}})
	job := provisioner.Job{ID: 12345, Repository: provisioner.Repository{Owner: "octo", Name: "app"}, Labels: []string{"linux"}}
	created := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	j.Observe(context.Background(), provisioner.Event{Kind: provisioner.EventAccepted, At: created, Job: job, RunnerType: "linux"})
	j.Ask(alwaysFull{})

	explained, ok := j.Explain(12345)
	fmt.Println(ok, explained.State)
	fmt.Println(explained.Because())
	for _, s := range explained.Timeline {
		fmt.Println(s.At.Format(time.TimeOnly), s.Kind)
	}
	// Output:
	// true waiting
	// linux has its 2 machines, which is its max: it starts within 15 s of a place becoming free.
	// 03:04:05 accepted
}

type alwaysFull struct{}

func (alwaysFull) Reason(runnerType string, _ provisioner.Repository) (provisioner.Reason, bool) {
	return provisioner.Reason{Because: provisioner.BecauseMax, Type: runnerType, Max: 2}, true
}
