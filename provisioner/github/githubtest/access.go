package githubtest

import (
	"net/http"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// Access is what the credentials may do with a repository or organisation.
type Access int

const (
	// Granted is the default.
	Granted Access = iota
	// Hidden is how GitHub treats a private repository that is not among those selected for a token
	// or an App: as if there were none (404).
	Hidden
	// Forbidden is how it treats a permission that is missing (403).
	Forbidden
)

// SetAccess gives and takes access to a repository, or to an organisation's own runners and hooks
// where the target has no repository.
func (g *Server) SetAccess(t provisioner.Target, to Access) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.access == nil {
		g.access = map[provisioner.Target]Access{}
	}
	g.access[t] = to
}

// refusedAccess answers for what may not be seen, and reports whether it did.
func (g *Server) refusedAccess(w http.ResponseWriter, t provisioner.Target) bool {
	switch g.access[t] {
	case Hidden:
		notFound(w)
	case Forbidden:
		refuse(w, http.StatusForbidden, "Resource not accessible by personal access token")
	default:
		return false
	}
	return true
}
