package queue

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

func TestRepositoriesThatFailedLongAgoAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s breakers
		add := func(name string, n int, do func(*permit)) {
			for i := range n {
				p, _ := s.of(fmt.Sprint(name, i)).acquire()
				do(p)
			}
		}
		fail := func(p *permit) { p.fail(0, provisioner.Reason{}) }
		add("long ago/", keptBreakers-1, fail)
		add("probed/", 1, fail)
		time.Sleep(forgetAfter + time.Minute)
		if p, _ := s.of("probed/0").acquire(); p == nil || !p.probe {
			t.Fatal("nobody may probe")
		}
		add("now/", 1, fail)
		add("well/", 1, (*permit).release)
		if len(s.m) != 3 || s.m["probed/0"] == nil || s.m["now/0"] == nil {
			t.Errorf("%d breakers are kept, and not the one that is open, the one that is probed and the one that is asked for", len(s.m))
		}
		add("now too/", keptBreakers, fail)
		if s.wait("now/0") == 0 {
			t.Error("one that is open was forgotten")
		}
	})
}
