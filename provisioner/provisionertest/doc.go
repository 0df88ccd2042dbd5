// Package provisionertest is the test kit: everything that a test of provisioner, or of code that uses it, can have instead of the real thing. No production code
// imports it.
//
// # Clouds
//
// [GitHub], [EC2], [Codemagic] and [SQS] are fake servers. They are small, and true where it hurts: a runner's name can be registered once, lists lag and come in
// pages, client tokens are zonal, an answer gets lost after the call has had its effect, a queue delivers again. Requests that the real servers' published
// schemas do not allow are refused, so that a client which drifts is noticed. Each is an [http.Handler]: serve it with httptest, or hand a client
// [Loopback] and stay inside a testing/synctest bubble, where an hour of retries takes no time.
//
// What goes wrong is ordered by the test: [Faults] decides for every call whether it is delayed, refused, lost on its way there ([Fault.Drop]) or on its way
// back ([Fault.Lose]). Calls counts what was called, and Instances, Builds, Runners or Messages show what is there in truth.
//
//	fake := provisionertest.NewEC2(provisionertest.EC2Config{VisibilityLag: 10 * time.Second, LaunchRate: 2, LaunchBurst: 5})
//	client := ec2.NewFromConfig(cfg, func(o *ec2.Options) { o.HTTPClient = &http.Client{Transport: provisionertest.Loopback(fake)} })
//
// # A provider of your own
//
// [TestProvider] holds any provisioner.Provider to the interface's promises: one launch is one machine whatever gets lost, silence is not taken for an answer, a
// list is whole or an error, a plan changes nothing, and nothing that is said shows a runner's configuration. Whoever writes a provider writes a [Harness], which
// joins it to a fake of its cloud, and gets the cases, optional powers included:
//
//	func TestTheProviderConforms(t *testing.T) {
//		provisionertest.TestProvider(t, func(t *testing.T) provisionertest.Harness { return newHarness(t) })
//	}
//
// # Doubles
//
// The types whose names end with Mock are doubles of the product's interfaces, made by moq: set the functions that the test expects to be called, and ask
// afterwards how they were. A function that is not set panics when it is called.
//
// # Crashes
//
// Package crashsim puts all of it together: it runs the real engine against these clouds, kills it between any two steps, and checks that every job still gets its
// one machine.
package provisionertest
