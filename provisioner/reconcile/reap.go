package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// reap removes what is dead, too old or not needed. A machine is judged by what its own decision
// needs, and that has to be known whole: its provider's list, its target's registrations and, for
// whether it is needed, the jobs that it may serve. A lifetime needs nothing, and what can't be
// read elsewhere is no reason to keep a machine here.
func (s *Sweeper) reap(ctx context.Context, snap *snapshot, r *Report) {
	for _, m := range snap.machines {
		s.bootFailures.observe(ctx, s, snap, m)
		s.tellOnline(ctx, m)
		if !m.Alive() {
			continue
		}
		switch {
		case snap.tooOld(m):
			s.endOld(ctx, snap, m, r)
		case m.state == Dead && !m.listed:
			s.endWithoutRegistration(ctx, m, r)
		case m.state == Dead:
			s.end(ctx, m, BootDeadline, r)
		}
	}
	s.reapRegistrations(ctx, snap, r)
	for key, c := range snap.classes {
		if snap.seesJobs(key.target) {
			s.reapExcess(ctx, snap, c, r)
		}
	}
	s.bootFailures.forget(snap)
}

// tellOnline says to the job that a machine was launched for that its runner is online, or that it
// is another job's, as far as webhooks have told.
func (s *Sweeper) tellOnline(ctx context.Context, m *machine) {
	if m.state != Idle && m.state != Busy {
		return
	}
	if took := s.trials.tookBy(m.RunnerID); took != 0 && took != m.Job {
		s.tellLost(ctx, m, provisioner.BecauseStolen, "GitHub gave its runner to another job")
		return
	}
	s.tellOf(ctx, m, provisioner.EventOnline, provisioner.Reason{})
}

// end removes the registration and then the machine; a busy one stays.
func (s *Sweeper) end(ctx context.Context, m *machine, why Reason, r *Report) {
	err := s.runners.Remove(ctx, m.target(), m.RunnerID)
	if errors.Is(err, provisioner.ErrRunnerBusy) {
		return
	}
	if err != nil {
		s.reportFailure(ctx, m, r, fmt.Errorf("remove the registration: %w", err))
		return
	}
	s.terminate(ctx, m, why, r)
}

// endOld ends a machine at the end of its lifetime, busy or not, and whatever GitHub says.
func (s *Sweeper) endOld(ctx context.Context, snap *snapshot, m *machine, r *Report) {
	if m.known && snap.canRead(m.target()) {
		if err := s.runners.Remove(ctx, m.target(), m.RunnerID); err != nil && !errors.Is(err, provisioner.ErrRunnerBusy) {
			s.log(m).WarnContext(ctx, "a machine's lifetime is over; its registration can't be removed and is left for later", "error", err)
		}
	}
	s.terminate(ctx, m, Lifetime, r)
}

// endWithoutRegistration ends a machine whose registration was not in the list, if GitHub says of
// that very id that it does not exist, and the repository is still the one that it was in: after a
// renaming another one may have its name. A job's end removes its registration too, and then the
// machine ends by itself: it gets until the next sweep.
func (s *Sweeper) endWithoutRegistration(ctx context.Context, m *machine, r *Report) {
	if _, again := s.garbage.since("gone/" + m.ID); !again {
		return
	}
	_, err := s.runners.Runner(ctx, m.target(), m.RunnerID)
	switch {
	case errors.Is(err, provisioner.ErrNotFound):
		if s.isElsewhere(ctx, m, r) {
			return
		}
		s.terminate(ctx, m, RegistrationGone, r)
	case err != nil:
		s.reportFailure(ctx, m, r, fmt.Errorf("look for the registration: %w", err))
	}
}

// isElsewhere reports whether the machine's registration may be in a repository that has lost its
// name to the one that was asked.
func (s *Sweeper) isElsewhere(ctx context.Context, m *machine, r *Report) bool {
	if m.RepositoryID == 0 || m.t.Scope == provisioner.ScopeOrganization {
		return false
	}
	id, err := s.jobs.RepositoryID(ctx, m.Repository)
	if err != nil {
		s.reportFailure(ctx, m, r, fmt.Errorf("ask which repository it is: %w", err))
		return true
	}
	if id == 0 || id == m.RepositoryID {
		return false
	}
	s.reportFailure(ctx, m, r, fmt.Errorf("it is of repository %d, and %s is repository %d now: it is left to its lifetime", m.RepositoryID, m.Repository, id))
	return true
}

// reapRegistrations removes registrations of ours that are offline and without a machine, unless
// somebody may be about to launch one.
func (s *Sweeper) reapRegistrations(ctx context.Context, snap *snapshot, r *Report) {
	for _, o := range snap.orphans(s) {
		first, again := s.garbage.since("registration/" + strconv.FormatInt(o.runner.ID, 10))
		if !o.over && (!again || snap.now.Sub(first) < orphanGrace) {
			continue
		}
		err := s.runners.Remove(ctx, o.target, o.runner.ID)
		log := s.cfg.Logger.With("runner", o.runner.Name, "repository", o.target.String(), "type", o.t.Name, "reason", NoMachine)
		switch {
		case errors.Is(err, provisioner.ErrRunnerBusy):
		case err != nil:
			r.errs = append(r.errs, fmt.Errorf("remove runner %s: %w", o.runner.Name, err))
			log.WarnContext(ctx, "a registration without a machine can't be removed", "error", err)
		default:
			r.Reaped[NoMachine]++
			log.InfoContext(ctx, "removed a registration that is offline and has no machine")
		}
	}
}

// orphanAge is how long a registration may be without a machine: the lists of the clouds lag, and
// another process may be between registering and launching.
const orphanGrace = 20 * time.Second

// orphan is a registration of ours that is offline and without a live machine.
type orphan struct {
	runner provisioner.Runner
	target provisioner.Target
	t      provisioner.RunnerType
	job    provisioner.Job
	over   bool // its machine is listed, and has ended: no lag explains that
}

// orphans also counts the registrations that an attempt here is about to use as supply on its way.
func (snap *snapshot) orphans(s *Sweeper) []orphan {
	alive, over := map[int64]bool{}, map[int64]bool{}
	for _, m := range snap.machines {
		alive[m.RunnerID] = alive[m.RunnerID] || m.Alive()
		over[m.RunnerID] = true
	}
	var out []orphan
	for target, registry := range snap.registry {
		for _, runner := range registry {
			if runner.Online || runner.Busy || alive[runner.ID] || !s.engine.Deployment().Owns(runner) {
				continue
			}
			t, j, ok := snap.parse(runner.Name, target)
			if !ok || !snap.canCount(t.Provider) {
				continue
			}
			if s.worker.Attempting(j) {
				continue
			}
			out = append(out, orphan{runner: runner, target: target, t: t, job: j, over: over[runner.ID]})
		}
	}
	slices.SortFunc(out, func(a, b orphan) int { return int(a.runner.ID - b.runner.ID) })
	return out
}

// parse finds the runner type of a name of ours: of those that fit, the one with the longest name.
// Names of types that the catalogue no longer has belong to nobody here; GitHub removes them after
// a day.
func (snap *snapshot) parse(name string, target provisioner.Target) (is provisioner.RunnerType, job provisioner.Job, ok bool) {
	for _, t := range snap.types {
		j, fits := provisioner.ParseRunnerName(t.Name, name)
		if fits && len(t.Name) > len(is.Name) && t.Target(provisioner.Repository{Owner: target.Owner, Name: target.Repo}) == target {
			is, job, ok = t, j, true
		}
	}
	return is, job, ok
}

// reapExcess ends machines that have been more than enough for two sweeps: those first whose own
// job does not wait.
func (s *Sweeper) reapExcess(ctx context.Context, snap *snapshot, c *class, r *Report) {
	excess := len(c.available) - len(c.jobs)
	if excess <= 0 {
		return
	}
	waiting := map[int64]bool{}
	for _, j := range c.jobs {
		waiting[j.ID] = true
	}
	for _, m := range c.available {
		if excess == 0 {
			return
		}
		if waiting[m.Job] || snap.tooOld(m) {
			continue
		}
		excess--
		if _, again := s.garbage.since("excess/" + m.ID); !again || s.stillWaits(ctx, m, r) {
			continue
		}
		s.end(ctx, m, NotNeeded, r)
	}
}

// stillWaits asks about the machine's own job without the lag of a list.
func (s *Sweeper) stillWaits(ctx context.Context, m *machine, r *Report) bool {
	state, err := s.jobs.JobState(ctx, provisioner.Job{ID: m.Job, Repository: m.Repository, RepositoryID: m.RepositoryID})
	if err != nil {
		s.reportFailure(ctx, m, r, fmt.Errorf("ask for the job: %w", err))
		return true
	}
	return state == provisioner.JobWaiting
}

func (s *Sweeper) terminate(ctx context.Context, m *machine, why Reason, r *Report) {
	if m.terminator == nil {
		return
	}
	if err := provisioner.Guard(func() error { return m.terminator.Terminate(ctx, m.Machine) }); err != nil {
		s.reportFailure(ctx, m, r, fmt.Errorf("terminate: %w", err))
		return
	}
	r.Reaped[why]++
	because := provisioner.BecauseMachineLost
	if why == NotNeeded {
		because = provisioner.BecauseGone
	}
	s.tellLost(ctx, m, because, losses[why])
	s.log(m).InfoContext(ctx, "ended a machine", "reason", why, "age", m.Age(time.Now()).Round(time.Second))
}

// tellLost says to the job that a machine was launched for why it does not have it any more.
func (s *Sweeper) tellLost(ctx context.Context, m *machine, because provisioner.Because, detail string) {
	s.tellOf(ctx, m, provisioner.EventMachineLost, provisioner.Reason{Because: because, Type: m.Type, System: m.Provider, Name: m.ID, Detail: detail})
}

// losses say why a machine was removed.
var losses = map[Reason]string{
	NotNeeded:        "no job that waits needs it",
	BootDeadline:     "its runner was not online within its boot deadline",
	RegistrationGone: "its registration is gone",
	Lifetime:         "its lifetime is over",
}

func (s *Sweeper) reportFailure(ctx context.Context, m *machine, r *Report, err error) {
	r.errs = append(r.errs, fmt.Errorf("machine %s: %w", m.ID, err))
	s.log(m).WarnContext(ctx, "a machine can't be ended now", "error", err)
}
