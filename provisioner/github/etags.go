package github

import (
	"container/list"
	"context"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"sync"
)

// etags remembers pages and their ETags; the pages read longest ago go first. Pages are kept as the
// few fields that we use.
type etags struct {
	mu    sync.Mutex
	order *list.List // of *etagged, the latest first
	byKey map[string]*list.Element
}

type etagged struct {
	key, etag, next string
	items           any
}

// maxETags is some hundred repositories' worth of pages.
const maxETags = 4096

func newETags() *etags { return &etags{order: list.New(), byKey: map[string]*list.Element{}} }

func (c *etags) get(key string) (*etagged, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.byKey[key]
	if !ok {
		return nil, false
	}
	c.order.MoveToFront(e)
	return e.Value.(*etagged), true
}

func (c *etags) put(p *etagged) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.byKey[p.key]; ok {
		e.Value = p
		c.order.MoveToFront(e)
		return
	}
	c.byKey[p.key] = c.order.PushFront(p)
	for c.order.Len() > maxETags {
		oldest := c.order.Back()
		delete(c.byKey, oldest.Value.(*etagged).key)
		c.order.Remove(oldest)
	}
}

func (c *etags) drop(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.byKey[key]; ok {
		delete(c.byKey, key)
		c.order.Remove(e)
	}
}

// perPage is the most that GitHub puts on a page.
const perPage = 100

// page reads one page of a list under its ETag: P is GitHub's page, and pick what is used of it.
// next is the next page's number or cursor, "" at the end. The items are not the caller's to
// change. A page that a cursor leads to is never asked for again, so it is not kept.
func page[P, T any](ctx context.Context, c *Client, a *account, k call, pick func(*P) []T) (items []T, next string, changed bool, err error) {
	key := a.name + " " + k.url()
	old, known := c.etags.get(key)
	if known {
		k.etag = old.etag
	}
	var p P
	resp, err := c.do(ctx, a, k, &p)
	if err != nil {
		return nil, "", false, err
	}
	if known && resp.StatusCode == http.StatusNotModified {
		items, _ = old.items.([]T)
		return items, old.next, false, nil
	}
	items, next = pick(&p), resp.Cursor
	if next == "" && resp.NextPage > 0 {
		next = strconv.Itoa(resp.NextPage)
	}
	if etag := resp.Header.Get("ETag"); etag != "" && !k.query.Has("cursor") {
		c.etags.put(&etagged{key: key, etag: etag, next: next, items: items})
	} else {
		c.etags.drop(key)
	}
	return items, next, true, nil
}

// pages reads all pages of a list. An error means that the list is incomplete.
func pages[P, T any](ctx context.Context, c *Client, a *account, k call, pick func(*P) []T) (all []T, changed bool, err error) {
	for next := ""; ; {
		k.query = with(k.query, "per_page", strconv.Itoa(perPage))
		if next != "" {
			k.query = with(k.query, "page", next)
		}
		items, following, anew, err := page(ctx, c, a, k, pick)
		if err != nil {
			return nil, false, err
		}
		all, changed = append(all, items...), changed || anew
		if following == "" || following == next {
			return all, changed, nil
		}
		next = following
	}
}

// with returns a copy of a query with one more parameter.
func with(q url.Values, key, value string) url.Values {
	out := url.Values{}
	maps.Copy(out, q)
	out.Set(key, value)
	return out
}
