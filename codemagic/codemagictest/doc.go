// Package codemagictest is a fake Codemagic for tests: starting, listing and cancelling builds,
// with the semantics of the real API ([Server] lists them).
//
// A [Server] is an [net/http.Handler]. Serve it with httptest, or hand a client fakehttp.Loopback
// and stay in a testing/synctest bubble:
//
//	fake := codemagictest.New(codemagictest.Config{Token: "token", ListLag: 20 * time.Second})
//
// [Server.SetFaults] decides what goes wrong with which call, and [Server.Builds] shows what is
// there in truth.
package codemagictest
