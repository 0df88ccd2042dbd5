package crashsim_test

import (
	"flag"
	"fmt"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest/crashsim"
)

var (
	seeds = flag.Uint64("seeds", 20, "histories to live through, of each kind")
	seed  = flag.Uint64("seed", 0, "the one history to live through")
)

// TestMain gives the garbage collector room: histories are short, and garbage afterwards.
func TestMain(m *testing.M) {
	debug.SetGCPercent(400)
	m.Run()
}

func simulate(t *testing.T, o crashsim.Options) {
	first, n := uint64(1), *seeds
	if *seed != 0 {
		first, n = *seed, 1
	}
	const shards = 2
	for shard := range uint64(shards) {
		t.Run(fmt.Sprint(shard), func(t *testing.T) {
			t.Parallel()
			for s := first + shard; s < first+n; s += shards {
				r := crashsim.Run(t, s, o)
				if len(r.Wrong) > 0 {
					name, _, _ := strings.Cut(t.Name(), "/")
					t.Errorf("%s\n\nalone: go test ./provisioner/provisionertest/crashsim -run '^%s$' -seed %d", r, name, s)
					return
				}
				if *seed != 0 {
					t.Log(r)
				}
			}
		})
	}
}

func TestWorkers(t *testing.T)    { simulate(t, crashsim.Options{}) }
func TestReconciler(t *testing.T) { simulate(t, crashsim.Options{Reconcile: true}) }
