package labels_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/datawire/github-runner-provisioner/labels"
)

func TestNewSetFoldsLabels(t *testing.T) {
	for name, test := range map[string]struct{ in, want []string }{
		"case is folded":                 {[]string{"macOS", "ARM64"}, []string{"arm64", "macos"}},
		"surrounding blanks are trimmed": {[]string{" linux\t", "\nx64 "}, []string{"linux", "x64"}},
		"inner blanks stay":              {[]string{"my runner"}, []string{"my runner"}},
		"duplicates count once":          {[]string{"Linux", "linux", " LINUX "}, []string{"linux"}},
		"empty labels are dropped":       {[]string{"", "  ", "gpu"}, []string{"gpu"}},
		"letters beyond ASCII fold too":  {[]string{"GRÖSSE"}, []string{"grösse"}},
		"order does not matter":          {[]string{"b", "c", "a"}, []string{"a", "b", "c"}},
	} {
		t.Run(name, func(t *testing.T) {
			set := labels.NewSet(test.in...)
			if diff := cmp.Diff(test.want, set.Strings()); diff != "" {
				t.Error(diff)
			}
			if set.Len() != len(test.want) {
				t.Errorf("Len() = %d, want %d", set.Len(), len(test.want))
			}
		})
	}
}

func TestZeroSetIsEmpty(t *testing.T) {
	var zero labels.Set
	if zero.Len() != 0 || zero.String() != "" || len(zero.Strings()) != 0 || zero.Contains("") || zero.Contains("linux") {
		t.Errorf("the zero set has something in it: %q", zero.Strings())
	}
	if !zero.SubsetOf(zero) || !zero.SubsetOf(labels.NewSet("linux")) {
		t.Error("the empty set is not a subset of every set")
	}
}

func TestSetContainsLabelsWhateverTheirCase(t *testing.T) {
	set := labels.NewSet("self-hosted", "macOS")
	for label, want := range map[string]bool{"macos": true, "MACOS": true, " macOS ": true, "Self-Hosted": true, "mac": false, "": false, "linux": false} {
		if got := set.Contains(label); got != want {
			t.Errorf("Contains(%q) = %t, want %t", label, got, want)
		}
	}
}

func TestSubsetOf(t *testing.T) {
	for _, test := range []struct {
		s, of []string
		want  bool
	}{
		{[]string{"linux"}, []string{"linux", "arm64"}, true},
		{[]string{"LINUX", "Arm64"}, []string{"linux", "arm64"}, true},
		{[]string{"linux", "arm64", "gpu"}, []string{"linux", "arm64"}, false},
		{[]string{"windows"}, []string{"linux", "arm64"}, false},
		{[]string{"linux"}, nil, false},
		{nil, []string{"linux"}, true},
	} {
		if got := labels.NewSet(test.s...).SubsetOf(labels.NewSet(test.of...)); got != test.want {
			t.Errorf("%q subset of %q = %t, want %t", test.s, test.of, got, test.want)
		}
	}
}

func TestStringsIsTheCallersOwn(t *testing.T) {
	set := labels.NewSet("arm64", "linux")
	set.Strings()[0] = "changed"
	if got := set.String(); got != "arm64,linux" {
		t.Errorf("the set changed to %s", got)
	}
}

func ExampleNewSet() {
	runner := labels.NewSet("self-hosted", "Linux", "ARM64", "gpu", "linux")
	job := labels.NewSet("linux", "gpu")
	fmt.Println(runner)
	fmt.Println(job.SubsetOf(runner), runner.SubsetOf(job), runner.Contains(" GPU "))
	// Output:
	// arm64,gpu,linux,self-hosted
	// true false true
}
