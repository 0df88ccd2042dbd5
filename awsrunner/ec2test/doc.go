// Package ec2test is a fake EC2 for tests: launching, finding and ending instances over EC2's query
// API, with the semantics of the real one ([Server] lists them).
//
// A [Server] is an [net/http.Handler]. Serve it with httptest, or hand the SDK fakehttp.Loopback
// and stay in a testing/synctest bubble, where an hour of retries takes no time:
//
//	fake := ec2test.New(ec2test.Config{VisibilityLag: 10 * time.Second, LaunchRate: 2, LaunchBurst: 5})
//	client := ec2.NewFromConfig(cfg, func(o *ec2.Options) {
//		o.HTTPClient = &http.Client{Transport: fakehttp.Loopback(fake)}
//	})
//
// [Server.SetFaults] decides what goes wrong with which call, [Server.SetCapacity] where there is
// room, and [Server.Instances] shows what is there in truth, whatever the lists say.
package ec2test
