package githubtest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// releases are the versions of the runner that a fake GitHub knows, and when it stops running jobs
// on them. The newest is the one it offers.
var releases = []struct {
	version string
	ends    time.Time
}{
	{"2.336.0", time.Date(2026, time.November, 5, 0, 0, 0, 0, time.UTC)},
	{"2.337.0", time.Date(2026, time.December, 5, 0, 0, 0, 0, time.UTC)},
	{"2.338.0", time.Time{}},
}

// RunnerVersion is the release of the runner that a fake GitHub offers.
const RunnerVersion = "2.338.0"

var archives = []struct{ os, arch, ext string }{
	{"osx", "x64", "tar.gz"}, {"osx", "arm64", "tar.gz"}, {"linux", "x64", "tar.gz"}, {"linux", "arm", "tar.gz"}, {"linux", "arm64", "tar.gz"}, {"win", "x64", "zip"},
}

// SetDownloadURL sets where the archives of the runner are: the API then offers base/vVERSION/NAME.
// The checksum is that of the archive's own name, so a server whose archives hold their names
// serves what the API promises.
func (g *Server) SetDownloadURL(base string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.downloads = base
}

func (g *Server) listDownloads(w http.ResponseWriter, _ *http.Request) {
	all := make([]map[string]any, 0, len(archives))
	for _, a := range archives {
		file := fmt.Sprintf("actions-runner-%s-%s-%s.%s", a.os, a.arch, RunnerVersion, a.ext)
		sum := sha256.Sum256([]byte(file))
		all = append(all, map[string]any{
			"os": a.os, "architecture": a.arch, "filename": file, "download_url": fmt.Sprintf("%s/v%s/%s", g.downloads, RunnerVersion, file),
			"sha256_checksum": hex.EncodeToString(sum[:]),
		})
	}
	reply(w, http.StatusOK, all)
}

// getDeprecation answers of the releases that have a successor when they end, and 404 of those that
// nobody released.
func (g *Server) getDeprecation(w http.ResponseWriter, r *http.Request) {
	version := r.PathValue("version")
	for _, x := range slices.Backward(releases) {
		if x.version != version {
			continue
		}
		answer := map[string]any{"runner_version": version}
		if !x.ends.IsZero() {
			answer["runtime_deprecates_at"] = stamp(x.ends)
		}
		reply(w, http.StatusOK, answer)
		return
	}
	notFound(w)
}
