package githubtest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Delivery is an entry in the log of a webhook's deliveries.
type Delivery struct {
	ID          int64 // AddDelivery sets it
	GUID        string
	Event       string
	Action      string
	StatusCode  int // the receiver's answer; 0 if there was none
	Redelivery  bool
	Header      map[string]string
	Payload     json.RawMessage
	DeliveredAt time.Time // now, if zero
}

// keepsDeliveries is how long github.com keeps deliveries.
const keepsDeliveries = 3 * 24 * time.Hour

// AddDelivery adds an entry to the log of a hook, "owner/repo/ID" or "org/ID", or of the App, "",
// and returns its id. Add them in the order of their times.
func (g *Server) AddDelivery(hook string, d Delivery) int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	d.ID = g.next()
	if d.DeliveredAt.IsZero() {
		d.DeliveredAt = time.Now()
	}
	g.deliveries[hook] = append(g.deliveries[hook], &d)
	return d.ID
}

// kept returns the deliveries of a request's hook that GitHub still has, the newest first.
func (g *Server) kept(r *http.Request) (out []*Delivery) {
	hook := ""
	if id := r.PathValue("hook_id"); id != "" {
		hook = targetOf(r).String() + "/" + id
	}
	oldest := time.Now().Add(-keepsDeliveries)
	for _, d := range slices.Backward(g.deliveries[hook]) {
		if d.DeliveredAt.After(oldest) {
			out = append(out, d)
		}
	}
	return out
}

// A cursor is where a page of deliveries ends. Only GitHub itself may read it.
const cursorPrefix = "v1_"

// listDeliveries pages by cursor, the newest first.
func (g *Server) listDeliveries(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	end, paged := strings.CutPrefix(q.Get("cursor"), cursorPrefix)
	before, err := strconv.ParseInt(end, 10, 64)
	if q.Has("cursor") && (!paged || err != nil) {
		refuse(w, http.StatusBadRequest, "Bad Request")
		return
	}
	items, size := []map[string]any{}, pageSize(q)
	last := int64(0)
	for _, d := range g.kept(r) {
		failed := d.StatusCode >= 400
		if paged && d.ID >= before || q.Get("status") == "success" && failed || q.Get("status") == "failure" && !failed {
			continue
		}
		if len(items) == size {
			link(w, r, "cursor", cursorPrefix+strconv.FormatInt(last, 10), "next")
			break
		}
		items, last = append(items, d.json()), d.ID
	}
	reply(w, http.StatusOK, items)
}

func (g *Server) delivery(r *http.Request) *Delivery {
	id := number(r, "delivery_id")
	for _, d := range g.kept(r) {
		if d.ID == id {
			return d
		}
	}
	return nil
}

func (g *Server) getDelivery(w http.ResponseWriter, r *http.Request) {
	d := g.delivery(r)
	if d == nil {
		notFound(w)
		return
	}
	m := d.json()
	m["url"] = "https://example.com/webhook"
	m["request"] = map[string]any{"headers": orEmpty(d.Header), "payload": orEmpty(d.Payload)}
	m["response"] = map[string]any{"headers": map[string]any{}, "payload": ""}
	reply(w, http.StatusOK, m)
}

// redeliver accepts, as GitHub does at once; the delivery itself is the test's to make, and to add
// to the log.
func (g *Server) redeliver(w http.ResponseWriter, r *http.Request) {
	if g.delivery(r) == nil {
		notFound(w)
		return
	}
	reply(w, http.StatusAccepted, map[string]any{})
}

func (d *Delivery) json() map[string]any {
	status := "OK"
	switch {
	case d.StatusCode == 0:
		status = "failed to connect to host"
	case d.StatusCode < 200 || d.StatusCode >= 400:
		status = "Invalid HTTP Response: " + strconv.Itoa(d.StatusCode)
	}
	return map[string]any{
		"id": d.ID, "guid": d.GUID, "delivered_at": stamp(d.DeliveredAt), "redelivery": d.Redelivery, "duration": 0.1, "status": status, "status_code": d.StatusCode,
		"event": d.Event, "action": orNull(d.Action), "installation_id": nil, "repository_id": nil,
	}
}

// orEmpty is what GitHub writes for an object that it does not have.
func orEmpty[M ~map[string]string | ~[]byte](m M) any {
	if len(m) == 0 {
		return map[string]any{}
	}
	return m
}
