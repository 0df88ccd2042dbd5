package provisionertest

import (
	"strings"
	"testing"
	"testing/synctest"
)

// TestProvider holds a provider to what [provisioner.Provider] and the optional interfaces beside
// it demand. Each case is a subtest whose name is the sentence that it checks.
//
// A case is skipped where the provider or the [Harness] lacks a power that it needs, and says which
// one. A fault that a case orders and that hits no call fails the case: the harness has forgotten
// to apply it.
//
// newHarness is called once for each case, in a testing/synctest bubble of the case's own, so that
// waiting takes no time. Everything that starts goroutines must be made by newHarness, and the
// provider's client must reach its cloud without a network, for example by fakehttp.Loopback. A
// goroutine of the bubble that waits for a child process stops the bubble's clock: let a goroutine
// wait that was started outside.
//
// The directory examples/provider of this module has a whole provider with its harness, small
// enough to copy.
func TestProvider(t *testing.T, newHarness func(t *testing.T) Harness) {
	t.Helper()
	for _, c := range conformance {
		t.Run(c.name, func(t *testing.T) {
			var skip string
			synctest.Test(t, func(t *testing.T) {
				var faults []string
				faults, skip = c.try(t.Context(), newHarness(t))
				if len(faults) > 0 {
					t.Error(strings.Join(faults, "\n"))
				}
			})
			if skip != "" {
				t.Skip(skip) // out here: a skip inside the bubble is shown as a pass
			}
		})
	}
}
