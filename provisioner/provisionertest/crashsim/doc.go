// Package crashsim kills the service between any two steps, and looks whether every job still gets
// its one machine.
//
// A [Run] is one made-up history, told by its seed: some jobs, one to three replicas of the real
// engine, worker and reconciler on one queue, the real GitHub client and EC2 provider, and under
// them the fake GitHub and EC2 of package provisionertest. In that history processes are killed
// before or after any call they make and started again; calls are lost on their way there or back,
// come late, fail, are throttled or find no capacity; webhooks are repeated, come in any order or
// not at all; jobs are cancelled; machines boot, or don't, and GitHub gives their runners to
// whatever job they fit.
//
// After a while the weather turns calm and the history has to end well: every job done, no machine,
// registration or message left over. And at no moment may there be two machines that can register
// for one job, or may the service end a machine whose registration is valid.
//
// Time is synthetic (testing/synctest), so a history of an hour takes a fraction of a second. What
// happens is decided by hashes of the seed and of what a call is about, not by the order in which
// goroutines run, so that a seed tells nearly the same history every time.
package crashsim
