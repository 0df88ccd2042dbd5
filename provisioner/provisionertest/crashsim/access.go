package crashsim

import (
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/github/githubtest"
)

// loseAccess takes the credential's access to a repository, or to an organisation's runners, away
// for a while, now and then.
func (w *world) loseAccess(t *tenant, to provisioner.Target) {
	for n := 0; !w.spared(to.Owner) && w.chance(w.weather.access, "access", t.deployment, to, n) && n < 3; n++ {
		how := []githubtest.Access{githubtest.Hidden, githubtest.Forbidden}[w.pick(2, "access how", t.deployment, to, n)]
		w.during(4*time.Minute, func(time.Duration) {
			w.note("%s may not see %s any more", t.deployment, to)
			t.github.SetAccess(to, how)
		}, func() {
			w.note("%s may see %s again", t.deployment, to)
			t.github.SetAccess(to, githubtest.Granted)
		}, "access", t.deployment, to, n)
	}
}

// useUp uses up what an owner's installation may ask GitHub, or what the token may, now and then.
func (w *world) useUp(t *tenant, owner string) {
	for n := 0; !w.spared(owner) && w.chance(w.weather.usedUp, "used up", t.deployment, owner, n) && n < 2; n++ {
		secondary := w.chance(0.5, "secondary", t.deployment, owner, n)
		w.during(6*time.Minute, func(length time.Duration) {
			limit := &githubtest.RateLimit{Secondary: secondary, For: length}
			w.note("%s has asked GitHub too much about %s, for %s", t.deployment, owner, length.Round(time.Second))
			if t.app {
				t.github.SetRateLimitOf(owner, limit)
			} else {
				t.github.SetRateLimit(limit)
			}
		}, func() {}, "used up", t.deployment, owner, n)
	}
}

// during has something begin and end while the storm lasts.
func (w *world) during(most time.Duration, begin func(length time.Duration), end func(), words ...any) {
	at := w.within(0, storm, "begins", words)
	length := min(w.within(10*time.Second, most, "lasts", words), storm-at)
	time.AfterFunc(at, func() { begin(length) })
	time.AfterFunc(at+length, end)
}
