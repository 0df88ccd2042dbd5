package githubtest

import (
	"cmp"
	"net/http"
	"time"
)

// Hook is a webhook's settings.
type Hook struct {
	Inactive bool
	Events   []string
	URL      string // defaults to https://runners.example/webhook
}

// SetHook makes a webhook, "owner/repo/ID" or "org/ID", or changes it.
func (g *Server) SetHook(name string, h Hook) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.hooks == nil {
		g.hooks = make(map[string]Hook)
	}
	g.hooks[name] = h
}

func (g *Server) getHook(w http.ResponseWriter, r *http.Request) {
	name := targetOf(r).String() + "/" + r.PathValue("hook_id")
	h, ok := g.hooks[name]
	if !ok {
		notFound(w)
		return
	}
	address := "https://api.github.com/" + name
	reply(w, http.StatusOK, map[string]any{
		"type": "Repository", "id": number(r, "hook_id"), "name": "web", "active": !h.Inactive, "events": h.Events,
		"config":     map[string]any{"url": cmp.Or(h.URL, "https://runners.example/webhook"), "content_type": "json", "insecure_ssl": "0", "secret": "********"},
		"created_at": stamp(time.Now()), "updated_at": stamp(time.Now()), "url": address, "test_url": address + "/tests", "ping_url": address + "/pings",
		"deliveries_url": address + "/deliveries", "last_response": map[string]any{"code": nil, "status": "unused", "message": nil},
	})
}
