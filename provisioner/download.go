package provisioner

// RunnerDownload is a release of GitHub's runner, as the runners/downloads endpoint offers it to a
// repository or organisation.
type RunnerDownload struct {
	Version string `json:"version"` // 2.338.0
	URL     string `json:"url"`     // of a .tar.gz
	SHA256  string `json:"sha256"`  // hexadecimal
}
