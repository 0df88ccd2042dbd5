package labelstest_test

import (
	"fmt"

	"github.com/datawire/github-runner-provisioner/labels"
	"github.com/datawire/github-runner-provisioner/labels/labelstest"
)

// A test of code that asks a matcher decides the answer, and sees what was asked.
func Example() {
	served := func(m labels.Matcher, runsOn []string) bool {
		_, ok := m.Match(runsOn)
		return ok
	}

	matcher := &labelstest.MatcherMock{
		MatchFunc: func([]string) (string, bool) { return "ubuntu-arm64", true },
	}
	fmt.Println(served(matcher, []string{"linux"}))
	fmt.Println(matcher.MatchCalls()[0].Labels)
	// Output:
	// true
	// [linux]
}
