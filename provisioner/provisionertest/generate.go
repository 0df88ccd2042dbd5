package provisionertest

// The doubles are written by moq, whose version tools/go.mod holds; `make generate` writes them anew. MatcherMock serves for both labels.Matcher and
// provisioner.Matcher. Where two packages use one name, the double says whose it is: WebhookPlannerMock, DeliveryObserverMock, SweepObserverMock.

//go:generate go tool -modfile=../../tools/go.mod moq -pkg provisionertest -out mocks_labels.go ../../labels Matcher
//go:generate go tool -modfile=../../tools/go.mod moq -pkg provisionertest -out mocks_provisioner.go ../ Provider Planner Finder Lister Terminator Registrar Jobs Observer
//go:generate go tool -modfile=../../tools/go.mod moq -pkg provisionertest -out mocks_queue.go ../queue Queue
//go:generate go tool -modfile=../../tools/go.mod moq -pkg provisionertest -out mocks_webhook.go ../webhook Accepter Planner:WebhookPlannerMock Recorder Observer:DeliveryObserverMock
//go:generate go tool -modfile=../../tools/go.mod moq -pkg provisionertest -out mocks_reconcile.go ../reconcile Engine Jobs:QueuedJobsMock Runners Worker DeliveryLog Notes Observer:SweepObserverMock
