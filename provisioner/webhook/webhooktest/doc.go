// Package webhooktest is the webhook's contract as a table of deliveries, for the tests of
// everything that serves one.
//
// [Cases] are requests with the answers they must get: from a webhook.Receiver, through an HTTP
// server, as events of AWS Lambda, from the built program. All of them drive the same table, so
// they can't differ. A test arranges the world that the cases take for granted ([Types],
// [Repositories], a queue that remembers), sends each [Case] in its own way, as often as it says,
// and hands the last answer to [Case.Check]:
//
//	for _, c := range webhooktest.Cases(secret) {
//		t.Run(c.Name, func(t *testing.T) {
//			for range c.Times - 1 {
//				send(t, c)
//			}
//			code, header, body := send(t, c)
//			c.Check(t, code, header, body)
//		})
//	}
//
// The payloads are made from GitHub's own examples ([Example]).
//
// The types whose names end with Mock are doubles of the interfaces that a webhook.Receiver works
// with, made by moq. For tests only.
package webhooktest

//go:generate go tool -modfile=../../../tools/go.mod moq -pkg webhooktest -out mocks.go .. Accepter Planner Recorder Observer
