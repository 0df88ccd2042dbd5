package journal

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// Type is a runner type with its jobs and machines.
type Type struct {
	provisioner.RunnerType
	// Waiting counts the jobs without a machine, and Oldest is when the one was accepted that has
	// waited longest; zero if none does.
	Waiting int
	Oldest  time.Time
	// Booting, Ready and Running count machines: those that are not up yet, those whose runner
	// waits for a job, and those that run one.
	Booting, Ready, Running int
	// Reason is what holds its jobs back; zero if nothing does.
	Reason provisioner.Reason
}

// Machine is a machine that is alive.
type Machine struct {
	provisioner.Machine
	State MachineState
}

// MachineState is what a machine is doing.
type MachineState string

// The states of machines.
const (
	MachineBooting MachineState = "booting" // its runner is not online yet
	MachineReady   MachineState = "ready"   // its runner waits for a job
	MachineRunning MachineState = "running" // it has a job
	MachineEnding  MachineState = "ending"  // its registration is gone, or it did not come up in time
	MachineUnknown MachineState = "unknown" // GitHub could not be asked
)

// sweep is what the last sweep saw.
type sweep struct {
	at       time.Time
	machines map[string]Machine
	unlisted []string
}

// launchLag is how long a machine may be missing from lists.
const launchLag = 2 * time.Minute

// Swept takes in what a sweep that began at that time saw: all machines that are alive, but those
// of unlisted providers.
func (j *Journal) Swept(begun time.Time, machines []Machine, unlisted []string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	now := time.Now()
	next := sweep{at: begun, machines: make(map[string]Machine, len(machines)), unlisted: unlisted}
	for _, m := range machines {
		next.machines[m.ID] = m
	}
	for id, m := range j.sweep.machines {
		if slices.Contains(unlisted, m.Provider) {
			next.machines[id] = m
		}
	}
	j.sweep = next
	for _, r := range j.records {
		if (r.State == Booting || r.State == Running) && r.Machine != "" && j.isOver(r, begun) {
			why := provisioner.Reason{Because: provisioner.BecauseMachineLost, Type: r.Type, System: r.Provider, Name: r.Machine, Detail: "it is over"}
			if lose(r, provisioner.Event{Kind: provisioner.EventMachineLost, At: now, Machine: provisioner.Machine{ID: r.Machine}, Reason: why}) {
				j.note(r)
			}
		}
	}
	j.tell()
}

// isOver reports whether a job's machine has ended, as far as lists can tell.
func (j *Journal) isOver(r *record, begun time.Time) bool {
	_, alive := j.sweep.machines[r.Machine]
	return !alive && !r.Launched.IsZero() && begun.Sub(r.Launched) > launchLag && !slices.Contains(j.sweep.unlisted, r.Provider)
}

// Machines returns the machines that are alive: those that the last sweep saw, and those launched
// since.
func (j *Journal) Machines() []Machine {
	return j.picture().machines()
}

func (p *picture) machines() []Machine {
	alive := maps.Clone(p.sweep.machines)
	if alive == nil {
		alive = make(map[string]Machine)
	}
	for _, r := range p.records {
		m, listed := alive[r.Machine]
		switch {
		case r.Machine == "":
		case r.State == Running && listed:
			m.State = MachineRunning
			alive[r.Machine] = m
		case r.State.Over() || listed || r.Launched.Before(p.sweep.at.Add(-launchLag)):
		default:
			m := Machine{State: MachineBooting, Machine: provisioner.Machine{
				ID: r.Machine, Provider: r.Provider, Type: r.Type, Repository: r.Job.Repository, Job: r.Job.ID, RunnerName: r.Runner, LaunchedAt: r.Launched, State: provisioner.MachineAlive,
			}}
			if r.State == Running {
				m.State = MachineRunning
			}
			alive[r.Machine] = m
		}
	}
	return slices.SortedFunc(maps.Values(alive), func(a, b Machine) int {
		return cmp.Or(a.LaunchedAt.Compare(b.LaunchedAt), cmp.Compare(a.ID, b.ID))
	})
}

// Types returns the runner types in their order, with their jobs and machines.
func (j *Journal) Types() []Type {
	p := j.picture()
	types := make([]Type, len(j.cfg.Types))
	index := make(map[string]*Type, len(types))
	for i, t := range j.cfg.Types {
		types[i] = Type{RunnerType: t}
		index[t.Name] = &types[i]
	}
	first := make(map[string]*record)
	for _, r := range p.records {
		t := index[r.Type]
		if t == nil || r.State != Waiting && r.State != Launching {
			continue
		}
		t.Waiting++
		if first[r.Type] == nil || byAge(r, first[r.Type]) < 0 {
			first[r.Type], t.Oldest = r, r.Accepted
		}
	}
	for _, m := range p.machines() {
		t := index[m.Type]
		if t == nil {
			continue
		}
		switch m.State {
		case MachineBooting:
			t.Booting++
		case MachineReady:
			t.Ready++
		case MachineRunning:
			t.Running++
		case MachineEnding, MachineUnknown:
		}
	}
	for i := range types {
		types[i].Reason = p.holdOf(&types[i], first[types[i].Name])
	}
	return types
}

// holdOf is what holds back a type's jobs, of which the first has waited longest: what concerns all
// of them, or else that one.
func (p *picture) holdOf(t *Type, first *record) provisioner.Reason {
	if h := p.ask(t.Name, provisioner.Repository{}); h.ok && (first != nil || h.why.Because != provisioner.BecauseMax) {
		return h.why
	}
	if first == nil || first.State != Waiting {
		return provisioner.Reason{}
	}
	if why := p.hold(first, nil); why.Because != provisioner.BecauseBehind {
		return why
	}
	return provisioner.Reason{}
}

// Waits counts the jobs that wait, by runner type and reason.
func (j *Journal) Waits() map[Wait]int {
	p := j.picture()
	n := make(map[Wait]int)
	for _, r := range p.records {
		if r.State == Waiting || r.State == Launching {
			n[Wait{r.Type, p.reason(r, nil).Because}]++
		}
	}
	return n
}

// Minute is what a runner type had to do at one moment.
type Minute struct{ Waiting, Running int }

// minutes is how far [Journal.LastHour] reaches back.
const minutes = 60

// LastHour counts the jobs of every runner type that waited for their machine, and those that ran,
// at the end of each of the last sixty minutes.
func (j *Journal) LastHour() map[string][]Minute {
	p := j.picture()
	now := time.Now()
	hour := make(map[string][]Minute, len(j.cfg.Types))
	for _, t := range j.cfg.Types {
		hour[t.Name] = make([]Minute, minutes)
	}
	for _, r := range p.records {
		counts := hour[r.Type]
		if counts == nil {
			continue
		}
		each := func(from, to time.Time, count func(*Minute)) {
			for i := range counts {
				at := now.Add(time.Duration(i-minutes+1) * time.Minute)
				if !at.Before(from) && at.Before(to) {
					count(&counts[i])
				}
			}
		}
		end := now.Add(time.Minute)
		if r.State.Over() {
			end = r.Since
		}
		served := end
		for _, at := range []time.Time{r.Launched, r.Started} {
			if !at.IsZero() && at.Before(served) && r.State != Waiting {
				served = at
			}
		}
		each(r.Accepted, served, func(m *Minute) { m.Waiting++ })
		if !r.Started.IsZero() {
			each(r.Started, end, func(m *Minute) { m.Running++ })
		}
	}
	return hour
}

// Wait is a runner type and a reason for which its jobs wait.
type Wait struct {
	Type    string
	Because provisioner.Because
}
