// Package sqstest is a fake Amazon SQS for tests: one queue over SQS's JSON protocol, with
// visibility timeouts, long polls, FIFO groups and a dead-letter queue.
//
// A [Server] is an [net/http.Handler]. Serve it with httptest, or hand the SDK fakehttp.Loopback
// and stay in a testing/synctest bubble, where a visibility timeout takes no time:
//
//	fake := sqstest.New()
//	client := sqs.New(sqs.Options{HTTPClient: &http.Client{Transport: fakehttp.Loopback(fake)}, ...})
//
// [Server.SetFaults] decides what goes wrong with which call, and [Server.Messages] shows what is
// there in truth.
package sqstest
