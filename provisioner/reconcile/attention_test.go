package reconcile_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/reconcile"
)

// watched is a world that writes down who is asked for what in each sweep.
type watched struct {
	*world
	refused map[string]bool // repositories, by name
	asked   []string
}

func (x *watched) QueuedJobs(ctx context.Context, r provisioner.Repository, l provisioner.Look) (provisioner.Sight, error) {
	what := "check"
	switch {
	case l.Latest && l.Checks > 0:
		what = "closely"
	case l.Latest:
		what = "runs"
	case l.Statuses > 0:
		what = "active"
	}
	x.asked = append(x.asked, r.Name+" "+what)
	if x.refused[r.Name] {
		return provisioner.Sight{}, &provisioner.GitHubError{Target: provisioner.Target{Owner: r.Owner, Repo: r.Name}, Err: provisioner.ErrRefused}
	}
	return x.world.QueuedJobs(ctx, r, l)
}

func (x *watched) Runners(ctx context.Context, t provisioner.Target) ([]provisioner.Runner, error) {
	x.asked = append(x.asked, t.Repo+" runners")
	return x.world.Runners(ctx, t)
}

// watch sweeps n times and returns what each asked for.
func (x *watched) watch(t *testing.T, s *reconcile.Sweeper, n int) (asked []string) {
	t.Helper()
	for range n {
		x.asked = nil
		if _, err := s.Sweep(t.Context()); err != nil {
			t.Error(err)
		}
		slices.Sort(x.asked)
		asked = append(asked, strings.Join(x.asked, ", "))
		time.Sleep(interval)
	}
	return asked
}

func (x *watched) sweeper(repositories ...provisioner.Repository) *reconcile.Sweeper {
	return reconcile.New(x.world, x, x, x.world, reconcile.Config{Repositories: repositories, Concurrency: 1})
}

const (
	closely = "app closely, app runners"
	runs    = "app runs"
	runners = "app runners"
)

func TestHowCloselyASweepLooks(t *testing.T) {
	busy := provisioner.Runner{Online: true, Busy: true}
	for name, c := range map[string]struct {
		world func(w *world)
		then  func(w *world, s *reconcile.Sweeper) // after eight sweeps
		want  []string                             // of the sweeps from the ninth on
	}{
		"all is calm": {want: []string{runs, "app active", runs, runs, runs, runs, runs, runners, runs, runs}},
		"machines have jobs": {
			world: func(w *world) { w.launch(1, 0, busy) },
			want:  []string{runs, "app active", runs, runners, runs, runners, runs, "app check", runs, runners},
		},
		"a machine waits for a job": {
			world: func(w *world) { w.launch(1, 0, provisioner.Runner{Online: true}); w.queue(2) },
			want:  []string{closely, closely, closely, closely},
		},
		"a job waits": {world: func(w *world) { w.queue(1) }, want: []string{closely, closely}},
		"a webhook comes": {
			world: func(w *world) { w.launch(1, 0, busy) },
			then:  func(_ *world, s *reconcile.Sweeper) { s.MarkActive(app) },
			want:  []string{closely, "app active", runs, runners},
		},
		"a machine ends": {
			world: func(w *world) { w.launch(1, 0, busy); w.launch(2, 0, busy) },
			then:  func(w *world, _ *reconcile.Sweeper) { w.machines = w.machines[1:]; w.runners = w.runners[1:] },
			want:  []string{closely, "app active", runs},
		},
		"a job comes that nobody told of": {
			world: func(w *world) { w.launch(1, 0, busy) },
			then:  func(w *world, _ *reconcile.Sweeper) { w.queue(2) },
			want:  []string{"app runners, app runs", closely, closely},
		},
		"a registration is gone that nobody told of": {
			world: func(w *world) { w.launch(1, 0, busy) },
			then:  func(w *world, _ *reconcile.Sweeper) { w.runners = nil },
			want:  []string{runs, "app active", runs, runners, closely},
		},
		"not all could be read": {
			world: func(w *world) { w.partial = true },
			want:  []string{closely, closely},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := &watched{world: &world{}}
				if c.world != nil {
					c.world(x.world)
				}
				s := x.sweeper(app)
				x.watch(t, s, 8)
				if c.then != nil {
					c.then(x.world, s)
				}
				if got := x.watch(t, s, len(c.want)); !slices.Equal(got, c.want) {
					t.Errorf("the sweeps asked for\n %q, want\n %q", got, c.want)
				}
			})
		})
	}
}

func TestALostJobOfACalmRepositoryIsFoundWithinTwoSweeps(t *testing.T) {
	for after := range 10 {
		t.Run(fmt.Sprint("after ", after, " sweeps"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := &watched{world: &world{}}
				x.launch(1, 0, provisioner.Runner{Online: true, Busy: true})
				s := x.sweeper(app)
				x.watch(t, s, 10+after)
				x.queue(2)
				time.Sleep(time.Millisecond)
				if did := sweeps(t, x.world, s, 2); !strings.Contains(did[1], "start grp-linux-2-1") {
					t.Errorf("the sweeps did %q", did)
				}
			})
		})
	}
}

func TestARepositoryThatGitHubRefusesIsAskedLessAndLess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shut := provisioner.Repository{Owner: app.Owner, Name: "shut"}
		x := &watched{world: &world{}, refused: map[string]bool{"shut": true}}
		s := x.sweeper(app)
		s.MarkActive(shut)
		var asked []int
		for i, what := range x.watch(t, s, 200) {
			if strings.Contains(what, "shut") {
				asked = append(asked, i)
			}
		}
		if want := []int{0, 1, 3, 7, 15, 31, 63, 123, 183}; !slices.Equal(asked, want) {
			t.Errorf("asked in the sweeps %v, want %v", asked, want)
		}
		s.MarkActive(shut) // a webhook comes: it can't be out of sight
		if got := x.watch(t, s, 1); !strings.Contains(got[0], "shut closely") {
			t.Errorf("after a webhook: %q", got)
		}
		x.watch(t, s, 26*60)
		if got := strings.Join(x.watch(t, s, 120), ""); strings.Contains(got, "shut") {
			t.Error("after more than a day it is not forgotten")
		}
		x.refused = nil
		s.MarkActive(shut)
		if got := x.watch(t, s, 2); !strings.Contains(got[1], "shut closely") {
			t.Errorf("when it is no longer refused: %q", got)
		}
	})
}

// Its access may come back at any moment, and jobs wait there that no webhook tells of.
func TestARepositoryThatWasOpenIsAskedAgainSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &watched{world: &world{}}
		s := x.sweeper(app)
		x.watch(t, s, 20)
		x.refused = map[string]bool{app.Name: true}
		var asked []int
		for i, what := range x.watch(t, s, 60) { // a minute each
			if strings.Contains(what, app.Name) {
				asked = append(asked, i)
			}
		}
		if want := []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15, 17, 19, 21, 23, 25, 28, 31, 34, 37, 41, 45, 49, 54, 59}; !slices.Equal(asked, want) {
			t.Errorf("asked in the sweeps %v, want %v", asked, want)
		}
	})
}

// GitHub allows 900 requests a minute, whatever they cost.
func TestThousandsOfQuietRepositoriesTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const known = 1000
		var all []provisioner.Repository
		for i := range known {
			all = append(all, provisioner.Repository{Owner: app.Owner, Name: fmt.Sprintf("r%04d", i)})
		}
		x := &watched{world: &world{}}
		s := reconcile.New(x.world, x, x, x.world, reconcile.Config{Concurrency: 1, Discover: func(context.Context) ([]provisioner.Repository, error) { return all, nil }})
		x.launch(1, 0, provisioner.Runner{Online: true, Busy: true})
		seen := map[string]int{}
		for i, what := range x.watch(t, s, 60) {
			requests := strings.Split(what, ", ")
			if len(requests) > 900 || i > 30 && len(requests) > 320 {
				t.Errorf("sweep %d: %d requests", i, len(requests))
			}
			if !strings.Contains(what, "app") {
				t.Errorf("sweep %d left out where a machine is", i)
			}
			for _, r := range requests {
				if name, of, _ := strings.Cut(r, " "); i > 30 && of == "runs" {
					seen[name]++
				}
			}
		}
		for _, r := range all {
			if seen[r.Name] < 4 {
				t.Fatalf("%s had %d turns in half an hour", r.Name, seen[r.Name])
			}
		}
	})
}
