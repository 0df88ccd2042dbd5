package github_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/github"
	"github.com/datawire/github-runner-provisioner/provisioner/github/githubtest"
	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest/fakehttp"
)

func fake(t *testing.T, g *githubtest.Server) *github.Client {
	t.Helper()
	c, err := github.New(github.Config{BaseURL: "http://github.test", Token: provisioner.NewSecret(token), Transport: fakehttp.Loopback(g)})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// GitHub answers 404 to what a credential may not see: that is not the end of a job, a runner or a
// registration.
func TestWhatCanNotBeSeenIsNotGone(t *testing.T) {
	t.Parallel()
	for access, name := range map[githubtest.Access]string{githubtest.Hidden: "hidden", githubtest.Forbidden: "forbidden"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				g := githubtest.New(githubtest.Config{})
				c, j := fake(t, g), g.QueueJob(shop, "x")
				r, _, err := c.Register(t.Context(), registration(repo))
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Hour)
				g.SetAccess(repo, access)
				lost := outcome{is: provisioner.ErrRefused}
				_, err = c.JobState(t.Context(), j)
				lost.check(t, err)
				_, err = c.Runner(t.Context(), repo, r.ID)
				lost.check(t, err)
				lost.check(t, c.Remove(t.Context(), repo, r.ID))

				g.SetAccess(repo, githubtest.Granted)
				if state, err := c.JobState(t.Context(), j); err != nil || state != provisioner.JobWaiting {
					t.Errorf("the job is %q: %v", state, err)
				}
				if err := c.Remove(t.Context(), repo, r.ID); err != nil {
					t.Error(err)
				}
				_, err = c.Runner(t.Context(), repo, r.ID)
				outcome{is: provisioner.ErrNotFound}.check(t, err)
				if err := c.Remove(t.Context(), repo, r.ID); err != nil {
					t.Errorf("what is gone needs no removing: %v", err)
				}
				if state, err := c.JobState(t.Context(), provisioner.Job{ID: 1, Repository: shop}); err != nil || state != provisioner.JobEnded {
					t.Errorf("a job that does not exist is %q: %v", state, err)
				}
			})
		})
	}
}

// Access comes back between the question and the look around: what was not found is there.
func TestAccessThatComesBackMeanwhileLosesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := githubtest.New(githubtest.Config{})
		c, j := fake(t, g), g.QueueJob(shop, "x")
		r, _, err := c.Register(t.Context(), registration(repo))
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		g.SetFaults(func(operation string, _ *http.Request) *fakehttp.Fault {
			if strings.HasSuffix(operation, "/runs") || strings.HasSuffix(operation, "/runners") {
				g.SetAccess(repo, githubtest.Granted)
			}
			return nil
		})
		g.SetAccess(repo, githubtest.Hidden)
		if state, err := c.JobState(t.Context(), j); err != nil || state != provisioner.JobWaiting {
			t.Errorf("the job is %q: %v", state, err)
		}
		g.SetAccess(repo, githubtest.Hidden)
		if got, err := c.Runner(t.Context(), repo, r.ID); err != nil || got.ID != r.ID {
			t.Errorf("the runner is %+v: %v", got, err)
		}
		g.SetAccess(repo, githubtest.Hidden)
		if err := c.Remove(t.Context(), repo, r.ID); err != nil || len(g.Runners()) != 0 {
			t.Errorf("the registration is not removed: %v", err)
		}
	})
}

func TestAJobOfARepositoryOfTheSameNameHasNotEnded(t *testing.T) {
	t.Parallel()
	g := githubtest.New(githubtest.Config{})
	j := g.QueueJob(shop, "x")
	j.ID, j.CreatedAt = 1, time.Time{} // of the repository that had this name before
	c := fake(t, g)
	if state, err := c.JobState(t.Context(), j); err != nil || state != provisioner.JobEnded {
		t.Errorf("a deleted job of this repository is %q: %v", state, err)
	}
	j.RepositoryID--
	_, err := c.JobState(t.Context(), j)
	outcome{is: provisioner.ErrRefused, message: "the name is repository"}.check(t, err)
}

// The API is up to 20 s behind the webhook.
func TestAJobThatIsNotShownYetHasNotEnded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := githubtest.New(githubtest.Config{})
		g.SetLag(20 * time.Second)
		c, j := fake(t, g), g.QueueJob(shop, "x")
		_, err := c.JobState(t.Context(), j)
		outcome{is: provisioner.ErrUnavailable, message: "does not show job"}.check(t, err)
		time.Sleep(21 * time.Second)
		if state, err := c.JobState(t.Context(), j); err != nil || state != provisioner.JobWaiting {
			t.Errorf("the job is %q: %v", state, err)
		}
	})
}

func TestTheJobsOfOneRunAreAskedAboutTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := githubtest.New(githubtest.Config{})
		c, jobs := fake(t, g), g.QueueJobs(shop, 250, "x")
		g.CancelJob(jobs[249].ID)
		for i, j := range jobs {
			want := provisioner.JobWaiting
			if i == 249 {
				want = provisioner.JobEnded
			}
			if state, err := c.JobState(t.Context(), j); err != nil || state != want {
				t.Fatalf("job %d is %q: %v", i, state, err)
			}
		}
		const one, list = "GET /repos/{owner}/{repo}/actions/jobs/{job_id}", "GET /repos/{owner}/{repo}/actions/runs/{run_id}/jobs"
		if n := g.Calls(); n[one] != 2 || n[list] != 3 {
			t.Errorf("%d jobs asked about one by one and %d lists, want the first and the one that a list denies, and three pages", n[one], n[list])
		}
		time.Sleep(6 * time.Second)
		g.CancelJob(jobs[0].ID)
		if state, err := c.JobState(t.Context(), jobs[0]); err != nil || state != provisioner.JobEnded {
			t.Errorf("an old list still answers: %q, %v", state, err)
		}
	})
}

func TestATokenKnowsTheRepositoriesThatItsOwnerAdministers(t *testing.T) {
	t.Parallel()
	for _, n := range []int{130, 450} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			owner := object{"login": "octo"}
			all := []object{
				{"name": "old", "owner": owner, "archived": true, "permissions": object{"admin": true}}, {"name": "others", "owner": owner, "permissions": object{"admin": false, "push": true}},
			}
			for i := range n {
				all = append(all, object{"name": fmt.Sprint("repo-", i), "owner": owner, "permissions": object{"admin": true}})
			}
			s := serve(t, map[string]http.HandlerFunc{"GET /user/repos": func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Query().Get("sort") != "pushed" {
					t.Errorf("asked for %s", r.URL)
				}
				answer(w, r, paged(w, r, all))
			}})
			got, err := s.client(t, github.Config{}).Repositories(t.Context())
			if want := min(n, 298); err != nil || len(got) != want || got[0].Name != "repo-0" {
				t.Errorf("%d repositories, want %d: %v", len(got), want, err)
			}
		})
	}
	_, err := serve(t, map[string]http.HandlerFunc{"/": func(w http.ResponseWriter, _ *http.Request) { fail(w, 404, "Not Found") }}).client(t, github.Config{}).Repositories(t.Context())
	outcome{is: provisioner.ErrRefused, about: &provisioner.Target{}}.check(t, err)
}
