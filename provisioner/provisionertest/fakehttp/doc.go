// Package fakehttp is what the fake servers of the test kit share: faults that a test orders, and
// a transport without a network.
//
// [Faults] decides for every call to a fake whether it is delayed, refused, lost on its way there
// ([Fault.Drop]) or on its way back ([Fault.Lose]). [Loopback] joins a real client to a fake
// inside a testing/synctest bubble.
//
//	fake.SetFaults(func(operation string, r *http.Request) *fakehttp.Fault {
//		return &fakehttp.Fault{Lose: operation == "RunInstances"}
//	})
//
// Whoever writes a fake of another cloud serves its calls through [Faults.Serve] and gets them all.
package fakehttp
