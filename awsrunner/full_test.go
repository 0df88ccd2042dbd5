package awsrunner_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/datawire/github-runner-provisioner/awsrunner"
	"github.com/datawire/github-runner-provisioner/provisioner"
)

// cloud answers launches by where they are for: with an error's code, or a machine.
func cloud(codeAt func(place string) string) *ec2API {
	api := &ec2API{}
	api.run = []any{func(in *ec2.RunInstancesInput) any {
		p := string(in.InstanceType) + "/" + aws.ToString(in.SubnetId)
		if in.InstanceMarketOptions != nil {
			p += "/spot"
		}
		if c := codeAt(p); c != "" {
			return code(c)
		}
		return fmt.Sprintf("i-%d", len(api.runs))
	}}
	return api
}

func orderOf(runner int64) provisioner.Launch {
	l := order()
	l.Runner = provisioner.Runner{ID: runner, Name: fmt.Sprintf("grp-linux-%d-1", runner)}
	return l
}

// launched launches for a runner and returns where EC2 was asked.
func launched(t *testing.T, p *awsrunner.Provider, api *ec2API, runner int64) string {
	t.Helper()
	api.mu.Lock()
	api.runs = nil
	api.mu.Unlock()
	if _, err := p.Launch(t.Context(), orderOf(runner)); err != nil {
		t.Error(err)
	}
	return places(api)
}

func TestPlacesWithoutRoomAreAskedLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		room := "large/c"
		api := cloud(func(place string) string {
			if place == room {
				return ""
			}
			return "InsufficientInstanceCapacity"
		})
		s := settings()
		s.Market, s.Subnets = awsrunner.SpotThenOnDemand, []string{"a", "b", "c"}
		p := provider(t, api, s, nil)
		if got := len(strings.Fields(launched(t, p, api, 3))); got != 12 {
			t.Errorf("the first launch asked at %d places, want all 12", got)
		}
		for i := range int64(20) {
			if got := launched(t, p, api, 4+i); got != room {
				t.Fatalf("launch %d asked at %s, want %s alone", i, got, room)
			}
		}
		// The room moves: what was asked longest ago comes first.
		room = "small/b/spot"
		if got := launched(t, p, api, 30); got != "large/c small/a/spot small/b/spot" {
			t.Errorf("after the room has moved: %s", got)
		}
		if got := launched(t, p, api, 31); got != room {
			t.Errorf("then: %s", got)
		}
		time.Sleep(3 * time.Minute)
		if got := launched(t, p, api, 33); got != "small/a/spot small/b/spot" {
			t.Errorf("after 3 min: %s, want the settings' own order again", got)
		}
	})
}

func TestALimitIsNotAskedAboutAtEveryPlaceItHoldsFor(t *testing.T) {
	for name, c := range map[string]struct {
		market awsrunner.Market
		code   string
		full   string // the places that have no room contain it
		first  string
		then   string
	}{
		"an instance type's limit, whatever the subnet": {
			code: "VcpuLimitExceeded", full: "small", first: "small/a large/a", then: "large/b",
		},
		"a subnet without addresses, whatever the type": {
			code: "InsufficientFreeAddressesInSubnet", full: "/a", first: "small/a small/b", then: "small/b",
		},
		"the limit on spot machines": {
			market: awsrunner.SpotThenOnDemand, code: "MaxSpotInstanceCountExceeded", full: "spot", first: "small/a/spot small/a", then: "small/b",
		},
		"one place": {
			code: "InsufficientInstanceCapacity", full: "small/a", first: "small/a small/b", then: "small/b",
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := cloud(func(place string) string {
					if strings.Contains(place, c.full) {
						return c.code
					}
					return ""
				})
				s := settings()
				s.Market = c.market
				p := provider(t, api, s, nil)
				if got := launched(t, p, api, 2); got != c.first {
					t.Errorf("first asked at %s, want %s", got, c.first)
				}
				if got := launched(t, p, api, 3); got != c.then {
					t.Errorf("then asked at %s, want %s", got, c.then)
				}
			})
		})
	}
}

func TestSubnetsTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := cloud(func(string) string { return "" })
		s := settings()
		s.Subnets = []string{"a", "b", "c"}
		p := provider(t, api, s, nil)
		count := map[string]int{}
		for i := range int64(30) {
			count[launched(t, p, api, 1000+i)]++
		}
		if count["small/a"] != 10 || count["small/b"] != 10 || count["small/c"] != 10 {
			t.Errorf("30 machines: %v, want 10 in each subnet", count)
		}
		// The turn is the registration's, so that a repeated call is the same call.
		if a, b := launched(t, p, api, 1001), launched(t, p, api, 1001); a != b {
			t.Errorf("one registration's launch was asked at %s, then at %s", a, b)
		}
	})
}

func BenchmarkLaunch(b *testing.B) {
	for name, full := range map[string]string{"room everywhere": "", "room in the last of 12 places": "InsufficientInstanceCapacity"} {
		b.Run(name, func(b *testing.B) {
			calls := 0
			api := cloud(func(place string) string {
				calls++
				if place == "large/c" {
					return ""
				}
				return full
			})
			s := settings()
			s.Market, s.Subnets = awsrunner.SpotThenOnDemand, []string{"a", "b", "c"}
			p, err := awsrunner.New(api, releases{}, map[string]awsrunner.Settings{"linux": s}, awsrunner.Config{LaunchesPerSecond: 1e9})
			if err != nil {
				b.Fatal(err)
			}
			for i := range b.N {
				if _, err := p.Launch(b.Context(), orderOf(int64(i+1))); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(calls)/float64(b.N), "RunInstances/machine")
		})
	}
}
