// Package crashsim kills the service between any two steps, and looks whether every job still gets
// its one machine.
//
// A [Run] is one made-up history, told by its seed: some jobs, one or two deployments, each with
// one to three replicas of the real engine, worker and reconciler on its own queue and its own
// GitHub, all in one EC2; the real GitHub client and EC2 provider, and under them the fakes of the
// test kit. In that history processes are killed before or after any call they make and started
// again; calls are lost on their way there or back, come late, fail, are throttled or find no
// capacity; access to repositories is taken away and given back; GitHub's lists and answers lag;
// webhooks are repeated, come in any order, a quarter of an hour late or not at all; jobs are
// cancelled; machines boot, or don't, and GitHub gives their runners to whatever job they fit.
//
// After a while the weather turns calm and the history has to end well: every job done, no machine,
// registration or message left over. And at no moment may there be two machines that can register
// for one job, may the service end a machine whose registration is valid or that is another
// deployment's, or launch one for a job that has had no need of it for a while.
//
// Time is synthetic (testing/synctest), so a history of an hour takes a fraction of a second. What
// happens is decided by hashes of the seed and of what a call is about, not by the order in which
// goroutines run, so that a seed tells nearly the same history every time.
package crashsim
