// Package crashsim kills the service between any two steps, and looks whether every job still gets
// its one machine.
//
// A [Run] is one made-up history, told by its seed: workflow runs in repositories of two owners, one
// or two deployments, each with one to three replicas of the real engine, worker and reconciler on
// its own queue, one that remembers or one like SQS, and its own GitHub, asked with a token or as an
// App, all in one EC2; the real GitHub client and EC2 provider, and under them the fakes of the test
// kit. There are two runner types: the machines of one can do the jobs of the other, and one has a
// limit.
//
// In that history processes are killed before or after any call they make and started again; calls
// are lost on their way there or back, come late, fail, are throttled or find no capacity; EC2
// refuses a type for a while, or its machines don't come up; access to repositories is taken away
// and given back, and what a credential may ask is used up; GitHub's lists and answers lag; webhooks
// are repeated, come in any order, a quarter of an hour late or not at all; jobs are cancelled;
// machines boot, or don't, and GitHub gives their runners to whatever job they fit.
//
// After a while the weather turns calm and the history has to end well: every job done, no machine,
// registration or message left over. And at no moment may there be two machines that can register
// for one job, may the service end a machine whose registration is valid or that is another
// deployment's, launch one for a job that has had no need of it for a while, or launch one of a type
// that has as many as it may have. In calm weather no job waits for longer than the contract allows;
// in some histories one owner has nothing but calm weather, and the other's is none of his business.
//
// Time is synthetic (testing/synctest), so a history of an hour takes a fraction of a second. What
// happens is decided by hashes of the seed and of what a call is about, not by the order in which
// goroutines run, so that a seed tells nearly the same history every time.
package crashsim
