package server

import (
	"context"
	"fmt"
	"runtime"

	"github.com/datawire/github-runner-provisioner/adapters/internal/wiring"
)

func versionCommand(_ context.Context, args []string, out streams) int {
	if len(args) > 0 {
		return misuse(out, fmt.Sprintf("version takes no arguments, and %q is one", args[0]))
	}
	fmt.Fprintf(out.out, "github-runner-provisioner %s (%s %s/%s)\n", wiring.Version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return exitOK
}
