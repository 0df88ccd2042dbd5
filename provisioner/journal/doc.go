// Package journal remembers what happened to every job, and says in one sentence why each is where
// it is, what has to happen, and when it is tried next.
//
//	j := journal.New(journal.Config{Types: engine.Types()})
//	worker := queue.NewWorker(q, engine, queue.Config{Observer: j})
//	j.Ask(worker)
//	go j.Run(ctx)
//	job, ok := j.Explain(12345) // job.Because: "EC2 has no capacity for ..."
//
// Events come in by [Journal.Observe], which makes it the observer of everything that reports
// [provisioner.Event]s: the engine, the queue's worker, the webhook, the reconciler. What a sweep
// saw of machines comes in by [Journal.Swept]. Why a job waits is not among the events, because it
// is not something that happens: it is asked for when somebody wants to know it, of those who hold
// jobs back ([Holds]), and so can't be out of date.
//
// # What is kept
//
// The journal is of one process, and everything in it is a hint: no decision is taken on it, and
// losing it costs nothing but the history. It holds the jobs of the last days and so many of them
// at most ([Config]); those that are over go first. With a [Store] it survives a restart, but for
// what happened last: what has changed is written down once a second together, for 256 jobs at a
// time, so that neither an event nor the acceptance of a job waits for a disk.
package journal
