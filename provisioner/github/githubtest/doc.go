// Package githubtest is a fake GitHub for tests: the part of its REST API and of its webhooks that
// runners and their jobs need, with the semantics of the real one ([Server] lists them).
//
// A [Server] is an [net/http.Handler]. Serve it with httptest, or hand a client
// fakehttp.Loopback and stay in a testing/synctest bubble, where a day of waiting takes no time:
//
//	fake := githubtest.New(githubtest.Config{Token: "token"})
//	server := httptest.NewServer(fake)
//	job := fake.QueueJob(repository, "ubuntu-arm64")
//
// [Server.SetFaults] decides what goes wrong with which call, and [Server.Calls] counts the calls.
// Requests and answers are held to GitHub's own published schemas by this package's tests, so a
// client that drifts is noticed.
package githubtest
