package github_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/github"
	"github.com/datawire/github-runner-provisioner/provisioner/github/githubtest"
	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest/fakehttp"
)

// generating is [registering] as a fake GitHub calls it.
const generating = "POST /repos/{owner}/{repo}/actions/runners/generate-jitconfig"

func TestAnInstallationWhoseHourIsUsedUpHoldsBackNoOther(t *testing.T) {
	t.Parallel()
	app := testApp()
	synctest.Test(t, func(t *testing.T) {
		g := githubtest.New(githubtest.Config{AppID: app.ID, Hourly: 10})
		hexa := provisioner.Target{Owner: "hexa", Repo: "bees"}
		for _, at := range []provisioner.Target{repo, hexa} {
			g.AddRepository(at.Owner, at.Repo)
		}
		c := newClient(t, github.Config{BaseURL: "http://github.test", App: app, Transport: fakehttp.Loopback(g)})
		serial := 0
		register := func(at provisioner.Target) error {
			serial++
			_, _, err := c.Register(t.Context(), provisioner.Registration{Target: at, Name: fmt.Sprint("grp-x-", serial), Labels: []string{"x"}})
			return err
		}
		for range 10 {
			if err := register(repo); err != nil {
				t.Fatal(err)
			}
		}
		outcome{after: time.Hour + time.Second}.check(t, register(repo))
		time.Sleep(59 * time.Minute)
		outcome{after: time.Minute + time.Second, message: "API rate limit exceeded"}.check(t, register(repo))
		if err := register(hexa); err != nil {
			t.Errorf("where nothing is used up: %v", err)
		}
		if octo, hexa := c.QuotaAt(repo), c.QuotaAt(hexa); octo.Remaining != 0 || hexa.Remaining != 9 {
			t.Errorf("the quotas are %+v and %+v", octo, hexa)
		}
		time.Sleep(time.Minute + time.Second)
		if err := register(repo); err != nil {
			t.Errorf("in the next hour: %v", err)
		}
		if n := g.Calls(); n["limited "+generating] != 1 {
			t.Errorf("%d calls while the limit lasts", n["limited "+generating])
		}
	})
}

func TestABurstOfRegistrationsGoesOnAsSoonAsTheMinuteHasRoom(t *testing.T) {
	t.Parallel()
	for _, atOnce := range []int{1, 8} {
		t.Run(fmt.Sprint(atOnce, " at once"), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				g := githubtest.New(githubtest.Config{Points: 900})
				g.AddRepository(repo.Owner, repo.Repo)
				c, begun := fake(t, g), time.Now()
				var workers sync.WaitGroup
				for worker := range atOnce {
					workers.Go(func() {
						for i := worker; i < 400; i += atOnce {
							for {
								_, _, err := c.Register(t.Context(), provisioner.Registration{Target: repo, Name: fmt.Sprint("grp-x-", i), Labels: []string{"x"}})
								hint, limited := errors.AsType[*provisioner.RetryAfterError](err)
								if !limited {
									if err != nil {
										t.Error(err)
									}
									break
								}
								time.Sleep(hint.After)
							}
						}
					})
				}
				workers.Wait()
				if got, took := len(g.Runners()), time.Since(begun); got != 400 || took != 2*time.Minute || g.PeakPoints("") != 900 {
					t.Errorf("%d runners after %s, of %d points a minute", got, took, g.PeakPoints(""))
				}
				// Those on their way when a limit begins are refused, and none while it lasts.
				if n := g.Calls()["limited "+generating]; n < 2 || n > 2*atOnce {
					t.Errorf("%d calls while a limit lasts", n)
				}
			})
		})
	}
}
