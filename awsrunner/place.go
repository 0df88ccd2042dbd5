package awsrunner

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// place is where an instance could run.
type place struct {
	Spot         bool   `json:"spot,omitempty"`
	InstanceType string `json:"instance_type"`
	Subnet       string `json:"subnet,omitempty"`
}

// String names the place as EC2 knows it.
func (p place) String() string {
	s := p.InstanceType
	if p.Subnet != "" {
		s += " in " + p.Subnet
	}
	if p.Spot {
		s += " (spot)"
	}
	return s
}

// places are those of the settings in the order in which they are tried: by market, instance type,
// subnet. Which subnet is the first goes round with GitHub's runner ids, so that one zone does not
// hold everything, and a zone that fails does not take everything with it.
func (s Settings) places(runner int64) (out []place) {
	markets := map[Market][]bool{OnDemand: {false}, Spot: {true}, SpotThenOnDemand: {true, false}}[s.Market]
	subnets := s.Subnets
	if len(subnets) == 0 {
		subnets = []string{""}
	}
	for _, spot := range markets {
		for _, t := range s.InstanceTypes {
			for i := range subnets {
				subnet := subnets[(i+int(runner%int64(len(subnets))))%len(subnets)]
				out = append(out, place{Spot: spot, InstanceType: t, Subnet: subnet})
			}
		}
	}
	return out
}

// clientToken is EC2's idempotency key for one runner's registration at one place: 64 hexadecimal
// digits, the most that EC2 takes. Names and registrations are one GitHub's own, and the same may
// come from another one to another deployment.
func (p *Provider) clientToken(r provisioner.Runner, at place) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%d\n%v\n%s\n%s", p.deployment, r.Name, r.ID, at.Spot, at.InstanceType, at.Subnet))
	return hex.EncodeToString(sum[:])
}
