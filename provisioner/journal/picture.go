package journal

import (
	"cmp"
	"slices"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// picture is what the journal knew at one moment, for questions that take their time: nobody who
// has something to tell waits for them. It asks those who hold jobs back once for each of their
// answers.
type picture struct {
	records []*record // copies, without their steps
	sweep   sweep
	types   map[string]provisioner.RunnerType
	holds   Holds
	asked   map[question]answer
}

type question struct {
	runnerType string
	repository provisioner.Repository
}

type answer struct {
	why provisioner.Reason
	ok  bool
}

// picture copies everything but the steps.
func (j *Journal) picture() *picture {
	j.mu.Lock()
	defer j.mu.Unlock()
	p := j.outline()
	copies := make([]record, 0, len(j.records))
	p.records = make([]*record, 0, len(j.records))
	for _, r := range j.records {
		copies = append(copies, *r)
		c := &copies[len(copies)-1]
		c.Steps = nil
		p.records = append(p.records, c)
	}
	return p
}

// outline is a picture without records. The caller has the lock.
func (j *Journal) outline() *picture {
	return &picture{sweep: j.sweep, types: j.types, holds: j.holds, asked: make(map[question]answer)}
}

// ask asks what holds back the jobs of a type in a repository.
func (p *picture) ask(runnerType string, r provisioner.Repository) answer {
	if p.holds == nil {
		return answer{}
	}
	q := question{runnerType, r}
	a, ok := p.asked[q]
	if !ok {
		a.why, a.ok = p.holds.Reason(runnerType, r)
		p.asked[q] = a
	}
	return a
}

// view is a job as others see it.
func (p *picture) view(r *record, ahead line) Job {
	return Job{
		Job: r.Job, Type: r.Type, State: r.State, Since: r.Since, Accepted: r.Accepted, Reason: p.reason(r, ahead), Runner: r.Runner, Machine: r.Machine, Provider: r.Provider,
		Reported: r.Reported, Registered: r.Registered, Launched: r.Launched, Online: r.Online, Started: r.Started, Ended: r.Ended,
	}
}

// stale is how long after its time a job's own hold still says why it waits: until its attempt has
// begun.
const stale = 10 * time.Second

// reason says why a job is where it is.
func (p *picture) reason(r *record, ahead line) provisioner.Reason {
	switch r.State {
	case Running, Ended:
		return provisioner.Reason{}
	case Launching:
		return provisioner.Reason{Because: provisioner.BecauseLaunching, Type: r.Type, Name: r.Runner}
	case Booting:
		switch {
		case !r.Online.IsZero():
			return provisioner.Reason{Because: provisioner.BecauseOnline, Type: r.Type, Name: r.Runner}
		case r.Reason.Because != "":
			return r.Reason
		}
		why := provisioner.Reason{Because: provisioner.BecauseBooting, Type: r.Type, Name: cmp.Or(r.Machine, "for runner "+r.Runner)}
		if t, ok := p.types[r.Type]; ok && !r.Launched.IsZero() {
			why.Until = r.Launched.Add(cmp.Or(t.BootDeadline, defaultBootDeadline))
		}
		return why
	case Waiting:
		return p.hold(r, ahead)
	default:
		return r.Reason
	}
}

// defaultBootDeadline is that of runner types that say nothing.
const defaultBootDeadline = 5 * time.Minute

// standing are the reasons of a job's own that nothing else explains better, until something
// happens to it.
var standing = map[provisioner.Because]bool{provisioner.BecauseMachineLost: true, provisioner.BecauseStolen: true, provisioner.BecauseUnknown: true}

// hold says why a job waits: because its machine was lost, because of what holds back jobs like it,
// because of what holds it back alone, or because others come first.
func (p *picture) hold(r *record, ahead line) provisioner.Reason {
	if standing[r.Reason.Because] {
		return r.Reason
	}
	if h := p.ask(r.Type, r.Job.Repository); h.ok {
		h.why.Ahead = ahead.of(r)
		return h.why
	}
	if r.Reason.Because != "" && time.Since(r.Reason.Until) < stale {
		return r.Reason
	}
	return provisioner.Reason{Because: provisioner.BecauseBehind, Type: r.Type, Ahead: ahead.of(r)}
}

// line are the jobs of a type that wait, oldest first, by repository: repositories take turns.
type line map[provisioner.Repository][]*record

// of is how many jobs come before a job, if every repository has its turn.
func (l line) of(r *record) int {
	own, found := slices.BinarySearchFunc(l[r.Job.Repository], r, byAge)
	if !found {
		return 0
	}
	n := own
	for repository, waiting := range l {
		if repository != r.Job.Repository {
			n += min(len(waiting), own)
		}
	}
	return n
}

func byAge(a, b *record) int {
	return cmp.Or(a.Accepted.Compare(b.Accepted), cmp.Compare(a.Job.ID, b.Job.ID))
}

// lines returns the lines of all types.
func (p *picture) lines() map[string]line {
	lines := make(map[string]line)
	for _, r := range p.records {
		if r.State != Waiting {
			continue
		}
		if lines[r.Type] == nil {
			lines[r.Type] = make(line)
		}
		lines[r.Type][r.Job.Repository] = append(lines[r.Type][r.Job.Repository], r)
	}
	for _, l := range lines {
		for _, waiting := range l {
			slices.SortFunc(waiting, byAge)
		}
	}
	return lines
}
