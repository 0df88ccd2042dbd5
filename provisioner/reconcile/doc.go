// Package reconcile compares what GitHub wants with what the clouds have, and makes the two meet.
//
// Webhooks get lost, jobs are cancelled, GitHub gives a runner to another job than the one it was
// started for, machines die while they boot, processes crash between two steps. [Sweeper.Sweep]
// needs to know none of that. It reads three things, in this order:
//
//  1. the machines of this deployment, at every provider;
//  2. the jobs that wait, in every repository that is known;
//  3. the runners that are registered, wherever there may be one of ours.
//
// Then it counts, for every runner type and every target where its runners are registered, the jobs
// that need a machine and the machines that may still take one. Too few: jobs that have been
// without for two sweeps are put into the queue, where they wait their turn as all others. Too
// many: machines that have been in excess for two sweeps go. And apart from counting, whatever is
// dead goes: machines whose registration is gone, registrations without a machine, machines that
// never came up or that are too old.
//
// # What it asks GitHub for
//
// As little as it can, because launches need the same limits. Where machines boot or wait, jobs
// wait, or a webhook came, a sweep lists the latest workflow runs and the runners, reads the jobs
// of the runs that nobody told of, and checks a few others. A repository in which nothing waits and
// every machine has a job gets one request, which costs nothing while nothing changes: for its
// workflow runs and for its runners in turn. Of the repositories without anything of ours 300 are
// looked at in a sweep, and those that GitHub refuses once an hour in the end.
//
// # What keeps it from doing harm
//
//   - Nothing without our deployment's mark and our name is touched.
//   - Each machine and registration is judged only where the lists that its own decision needs
//     could be read whole: the provider's machines, the target's runners and, for whether it is one
//     too many, the jobs that it may serve. The end of a lifetime needs none of them.
//   - The registration is removed first, by its id. GitHub refuses that for a runner that has a
//     job, and then the machine stays. A machine whose registration was not in the list is ended
//     only when GitHub, asked for that id, says that it does not exist.
//   - A busy runner is another job's, and its own job gets a replacement, only when GitHub has gone
//     on calling that job queued for longer than it lags, or when a webhook says so.
//   - What is kept between sweeps is when something was first seen, and which of a waiting job's
//     machines never came up ([Config.Store] keeps that over restarts, for a job that was given
//     up). So a restart makes it wait one sweep more, and without a store count those machines
//     anew; and two processes that sweep at once do nothing twice.
package reconcile
