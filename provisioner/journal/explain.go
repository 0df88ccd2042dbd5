package journal

import (
	"cmp"
	"slices"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// Job is what the journal says of a job.
type Job struct {
	provisioner.Job
	// Type is the runner type that serves it; empty if none does.
	Type  string
	State State
	// Since is when the state began, and Accepted when the job became known.
	Since, Accepted time.Time
	// Reason is why it is where it is; zero if it is running or has ended.
	Reason provisioner.Reason
	// Runner, Machine and Provider are of its latest machine.
	Runner, Machine, Provider string
	// Registered, Launched and Online are when the runner of its latest machine was registered,
	// when that machine was launched, and when its runner was seen online; Started and Ended, when
	// GitHub says that the job did. Zero if unknown.
	Registered, Launched, Online, Started, Ended time.Time
	// Reported is what [Journal.MarkReported] was told last; empty if nothing was.
	Reported string
	// Timeline is what happened, oldest first. [Journal.Jobs] leaves it out.
	Timeline []Step
}

// Because is the sentence that says why the job is where it is. It is empty only if it is running
// or has ended.
func (j Job) Because() string {
	if j.Reason.Because == "" {
		return ""
	}
	return j.Reason.String()
}

// Explain says what is known of a job; ok is false if nothing is.
func (j *Journal) Explain(id int64) (job Job, ok bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	r := j.records[id]
	if r == nil {
		return Job{}, false
	}
	p := j.outline()
	for _, other := range j.records {
		if other.State == Waiting && other.Type == r.Type {
			p.records = append(p.records, other)
		}
	}
	job = p.view(r, p.lines()[r.Type])
	job.Timeline = slices.Clone(r.Steps)
	return job, true
}

// Knows reports whether anything is known of a job.
func (j *Journal) Knows(id int64) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.records[id] != nil
}

// Jobs says what is known of the jobs that are wanted, without their timelines: those that wait
// longest first, then the others that are not over, then those that were over last.
func (j *Journal) Jobs(want func(Job) bool) (jobs []Job) {
	p := j.picture()
	lines := p.lines()
	for _, r := range p.records {
		if job := p.view(r, lines[r.Type]); want == nil || want(job) {
			jobs = append(jobs, job)
		}
	}
	rank := map[State]int{Waiting: 0, Launching: 0, Booting: 1, Running: 2}
	of := func(s State) int {
		if s.Over() {
			return len(rank)
		}
		return rank[s]
	}
	slices.SortFunc(jobs, func(a, b Job) int {
		order := a.Accepted.Compare(b.Accepted)
		if a.State.Over() {
			order = b.Since.Compare(a.Since)
		}
		return cmp.Or(cmp.Compare(of(a.State), of(b.State)), order, cmp.Compare(a.ID, b.ID))
	})
	return jobs
}
