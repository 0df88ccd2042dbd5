package github

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	gh "github.com/google/go-github/v57/github"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// Delivery is a webhook delivery in GitHub's log.
type Delivery struct {
	// ID is that of this attempt; GUID is shared by all attempts at the same event and is what
	// X-GitHub-Delivery carries.
	ID          int64
	GUID        string
	Event       string
	Action      string
	DeliveredAt time.Time
	// StatusCode is our answer; 0 or an error when there was none. Status says it in words.
	StatusCode int
	Status     string
}

func (d Delivery) failed() bool { return d.StatusCode < 200 || d.StatusCode >= 400 }

const (
	// kept is how long github.com keeps deliveries (7 days on GitHub Enterprise Server).
	kept = 3 * 24 * time.Hour
	// settling is the age up to which a delivery may be followed, in the log, by one with a smaller
	// id: an attempt takes up to 30 s.
	settling = time.Minute
)

// FailedDeliveries returns the workflow_job deliveries of the last 3 days, or after the delivery
// after (0: all), that failed and of which no attempt in that time succeeded: the last attempt at
// each, oldest first. cursor is what to pass next time. It stays behind deliveries of the last
// minute, which may therefore be returned twice. GitHub does not repeat failed deliveries by itself
// (https://docs.github.com/en/webhooks/using-webhooks/handling-failed-webhook-deliveries).
func (c *Client) FailedDeliveries(ctx context.Context, h Hook, after int64) (list []Delivery, cursor int64, err error) {
	a, err := c.hookAccount(ctx, h)
	if err != nil {
		return nil, after, err
	}
	recent, err := c.deliveries(ctx, a, h, after)
	if err != nil {
		return nil, after, err
	}
	cursor = after
	settled := time.Now().Add(-settling)
	last := map[string]Delivery{}
	served := map[string]bool{}
	for _, d := range recent {
		if d.DeliveredAt.Before(settled) {
			cursor = max(cursor, d.ID)
		}
		if d.Event != "workflow_job" {
			continue
		}
		served[d.GUID] = served[d.GUID] || !d.failed()
		if d.ID > last[d.GUID].ID {
			last[d.GUID] = d
		}
	}
	for guid, d := range last {
		if !served[guid] {
			list = append(list, d)
		}
	}
	slices.SortFunc(list, func(a, b Delivery) int { return cmp.Or(a.DeliveredAt.Compare(b.DeliveredAt), cmp.Compare(a.ID, b.ID)) })
	return list, cursor, nil
}

// deliveries reads the log, which is latest first, back to a delivery or to as far as it is kept.
func (c *Client) deliveries(ctx context.Context, a *account, h Hook, after int64) ([]Delivery, error) {
	oldest := time.Now().Add(-kept)
	k := call{operation: "list deliveries", method: http.MethodGet, path: h.path(), target: h.target()}
	k.query = with(nil, "per_page", strconv.Itoa(perPage))
	var all []Delivery
	for {
		items, next, _, err := page(ctx, c, a, k, deliveriesOf)
		if err != nil {
			return nil, err
		}
		for _, d := range items {
			if d.ID <= after || d.DeliveredAt.Before(oldest) {
				return all, nil
			}
			all = append(all, d)
		}
		if next == "" {
			return all, nil
		}
		k.query = with(k.query, "cursor", next)
	}
}

func deliveriesOf(p *[]*gh.HookDelivery) []Delivery {
	items := make([]Delivery, 0, len(*p))
	for _, d := range *p {
		items = append(items, Delivery{
			ID: d.GetID(), GUID: d.GetGUID(), Event: d.GetEvent(), Action: d.GetAction(), DeliveredAt: d.GetDeliveredAt().Time,
			StatusCode: d.GetStatusCode(), Status: d.GetStatus(),
		})
	}
	return items
}

// Delivery returns the request of a delivery as GitHub stored it: the event's name, the headers,
// and the payload as JSON, whatever content type it was sent in. The signature header belongs to
// the bytes that were sent, which the payload need not be. provisioner.ErrNotFound means that it is
// not kept any more.
func (c *Client) Delivery(ctx context.Context, h Hook, id int64) (event string, header map[string]string, payload []byte, err error) {
	a, err := c.hookAccount(ctx, h)
	if err != nil {
		return "", nil, nil, err
	}
	var d gh.HookDelivery
	_, err = c.do(ctx, a, call{
		operation: "get delivery", method: http.MethodGet, path: h.path() + "/" + strconv.FormatInt(id, 10), target: h.target(),
		means: map[int]error{http.StatusNotFound: provisioner.ErrNotFound},
	}, &d)
	if err != nil {
		return "", nil, nil, err
	}
	if d.Request == nil || d.Request.RawPayload == nil || !json.Valid(*d.Request.RawPayload) || string(*d.Request.RawPayload) == "null" {
		return "", nil, nil, &provisioner.GitHubError{Target: h.target(), Err: fmt.Errorf("get delivery: GitHub has not kept the payload of %d: %w", id, provisioner.ErrNotFound)}
	}
	return d.GetEvent(), d.Request.Headers, *d.Request.RawPayload, nil
}

// hookAccount returns the credential that may read a hook's log. The App's own log is the App's to
// read, not an installation's.
func (c *Client) hookAccount(ctx context.Context, h Hook) (*account, error) {
	if h != (Hook{}) {
		return c.account(ctx, h.target())
	}
	if c.app == nil {
		return nil, &provisioner.GitHubError{Err: fmt.Errorf("the App's own delivery log needs an App's credentials: %w", provisioner.ErrRefused)}
	}
	return c.app.self, nil
}
