package provisioner

import (
	"fmt"
	"runtime/debug"
)

// Guard calls f, and turns its panic into an error that is [ErrPanic] and tells where it happened.
// A provider or an observer that panics must not take the process, and the jobs that it has, with
// it.
func Guard(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %s\n%s", ErrPanic, Redact(fmt.Sprint(p)), debug.Stack())
		}
	}()
	return f()
}
