package github_test

import (
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/github"
)

func fleet(n int) []object {
	var all []object
	for i := range n {
		all = append(all, runner(int64(i+1), fmt.Sprintf("grp-x-%d-1", i+1), "online", i%2 == 0))
	}
	return all
}

func TestLookupComparesTheWholeName(t *testing.T) {
	t.Parallel()
	for name, filters := range map[string]bool{"a GitHub that filters": true, "one that lists all": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, map[string]http.HandlerFunc{listing: func(w http.ResponseWriter, r *http.Request) {
				all := fleet(250)
				if wanted := r.URL.Query().Get("name"); filters {
					all = slices.DeleteFunc(all, func(o object) bool {
						return len(o["name"].(string)) < len(wanted) || o["name"].(string)[:len(wanted)] != wanted
					})
				}
				answer(w, r, object{"total_count": len(all), "runners": paged(w, r, all)})
			}})
			c := s.client(t, github.Config{})
			got, err := c.Lookup(t.Context(), repo, "grp-x-25-1")
			if err != nil || got.ID != 25 || !got.Online || !got.Busy || !slices.Equal(got.Labels, []string{"self-hosted"}) {
				t.Errorf("got %+v: %v", got, err)
			}
			if got, err := c.Lookup(t.Context(), repo, "grp-x-250-1"); err != nil || got.ID != 250 {
				t.Errorf("on the last page: %+v, %v", got, err)
			}
			_, err = c.Lookup(t.Context(), repo, "grp-x-2")
			outcome{is: provisioner.ErrNotFound}.check(t, err)
		})
	}
}

func TestRunnersAreReadToTheLastPageAndForNothingWhenUnchanged(t *testing.T) {
	t.Parallel()
	var size atomic.Int64
	size.Store(250)
	s := serve(t, map[string]http.HandlerFunc{"GET /orgs/octo/actions/runners": func(w http.ResponseWriter, r *http.Request) {
		all := fleet(int(size.Load()))
		answer(w, r, object{"total_count": 250, "runners": paged(w, r, all)})
	}})
	c := s.client(t, github.Config{})
	for look, want := range []struct{ runners, requests, unchanged int }{{250, 3, 0}, {250, 6, 3}, {251, 9, 5}} {
		if look == 2 {
			size.Store(251)
		}
		got, err := c.Runners(t.Context(), org)
		q := c.Quota()
		if err != nil || len(got) != want.runners || int(q.Requests) != want.requests || int(q.NotModified) != want.unchanged {
			t.Errorf("look %d: %d runners, %d requests, %d unchanged: %v", look, len(got), q.Requests, q.NotModified, err)
		}
	}
}

func TestARunnerThatMovesBetweenPagesIsListedOnce(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]http.HandlerFunc{listing: func(w http.ResponseWriter, r *http.Request) {
		all := paged(w, r, fleet(150))
		if r.URL.Query().Get("page") == "2" {
			all = append([]object{runner(100, "grp-x-100-1", "online", false)}, all...)
		}
		answer(w, r, object{"total_count": 150, "runners": all})
	}})
	if got, err := s.client(t, github.Config{}).Runners(t.Context(), repo); err != nil || len(got) != 150 {
		t.Errorf("%d runners: %v", len(got), err)
	}
}

func TestAListThatBreaksOffIsAnError(t *testing.T) {
	t.Parallel()
	quick(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("page") == "2" {
			fail(w, 500, "Server Error")
			return
		}
		answer(w, r, object{"total_count": 150, "runners": paged(w, r, fleet(150))})
	}, func(t *testing.T, c *github.Client) {
		got, err := c.Runners(t.Context(), repo)
		outcome{is: provisioner.ErrUnavailable}.check(t, err)
		if got != nil {
			t.Errorf("half a list of %d", len(got))
		}
	})
}
