package github_test

import (
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/github"
)

// deliveryLog is a webhook's log, the latest first, paged by cursor.
type deliveryLog struct {
	mu   sync.Mutex
	list []object
}

func (l *deliveryLog) add(id int64, guid, event string, status int, age time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = slices.Insert(l.list, 0, object{
		"id": id, "guid": guid, "delivered_at": time.Now().Add(-age), "redelivery": false, "duration": 0.1, "status": http.StatusText(status),
		"status_code": status, "event": event, "action": "queued", "installation_id": nil, "repository_id": 1,
	})
}

func (l *deliveryLog) serve(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	size, _ := strconv.Atoi(r.URL.Query().Get("per_page"))
	from := 0
	if cursor := r.URL.Query().Get("cursor"); cursor != "" {
		from, _ = strconv.Atoi(cursor[1:])
	}
	to := min(from+size, len(l.list))
	if to < len(l.list) {
		w.Header().Set("Link", fmt.Sprintf(`<http://%s%s?per_page=%d&cursor=v%d>; rel="next"`, r.Host, r.URL.Path, size, to))
	}
	answer(w, r, append([]object{}, l.list[from:to]...))
}

func deliveryIDs(list []github.Delivery) []int64 {
	out := []int64{}
	for _, d := range list {
		out = append(out, d.ID)
	}
	return out
}

func TestFailedDeliveriesAreThoseThatNoAttemptGotThrough(t *testing.T) {
	t.Parallel()
	log := &deliveryLog{}
	log.add(1, "too-old", "workflow_job", 500, 73*time.Hour)
	log.add(2, "never", "workflow_job", 500, 50*time.Hour)
	log.add(3, "later", "workflow_job", 502, 40*time.Hour)
	log.add(4, "push", "push", 500, 30*time.Hour)
	log.add(5, "fine", "workflow_job", 202, 20*time.Hour)
	log.add(6, "later", "workflow_job", 202, 10*time.Hour)
	log.add(7, "never", "workflow_job", 0, 9*time.Hour)
	log.add(8, "silent", "workflow_job", 0, 8*time.Hour)
	for i := range int64(230) {
		log.add(10+i, fmt.Sprint("ok-", i), "workflow_job", 200, 2*time.Hour)
	}
	log.add(300, "just-now", "workflow_job", 503, time.Second)
	for hook, path := range map[github.Hook]string{
		{Owner: "octo", Repo: "shop", ID: 9}: "GET /repos/octo/shop/hooks/9/deliveries",
		{Owner: "octo", ID: 9}:               "GET /orgs/octo/hooks/9/deliveries",
	} {
		t.Run(hook.String(), func(t *testing.T) {
			t.Parallel()
			s := serve(t, map[string]http.HandlerFunc{path: log.serve})
			c := s.client(t, github.Config{})
			got, cursor, err := c.FailedDeliveries(t.Context(), hook, 0)
			if err != nil || !reflect.DeepEqual(deliveryIDs(got), []int64{7, 8, 300}) {
				t.Errorf("got %v: %v", deliveryIDs(got), err)
			}
			if got[0].GUID != "never" || got[0].Event != "workflow_job" || got[0].Action != "queued" || got[0].StatusCode != 0 || got[2].StatusCode != 503 {
				t.Errorf("got %+v", got)
			}
			if cursor != 239 {
				t.Errorf("the cursor is %d: it must stay behind what may not be settled", cursor)
			}
			if n := s.total(); n != 3 {
				t.Errorf("%d pages were read", n)
			}
			got, cursor, err = c.FailedDeliveries(t.Context(), hook, cursor)
			if err != nil || !reflect.DeepEqual(deliveryIDs(got), []int64{300}) || cursor != 239 || s.total() != 4 {
				t.Errorf("from the cursor on: %v, %d, %v, after %d requests", deliveryIDs(got), cursor, err, s.total())
			}
			if q := c.Quota(); q.NotModified != 1 {
				t.Errorf("a quiet log costs: %+v", q)
			}
			if _, _, err := c.FailedDeliveries(t.Context(), hook, 0); err != nil {
				t.Error(err)
			}
			if q := c.Quota(); q.Requests != 7 || q.NotModified != 2 {
				t.Errorf("more than the first page is kept in memory: %+v", q)
			}
		})
	}
}

func TestALogThatBreaksOffKeepsTheCursor(t *testing.T) {
	t.Parallel()
	quick(t, func(w http.ResponseWriter, _ *http.Request) { fail(w, 500, "Server Error") }, func(t *testing.T, c *github.Client) {
		list, cursor, err := c.FailedDeliveries(t.Context(), github.Hook{Owner: "octo", ID: 9}, 17)
		if list != nil || cursor != 17 {
			t.Errorf("got %v, %d", list, cursor)
		}
		outcome{is: provisioner.ErrUnavailable}.check(t, err)
	})
}

func TestAnAppReadsItsOwnLogAsItself(t *testing.T) {
	t.Parallel()
	log := &deliveryLog{}
	log.add(1, "a", "workflow_job", 500, time.Hour)
	a := serveApp(t, map[string]http.HandlerFunc{"GET /app/hook/deliveries": byApp(t, log.serve)})
	got, cursor, err := a.client(t).FailedDeliveries(t.Context(), github.Hook{}, 0)
	if err != nil || len(got) != 1 || cursor != 1 {
		t.Errorf("got %v, %d: %v", got, cursor, err)
	}
	_, _, err = serve(t, nil).client(t, github.Config{}).FailedDeliveries(t.Context(), github.Hook{}, 0)
	outcome{is: provisioner.ErrRefused, about: &provisioner.Target{}, message: "needs an App"}.check(t, err)
}

func TestADeliveryComesWithItsStoredPayload(t *testing.T) {
	t.Parallel()
	hook := github.Hook{Owner: "octo", Repo: "shop", ID: 9}
	s := serve(t, map[string]http.HandlerFunc{"GET /repos/octo/shop/hooks/9/deliveries/{id}": func(w http.ResponseWriter, r *http.Request) {
		request := object{"headers": object{"X-GitHub-Event": "workflow_job", "X-GitHub-Delivery": "a"}, "payload": object{"action": "queued"}}
		switch r.PathValue("id") {
		case "1":
			answer(w, r, object{"id": 1, "event": "workflow_job", "request": request})
		case "2":
			answer(w, r, object{"id": 2, "event": "workflow_job", "request": object{"headers": object{}, "payload": nil}})
		default:
			fail(w, 404, "Not Found")
		}
	}})
	c := s.client(t, github.Config{})
	event, header, payload, err := c.Delivery(t.Context(), hook, 1)
	if err != nil || event != "workflow_job" || header["X-GitHub-Delivery"] != "a" || string(payload) != `{"action":"queued"}` {
		t.Errorf("got %s %v %s: %v", event, header, payload, err)
	}
	for _, id := range []int64{2, 3} {
		_, _, _, err := c.Delivery(t.Context(), hook, id)
		outcome{is: provisioner.ErrNotFound}.check(t, err)
	}
}

func TestParseHook(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]github.Hook{
		"octo/shop/9": {Owner: "octo", Repo: "shop", ID: 9}, " octo/123456789012 ": {Owner: "octo", ID: 123456789012},
		"": {}, "9": {}, "octo/": {}, "octo/shop": {}, "octo/shop/0": {}, "octo/shop/-1": {}, "octo//9": {}, "/shop/9": {}, "a/b/c/9": {}, "../shop/9": {}, "o c/9": {},
		"octo/shop/9x": {}, "octo/shop/99999999999999999999": {},
	} {
		got, err := github.ParseHook(s)
		if got != want || (err == nil) != (want != github.Hook{}) {
			t.Errorf("%q: got %+v, %v", s, got, err)
		}
	}
}

func FuzzParseHook(f *testing.F) {
	f.Add("octo/shop/9")
	f.Add("octo/9")
	f.Fuzz(func(t *testing.T, s string) {
		h, err := github.ParseHook(s)
		if err != nil {
			return
		}
		if again, err := github.ParseHook(h.String()); err != nil || again != h {
			t.Errorf("%q is %+v, which is %q, which is %+v: %v", s, h, h, again, err)
		}
	})
}
