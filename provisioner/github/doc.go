// Package github is everything this product asks of GitHub's REST API: registering single-use
// runners, looking at runners and jobs, the runner's releases, and the log of webhook deliveries.
//
//	client, err := github.New(github.Config{Token: token})
//	runner, jitConfig, err := client.Register(ctx, registration)
//
// A [Client] is a provisioner.Registrar and provisioner.Jobs for the engine, the source of runner
// releases for providers that start machines, and what the reconciler reads. It works with a
// personal access token or as a GitHub App; the App's installation is found by asking GitHub for
// the repository or organisation at hand, never taken from a webhook's payload.
//
// # Errors
//
// Every error is a provisioner.GitHubError that names the repository or organisation that it is
// about, around one of package provisioner's sentinels, by what is known about the call's effect,
// not by the type that a library happens to return:
//
//	409 to a registration                      ErrNameTaken
//	404 to reading a runner or delivery        ErrNotFound
//	404 to reading a job                       no error: the job has ended
//	422 to removing a runner                   ErrRunnerBusy
//	a rate limit, 403 or 429                   RetryAfterError, with the wait that GitHub asks for
//	401                                        ErrRefused and ErrBadCredential; it is not tried again for ten seconds
//	any other 3xx or 4xx                       ErrRefused
//	5xx, silence, a broken connection          ErrNoAnswer for what changes something, ErrUnavailable for what only reads
//	never sent: no connection, no App token    ErrUnavailable
//
// GitHub answers 404 also for what a credential may not see. That a job, a runner or a registration
// does not exist is believed only if it is not found once more between two moments at which the
// repository's runs, or the target's runners, can be read; otherwise it is refused.
//
// Reads are repeated twice, briefly, within the call's timeout. What changes something is sent
// once, but for a removal that found nothing.
//
// # Rate limits
//
// Limits are kept per credential (the token, the App, each installation) and, as far as GitHub
// names it, per resource. Once GitHub has said how long to wait, further calls fail here with the
// rest of that time instead of being sent
// (https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api). An answer that
// uses up the last request is no limit yet. go-github's own bookkeeping takes every resource for
// one and refuses calls after such an answer, so it never gets to see those headers.
//
// Lists that the reconciler reads again and again are conditional requests: an unchanged page is a
// 304, which costs nothing of the primary limit.
package github
