package github_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"sync/atomic"
	"testing"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/github"
)

// groups is an organisation with more runner groups than fit on a page.
func groups(w http.ResponseWriter, r *http.Request) {
	all := []object{{"id": 1, "name": "Default", "default": true}}
	for i := range 120 {
		all = append(all, object{"id": 100 + i, "name": fmt.Sprintf("Group %d", i)})
	}
	answer(w, r, object{"total_count": len(all), "runner_groups": paged(w, r, all)})
}

func TestARegistrationSendsWhatGitHubNeeds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		target provisioner.Target
		group  string
		path   string
		id     float64
	}{
		"a repository has one group":    {repo, "", "POST /repos/octo/shop/actions/runners/generate-jitconfig", 1},
		"whatever the type says":        {repo, "Group 3", "POST /repos/octo/shop/actions/runners/generate-jitconfig", 1},
		"an organisation's default":     {org, "", "POST /orgs/octo/actions/runners/generate-jitconfig", 1},
		"an organisation's default too": {org, "Default", "POST /orgs/octo/actions/runners/generate-jitconfig", 1},
		"a group of the second page":    {org, "group 110", "POST /orgs/octo/actions/runners/generate-jitconfig", 210},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bodies := make(chan map[string]any, 1)
			s := serve(t, map[string]http.HandlerFunc{
				c.path: func(w http.ResponseWriter, r *http.Request) {
					if got := r.Header.Get("Authorization"); got != "Bearer "+token {
						t.Errorf("authorization %q", got)
					}
					if got := r.Header.Get("User-Agent"); got != "github-runner-provisioner" {
						t.Errorf("user agent %q", got)
					}
					var body map[string]any
					if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
						t.Error(err)
					}
					bodies <- body
					registered(w, r)
				},
				"GET /orgs/octo/actions/runner-groups": groups,
			})
			want := registration(c.target)
			want.Group = c.group
			r, jit, err := s.client(t, github.Config{}).Register(t.Context(), want)
			if err != nil || r.ID != 7 || r.Name != "grp-x-1-1" || r.Online || jit.Reveal() != "the-configuration" {
				t.Fatalf("got %+v: %v", r, err)
			}
			body := map[string]any{"name": "grp-x-1-1", "runner_group_id": c.id, "labels": []any{"self-hosted", "x"}}
			if got := <-bodies; !reflect.DeepEqual(got, body) {
				t.Errorf("sent %v, want %v", got, body)
			}
		})
	}
}

func TestARunnerGroupIsLookedUpOnceUntilItIsGone(t *testing.T) {
	t.Parallel()
	const listing, registering = "GET /orgs/octo/actions/runner-groups", "POST /orgs/octo/actions/runners/generate-jitconfig"
	var gone atomic.Bool
	s := serve(t, map[string]http.HandlerFunc{
		listing: groups,
		registering: func(w http.ResponseWriter, r *http.Request) {
			if gone.Load() {
				fail(w, 404, "Not Found")
				return
			}
			registered(w, r)
		},
	})
	c := s.client(t, github.Config{})
	register := func(group string) error {
		r := registration(org)
		r.Group = group
		_, _, err := c.Register(t.Context(), r)
		return err
	}
	for range 3 {
		if err := register("Group 3"); err != nil {
			t.Fatal(err)
		}
	}
	if n := s.count(listing); n != 2 {
		t.Errorf("%d pages of groups were read, want both once", n)
	}
	gone.Store(true)
	if err := register("Group 3"); !errors.Is(err, provisioner.ErrRefused) {
		t.Errorf("got %v", err)
	}
	gone.Store(false)
	if err := register("Group 3"); err != nil || s.count(listing) != 4 {
		t.Errorf("after a 404 the group is not looked up again: %v", err)
	}
	err := register("Nobody's")
	var told *provisioner.GitHubError
	if !errors.Is(err, provisioner.ErrRefused) || !errors.As(err, &told) || told.Target != org {
		t.Errorf("an unknown group: %v", err)
	}
	if want := `octo: there is no runner group "Nobody's": refused`; err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
}

func TestRemovingWhatIsGoneIsDone(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]http.HandlerFunc{
		removing:                              func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) },
		"DELETE /orgs/octo/actions/runners/7": func(w http.ResponseWriter, _ *http.Request) { fail(w, 404, "Not Found") },
		"GET /orgs/octo/actions/runners": func(w http.ResponseWriter, r *http.Request) {
			answer(w, r, object{"total_count": 0, "runners": []object{}})
		},
		"DELETE /orgs/octo/actions/runners/8": func(w http.ResponseWriter, _ *http.Request) { fail(w, 422, "Runner is currently running a job") },
	})
	c := s.client(t, github.Config{})
	if err := c.Remove(t.Context(), repo, 7); err != nil {
		t.Error(err)
	}
	if err := c.Remove(t.Context(), org, 7); err != nil {
		t.Error(err)
	}
	outcome{is: provisioner.ErrRunnerBusy, message: "running a job"}.check(t, c.Remove(t.Context(), org, 8))
}
