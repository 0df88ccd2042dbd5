package codemagictest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
)

func (c *Server) start(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		refuse(w, http.StatusRequestEntityTooLarge, "Request too large")
		return
	}
	var in struct {
		AppID        string   `json:"appId"`
		WorkflowID   string   `json:"workflowId"`
		Branch       string   `json:"branch"`
		Tag          string   `json:"tag"`
		InstanceType string   `json:"instanceType"`
		Labels       []string `json:"labels"`
		Environment  struct {
			Variables        map[string]string `json:"variables"`
			Groups           []string          `json:"groups"`
			SoftwareVersions map[string]string `json:"softwareVersions"`
		} `json:"environment"`
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil {
		refuse(w, http.StatusBadRequest, "Malformed request: "+err.Error())
		return
	}
	switch {
	case in.AppID == "" || in.WorkflowID == "" || in.Branch == "" && in.Tag == "":
		refuse(w, http.StatusBadRequest, "appId, workflowId and one of branch and tag are required")
		return
	case !c.hasApp(in.AppID):
		refuse(w, http.StatusNotFound, "Application not found")
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	b := &Build{
		ID: buildID(len(c.builds) + 1), AppID: in.AppID, WorkflowID: in.WorkflowID, Branch: in.Branch, InstanceType: in.InstanceType, Labels: in.Labels,
		Variables: in.Environment.Variables, Status: "queued", CreatedAt: time.Now(), Request: raw,
	}
	c.builds = append(c.builds, b)
	c.advance()
	answer(w, http.StatusOK, map[string]string{"buildId": b.ID})
}

func (c *Server) cancel(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := c.find(r.PathValue("id"))
	switch {
	case b == nil:
		refuse(w, http.StatusNotFound, "Build not found")
	case b.Over():
		w.WriteHeader(http.StatusAlreadyReported)
	default:
		b.Status, b.FinishedAt = "canceled", time.Now()
		c.advance()
		w.WriteHeader(http.StatusOK)
	}
}

func (c *Server) show(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := c.find(r.PathValue("id"))
	if b == nil {
		refuse(w, http.StatusNotFound, "Build not found")
		return
	}
	answer(w, http.StatusOK, map[string]any{"application": app(b.AppID), "build": b.view()})
}

func (c *Server) list(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	wanted := func(key, value string) bool { return q.Get(key) == "" || q.Get(key) == value }
	if app := q.Get("appId"); app != "" && !c.hasApp(app) {
		refuse(w, http.StatusNotFound, "Application not found")
		return
	}
	skip, limit, ok := c.page(q)
	if !ok {
		refuse(w, http.StatusBadRequest, "skip and limit are numbers")
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	views := []map[string]any{}
	for _, b := range slices.Backward(c.builds) { // newest first
		if wanted("appId", b.AppID) && wanted("workflowId", b.WorkflowID) && wanted("branch", b.Branch) && time.Since(b.CreatedAt) >= c.cfg.ListLag {
			views = append(views, b.view())
		}
	}
	views = views[min(skip, len(views)):]
	answer(w, http.StatusOK, map[string]any{"applications": []any{}, "builds": views[:min(limit, len(views))]})
}

// page reads which builds of the list a query asks for.
func (c *Server) page(q url.Values) (skip, limit int, ok bool) {
	limit = c.cfg.PageSize
	if text := q.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return 0, 0, false
		}
		limit = min(n, limit)
	}
	if text := q.Get("skip"); text != "" && !c.cfg.IgnoreSkip {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return 0, 0, false
		}
		skip = n
	}
	return skip, limit, true
}

func (c *Server) app(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	if !c.hasApp(id) {
		refuse(w, http.StatusNotFound, "Application not found")
		return
	}
	answer(w, http.StatusOK, map[string]any{"application": app(id)})
}

func app(id string) map[string]any { return map[string]any{"_id": id, "appName": "runners"} }

// view is a build in the API's form. Times are as its documentation has them, and null where there
// is none.
func (b *Build) view() map[string]any {
	when := func(t time.Time) any {
		if t.IsZero() {
			return nil
		}
		return t.UTC().Format("2006-01-02T15:04:05.000-0700")
	}
	return map[string]any{
		"_id": b.ID, "appId": b.AppID, "workflowId": b.WorkflowID, "branch": b.Branch, "tag": nil, "status": b.Status, "labels": b.Labels,
		"createdAt": when(b.CreatedAt), "startedAt": when(b.StartedAt), "finishedAt": when(b.FinishedAt), "artefacts": []any{},
	}
}
