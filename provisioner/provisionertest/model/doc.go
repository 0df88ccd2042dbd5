// Command model walks every state of the exactly-once protocol where runners are stolen and
// webhooks come late: one job, the worker with the job's message, the reconciler, GitHub's
// registrations by name, the cloud's machines, and every fault at every step. A process may crash
// anywhere, answers get lost or come late, there may be no capacity, machines may not boot, the job
// may be cancelled, its runner may be given to another job, lists lag and forget ended machines.
// There is no time: any step may take for ever, unless a flag says otherwise.
//
//	go run ./provisioner/provisionertest/model -h              the rules and the worlds
//	go run ./provisioner/provisionertest/model -bootfail -lag booting -forget hour -one-process
//
// The second walks a protocol without its rules, in which a message's first attempt asks nobody,
// and tells the shortest history that leads to two machines. The rules of package provisioner are
// those of the tests, and hold.
//
// What is checked in every state:
//
//   - never two machines that wait for the job, each with a registration that no other job has;
//   - never one that waits beside the one that runs the job: that costs money;
//   - a way to the job's end without further faults, with nothing left over.
//
// What the rules rest on, and fail without: a machine that has come online is shown in lists, and
// one that has ended is shown there for longer than an attempt takes.
//
// Reductions: one placement; a machine whose registration is gone is forgotten as soon as nobody
// holds its configuration (it ends by itself), and counts as ended if it was shown in lists; the
// reconciler decides on one view of the world, and acts later.
package main
