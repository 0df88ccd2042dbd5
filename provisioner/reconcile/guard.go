package reconcile

import (
	"fmt"
	"runtime/debug"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// guard turns a panic of a provider or an observer into an error: it must not take the process, and
// the jobs that it has, with it.
func guard(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v\n%s", provisioner.ErrPanic, p, debug.Stack())
		}
	}()
	return f()
}
