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
	at map[string]time.Time // when EC2 last said so, by what it was about
}

// staysFull is how long a lack of room is remembered. Room that comes back is noticed earlier where
// nothing else has room: such places are asked last, but they are asked.
const staysFull = 3 * time.Minute

// add notes that there was no room at a place, by the code of EC2's answer: its limits are not on
// places alone.
func (f *fullPlaces) add(at place, code string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.at == nil {
		f.at = make(map[string]time.Time)
	}
	about := at.String()
	switch code {
	case "InsufficientFreeAddressesInSubnet":
		about = at.inSubnet()
	case "VcpuLimitExceeded", "InstanceLimitExceeded":
		about = at.anywhere()
	case "MaxSpotInstanceCountExceeded", "MaxSpotFleetRequestCountExceeded":
		about = anySpot
	}
	f.at[about] = time.Now()
}

// remove notes that a place had room.
func (f *fullPlaces) remove(at place) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, about := range at.limits() {
		delete(f.at, about)
	}
}

const anySpot = "any spot instance"

func (p place) inSubnet() string { return "any instance in the subnet " + p.Subnet }

// anywhere is the place's instance type and market, whatever the subnet.
func (p place) anywhere() string {
	p.Subnet = ""
	return p.String() + " anywhere"
}

// limits are what a lack of room at the place can be about.
func (p place) limits() []string {
	l := []string{p.String(), p.inSubnet(), p.anywhere()}
	if p.Spot {
		l = append(l, anySpot)
	}
	return l
}

// last moves the places that had no room to the end, the one that was asked longest ago first.
func (f *fullPlaces) last(places []place) []place {
	f.mu.Lock()
	defer f.mu.Unlock()
	full := make(map[place]time.Time, len(places))
	for _, p := range places {
		for _, about := range p.limits() {
			if at := f.at[about]; time.Since(at) < staysFull && at.After(full[p]) {
				full[p] = at
			}
		}
	}
	slices.SortStableFunc(places, func(a, b place) int { return full[a].Compare(full[b]) })
	return places
}
