// Package reconciletest has the doubles of the interfaces that a [reconcile.Sweeper] works with,
// made by moq: set the functions that the test expects to be called, and ask afterwards how they
// were. A function that is not set panics when it is called. ExampleSweeper of package reconcile
// uses them. For tests only.
package reconciletest

//go:generate go tool -modfile=../../../tools/go.mod moq -pkg reconciletest -out mocks.go .. Engine Jobs Runners Worker DeliveryLog Store Observer
