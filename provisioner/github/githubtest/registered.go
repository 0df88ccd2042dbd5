package githubtest

import (
	"fmt"
	"net/http"
)

func (g *Server) listRunners(w http.ResponseWriter, r *http.Request) {
	t, name := targetOf(r), r.URL.Query().Get("name")
	var found []*Runner
	for _, x := range g.runners {
		if x.Target == t && (name == "" || x.Name == name) {
			found = append(found, x)
		}
	}
	page(w, r, found, (*Runner).json, counted[map[string]any]("runners"))
}

// asked returns the runner that a request names, if it belongs to the request's repository or
// organisation.
func (g *Server) asked(r *http.Request) *Runner {
	if x := g.runner(number(r, "runner_id")); x != nil && x.Target == targetOf(r) {
		return x
	}
	return nil
}

func (g *Server) getRunner(w http.ResponseWriter, r *http.Request) {
	x := g.asked(r)
	if x == nil {
		notFound(w)
		return
	}
	reply(w, http.StatusOK, x.json())
}

func (g *Server) deleteRunner(w http.ResponseWriter, r *http.Request) {
	x := g.asked(r)
	switch {
	case x == nil:
		notFound(w)
	case x.Busy:
		refuse(w, http.StatusUnprocessableEntity, fmt.Sprintf("Bad request - Runner %q is currently running a job and cannot be deleted.", x.Name))
	default:
		g.remove(x)
		w.WriteHeader(http.StatusNoContent)
	}
}

// group is a runner group of an organisation.
type group struct {
	id   int64
	name string
}

// AddGroup makes a runner group of an organisation and returns its id. The group Default, 1, is
// always there.
func (g *Server) AddGroup(org, name string) int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.addAccount(org)
	id := int64(len(g.groups[org]) + hostedGroup + 1)
	g.groups[org] = append(g.groups[org], group{id, name})
	return id
}

func (g *Server) listGroups(w http.ResponseWriter, r *http.Request) {
	org := r.PathValue("org")
	all := append([]group{{defaultGroup, "Default"}, {hostedGroup, "GitHub Actions"}}, g.groups[org]...)
	page(w, r, all, func(x group) map[string]any { return x.json(org) }, counted[map[string]any]("runner_groups"))
}
