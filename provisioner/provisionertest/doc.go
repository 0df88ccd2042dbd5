// Package provisionertest is the test kit of package provisioner: what a test of it, or of code
// that uses it, can have instead of the real thing. No production code imports it.
//
// # Doubles
//
// The types whose names end with Mock are doubles of the package's interfaces, made by moq: set the
// functions that the test expects to be called, and ask afterwards how they were. A function that
// is not set panics when it is called. The doubles of other packages stand beside them:
// labels/labelstest, provisioner/queue/queuetest, provisioner/webhook/webhooktest,
// provisioner/reconcile/reconciletest.
//
// # A provider of your own
//
// [TestProvider] holds any provisioner.Provider to the interface's promises: one launch is one
// machine whatever gets lost, silence is not taken for an answer, a list is whole or an error, a
// plan changes nothing, and nothing that is said shows a runner's configuration. Whoever writes a
// provider writes a [Harness] of four methods, which joins it to a fake of its cloud:
//
//	func TestTheProviderConforms(t *testing.T) {
//		provisionertest.TestProvider(t, func(t *testing.T) provisionertest.Harness {
//			return newHarness(t)
//		})
//	}
//
// What can go wrong at that cloud is said by one more method each, such as [Throttler]; a case that
// lacks one is skipped and says so. The directory examples/provider of this module is a whole one
// to copy: a provider that starts local processes, its harness, and a main function.
//
// # Fake servers
//
// They stand beside what they stand for: provisioner/github/githubtest, awsrunner/ec2test,
// codemagic/codemagictest and adapters/sqs/sqstest. They are small, and true where it hurts: a
// runner's name can be registered once, lists lag and come in pages, client tokens are zonal, an
// answer gets lost after the call has had its effect, a queue delivers again. Package fakehttp has
// what they share: faults on order, and a transport without a network.
//
// # Crashes
//
// Package crashsim puts all of it together: it runs the real engine against these clouds, kills it
// between any two steps, and checks that every job still gets its one machine.
package provisionertest
