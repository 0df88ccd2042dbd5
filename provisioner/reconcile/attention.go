package reconcile

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// GitHub lets a credential make some 5,000 requests an hour and 900 a minute, whatever they cost
// (https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api), and launches
// need some of them. So a sweep looks closely only where something is going on. Where all is calm,
// one request a sweep has to do: every second one lists the latest workflow runs, the others list
// the runners, and now and then one checks what these don't show.
const (
	// idleLooks is how many repositories without anything of ours a sweep looks at, those first
	// that were looked at longest ago; firstLooks, how many of them may be new to this process.
	idleLooks, firstLooks = 300, 100
	// mostReads and mostChecks are for all repositories together, beyond the fewest of each.
	mostReads, fewestReads, mostReadsOfOne    = 300, 10, 100
	mostChecks, fewestChecks, mostChecksOfOne = 100, 1, 10
)

// visit is how a sweep looks at a repository.
type visit struct {
	look    provisioner.Look
	runners bool  // whether it reads the runners of its targets, too
	refused error // why GitHub is not asked now
}

// asks reports whether the visit asks for jobs.
func (v visit) asks() bool { return v.look.Latest || v.look.Statuses > 0 || v.look.Checks > 0 }

// calmVisit is the one request for a repository in which nothing of ours is going on but jobs that
// run.
func calmVisit(sweep int, busy bool) visit {
	switch n := sweep % fullSweepEvery; {
	case n == 5 && busy:
		return visit{look: provisioner.Look{Checks: 1}}
	case n == 9:
		return visit{look: provisioner.Look{Statuses: 1}}
	case n%2 == 1 && busy, n == 5:
		return visit{runners: true}
	default:
		return visit{look: provisioner.Look{Latest: true}}
	}
}

// plan says how this sweep visits every repository. Those without a visit have their turn later.
func (k *repositories) plan(sweep int, now time.Time, machines map[provisioner.Repository][]string) map[provisioner.Repository]visit {
	k.mu.Lock()
	defer k.mu.Unlock()
	visits := make(map[provisioner.Repository]visit, len(k.m))
	var idle, eventful []provisioner.Repository
	for r, x := range k.m {
		alive := machines[r]
		x.calm = x.calm && !x.news && slices.Equal(alive, x.machines)
		switch {
		case x.refusals > 0 && now.Before(x.next) && !x.news && len(alive) == 0:
			visits[r] = visit{refused: x.refused}
		case !x.calm && (x.pinned || len(alive) > 0 || x.news || !x.looked.IsZero()):
			eventful = append(eventful, r)
		case len(alive) > 0:
			visits[r] = calmVisit(sweep, true)
		default:
			idle = append(idle, r)
		}
		x.news, x.machines = false, alive
	}
	slices.SortFunc(idle, func(a, b provisioner.Repository) int {
		return cmp.Or(k.m[a].looked.Compare(k.m[b].looked), byName(a, b))
	})
	first := 0
	for _, r := range idle[:min(len(idle), idleLooks)] {
		switch x := k.m[r]; {
		case x.calm:
			visits[r] = calmVisit(sweep, false)
		case first < firstLooks:
			first++
			eventful = append(eventful, r)
		}
	}
	share := func(all, fewest, most int) int { return min(max(all/max(len(eventful), 1), fewest), most) }
	look := provisioner.Look{Latest: true, Checks: share(mostChecks, fewestChecks, mostChecksOfOne)}
	if sweep%fullSweepEvery == 0 {
		look.Statuses = provisioner.RunStatuses
	}
	for _, r := range eventful {
		visits[r] = visit{look: look, runners: true}
	}
	for r, v := range visits {
		v.look.Reads = share(mostReads, fewestReads, mostReadsOfOne)
		visits[r] = v
		k.m[r].looked = now
	}
	for r, x := range k.m {
		x.inViewBefore, x.inView = x.inView, visits[r].look.Latest
	}
	return visits
}

// outOfView reports whether the sweep before this one did not look for new jobs of a repository.
func (k *repositories) outOfView(r provisioner.Repository) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	x := k.m[r]
	return x != nil && !x.inViewBefore
}

// settle notes what a sweep has seen: whether all is calm, which is for the next sweep to know.
func (k *repositories) settle(snap *snapshot, s *Sweeper) {
	stirred := map[provisioner.Target]bool{}
	for key, c := range snap.classes {
		stirred[key.target] = stirred[key.target] || len(c.jobs)+len(c.available)+len(c.pending) > 0
		for _, j := range c.jobs {
			stirred[targetOf(j.Repository)] = true
		}
	}
	for _, m := range snap.machines {
		if m.Alive() && m.state != Busy {
			stirred[targetOf(m.Repository)], stirred[m.target()] = true, true
		}
	}
	for _, o := range snap.orphans(s) {
		stirred[o.target] = true
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for r, x := range k.m {
		x.calm = !stirred[targetOf(r)] && snap.canRead(targetOf(r)) && !snap.partial[targetOf(r)]
		for _, t := range snap.types {
			x.calm = x.calm && !stirred[t.Target(r)] && snap.canRead(t.Target(r))
		}
		if x.active && len(x.machines) == 0 {
			x.calm = false
		}
	}
}

func targetOf(r provisioner.Repository) provisioner.Target {
	return provisioner.Target{Owner: r.Owner, Repo: r.Name}
}

const (
	// firstRefusal is how long a repository without machines is left alone that GitHub refuses. One
	// that was never open to us is left alone for twice as long after each further refusal, up to
	// lastRefusal; one that was may be mended soon, and have jobs that no webhook tells of: it is
	// asked again after a part of the time for which it has been refused. A webhook ends the wait.
	firstRefusal = time.Minute
	refusalPart  = 12
	lastRefusal  = time.Hour
	// forgetAfter is how long one that is refused is remembered at all.
	forgetAfter = 24 * time.Hour
)

// answered notes whether GitHub let us look at a repository.
func (k *repositories) answered(r provisioner.Repository, err error, now time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	x := k.m[r]
	switch {
	case x == nil:
	case !errors.Is(err, provisioner.ErrRefused):
		if err == nil {
			x.refusals, x.seen = 0, true
		}
	case x.refusals > 0 && !x.pinned && len(x.machines) == 0 && now.Sub(x.refusedSince) > forgetAfter:
		delete(k.m, r)
		k.changed = true
	default:
		if x.refusals == 0 {
			x.refusedSince = now
		}
		wait := firstRefusal << min(x.refusals, 10)
		if x.seen {
			wait = max(firstRefusal, now.Sub(x.refusedSince)/refusalPart)
		}
		x.refused, x.next = err, now.Add(min(wait, lastRefusal))
		x.refusals++
	}
}
