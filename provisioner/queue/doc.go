// Package queue keeps accepted jobs until each has its machine, and drains them.
//
// A [Queue] stores jobs: at least once, with a visibility timeout. [Memory] keeps them in the
// process; adapters/sqlite and adapters/sqs keep them for good. A [Worker] takes jobs out and has
// them provisioned. All of its judgement is in four files:
//
//   - policy.go says what an error means for the job, its runner type and its repository.
//   - breaker.go is the circuit breaker of what is failing: one attempt probes, and the rest follow
//     when it succeeds.
//   - capacity.go counts machines against the limits of the runner types.
//   - admission.go asks both, and bootbreaker.go, before every attempt.
//
// A job is deleted from its queue only when it is settled (it has a machine, or does not wait any
// more) or given up with a reason. Whatever happens before that, the message comes back, and the
// protocol of package provisioner makes the repetition harmless.
package queue
