package awsrunner

import (
	"slices"
	"sync"
	"time"
)

// fullPlaces remembers where EC2 had no room a moment ago, so that launches ask there last: every
// call that finds no room is one of the two that EC2 grants an account in a second.
type fullPlaces struct {
	mu sync.Mutex
	at map[place]time.Time // when EC2 last said so
}

// staysFull is how long a lack of room is remembered. Room that comes back is noticed earlier where
// nothing else has room: such places are asked last, but they are asked.
const staysFull = 3 * time.Minute

// add notes what has no room, given as the place that was asked and the code of EC2's answer. A
// field that is left zero means all: EC2's limits are not on places alone.
func (f *fullPlaces) add(at place, code string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.at == nil {
		f.at = make(map[place]time.Time)
	}
	f.at[at.scope(code)] = time.Now()
}

// scope is all that a lack of room of that code is about.
func (p place) scope(code string) place {
	switch code {
	case "InsufficientFreeAddressesInSubnet":
		return place{Subnet: p.Subnet}
	case "VcpuLimitExceeded", "InstanceLimitExceeded": // whatever the subnet
		return place{Spot: p.Spot, InstanceType: p.InstanceType}
	case "MaxSpotInstanceCountExceeded", "MaxSpotFleetRequestCountExceeded":
		return place{Spot: true}
	default:
		return p
	}
}

// remove notes that a place had room.
func (f *fullPlaces) remove(at place) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range at.scopes() {
		delete(f.at, s)
	}
}

func (p place) scopes() []place {
	s := []place{p, {Subnet: p.Subnet}, {Spot: p.Spot, InstanceType: p.InstanceType}}
	if p.Spot {
		s = append(s, place{Spot: true})
	}
	return s
}

// last moves the places that had no room to the end, the one that was asked longest ago first.
func (f *fullPlaces) last(places []place) []place {
	f.mu.Lock()
	defer f.mu.Unlock()
	full := make(map[place]time.Time, len(places))
	for _, p := range places {
		for _, s := range p.scopes() {
			if at := f.at[s]; time.Since(at) < staysFull && at.After(full[p]) {
				full[p] = at
			}
		}
	}
	slices.SortStableFunc(places, func(a, b place) int { return full[a].Compare(full[b]) })
	return places
}
