package github

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

func TestWhatNobodyLooksAtIsForgottenAfterADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c Client
		shop := provisioner.Repository{Owner: "octo", Name: "shop"}
		tell := func(r provisioner.Repository, run int64) {
			c.Tell(provisioner.Job{ID: run, RunID: run, Repository: r}, provisioner.JobWaiting)
			c.Tell(provisioner.Job{ID: run, RunID: run, Repository: r}, provisioner.JobEnded)
		}
		looked := provisioner.Repository{Owner: "octo", Name: "looked at"}
		for i := range int64(1000) {
			tell(shop, 1+i)
			tell(looked, 1+i)
			tell(provisioner.Repository{Owner: "octo", Name: fmt.Sprint(i)}, 1)
		}
		time.Sleep(unlooked - time.Minute)
		c.pictures.look(looked)
		tell(shop, 2000)
		time.Sleep(2 * time.Hour)
		tell(shop, 3000)
		if n := len(c.pictures.m); n != 2 {
			t.Errorf("%d repositories are remembered, want the one of which somebody tells and the one at which somebody looks", n)
		}
		if n := len(c.pictures.of(shop).runs); n != 2 {
			t.Errorf("%d workflow runs are remembered where nobody looks, want the 2 of this day", n)
		}
		if n := len(c.pictures.of(looked).runs); n != 1000 {
			t.Errorf("%d workflow runs are left where looks take away what is over, want all 1000", n)
		}
		time.Sleep(unlooked)
		anew := provisioner.Repository{Owner: "octo", Name: "new"}
		for _, r := range []provisioner.Repository{looked, anew} { // looks that have got as far as a list
			c.pictures.look(r)
			c.pictures.of(r).run(7000)
		}
		c.pictures.pruned = time.Time{}
		tell(shop, 4000)
		for _, r := range []provisioner.Repository{looked, anew} {
			if c.pictures.of(r).runs[7000] == nil {
				t.Errorf("a look at %s lost what it had found", r)
			}
		}
	})
}
