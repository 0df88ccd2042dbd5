package awsrunner_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/datawire/github-runner-provisioner/awsrunner"
	"github.com/datawire/github-runner-provisioner/provisioner"
)

// TestALaunchTellsWhereThereIsNoRoomAndWhereItIs has places of which some answer with an error.
func TestALaunchTellsWhereThereIsNoRoomAndWhereItIs(t *testing.T) {
	none := func(string) string { return "InsufficientInstanceCapacity" }
	for name, c := range map[string]struct {
		codeAt func(place string) string
		market awsrunner.Market
		tried  []string // where; each with EC2's words
		place  string
		err    error
	}{
		"the first has room": {func(string) string { return "" }, "", nil, "small in b", nil},
		"a later one has": {func(p string) string {
			if p == "large/a" {
				return ""
			}
			return "InsufficientInstanceCapacity"
		}, "", []string{"small in b", "small in a", "large in b"}, "large in a", nil},
		"spot has none, and the other market has": {func(p string) string {
			if strings.HasSuffix(p, "/spot") {
				return "InsufficientInstanceCapacity"
			}
			return ""
		}, awsrunner.SpotThenOnDemand, []string{"small in b (spot)", "small in a (spot)", "large in b (spot)", "large in a (spot)"}, "small in b", nil},
		"none has": {none, "", []string{"small in b", "small in a", "large in b", "large in a"}, "", provisioner.ErrCapacity},
		"one refuses, which is no lack of room": {func(p string) string {
			if p == "small/b" {
				return "InsufficientInstanceCapacity"
			}
			return "UnauthorizedOperation"
		}, "", []string{"small in b"}, "", provisioner.ErrRefused},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := settings()
				if c.market != "" {
					s.Market = c.market
				}
				l := order()
				var tried []string
				l.Tried = func(place string, err error) {
					tried = append(tried, place)
					why := provisioner.ReasonOf(err, linux)
					if why.Because != provisioner.BecauseCapacity || !strings.HasPrefix(why.Detail, place+": ") || !strings.Contains(why.Detail, "the message") {
						t.Errorf("at %s: %+v", place, why)
					}
				}
				m, err := provider(t, cloud(c.codeAt), s, nil).Launch(t.Context(), l)
				if !errors.Is(err, c.err) || m.Place != c.place || (m.ID == "") != (c.err != nil) {
					t.Errorf("machine %+v, %v; want it at %q, %v", m, err, c.place, c.err)
				}
				if strings.Join(tried, ", ") != strings.Join(c.tried, ", ") {
					t.Errorf("tried %q, want %q", tried, c.tried)
				}
			})
		})
	}
}
