package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The whole list takes ten minutes on two cores, and is not tried with every change.
func TestEverySabotageHasItsPlaceInTheCode(t *testing.T) {
	for _, m := range mutants {
		code, err := os.ReadFile(filepath.Join("../..", m.file))
		if n := strings.Count(string(code), m.from); err != nil || n != 1 || m.from == m.to {
			t.Errorf("%s: %q has %d places in %s: %v", m.what, m.from, n, m.file, err)
		}
	}
}
