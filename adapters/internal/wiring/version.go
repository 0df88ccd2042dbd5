package wiring

import (
	"cmp"
	"runtime/debug"
)

// version is set by the linker where the build can't ask git, as in an image:
// -X github.com/datawire/github-runner-provisioner/adapters/internal/wiring.version=v1.2.3.
var version string

// Version is that of the service: as the build was told, or else as the go command took it from
// git, which is "devel" where there was none.
func Version() string {
	stamped := ""
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "(devel)" {
		stamped = info.Main.Version
	}
	return cmp.Or(version, stamped, "devel")
}
